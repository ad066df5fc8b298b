//! The process's heap.
//!
//! Reading takes several megabytes for each batch, in blocks of all sizes, and lets them go again. glibc gives
//! them back to the system each time and takes them anew, a fault for each page; mimalloc keeps them, where
//! it is told to. `docs/performance.md` says what that is worth.

use mimalloc::MiMalloc;

#[global_allocator]
static HEAP: MiMalloc = MiMalloc;

/// Number of the option that says after how many milliseconds freed memory goes back to the system. The
/// bindings have no name for it; in the library's header it is the sixteenth of its list.
const PURGE_DELAY: i32 = 15;
/// It does not go back: what one batch needed the next one needs, and the most there ever is is bounded by
/// the relay's own limits.
const NEVER: std::ffi::c_long = -1;

/// To be called first.
#[allow(
    unsafe_code,
    reason = "the library's settings are reached through its own function alone"
)]
pub(crate) fn keep_freed_memory() {
    // SAFETY: it takes two numbers by value, and leaves a number that is no option alone.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, NEVER);
    }
}
