//! The process's heap.
//!
//! Reading takes several megabytes for each batch, in blocks of all sizes, and lets them go again. glibc gives
//! them back to the system each time and takes them again, a fault for each page; mimalloc keeps them for a
//! while. `docs/performance.md` says what that is worth.

use dashstream_relay::heap::Counted;
use mimalloc::MiMalloc;

#[global_allocator]
static HEAP: Counted<MiMalloc> = Counted(MiMalloc);

/// Number of the option that says after how many milliseconds freed memory goes back to the system. The
/// bindings have no name for it; in the library's header it is the sixteenth of its list.
const PURGE_DELAY: i32 = 15;
/// Long enough for what one batch needed to be there for the next one, and short enough for a relay that has caught
/// up to take no more than it holds.
const PURGE_DELAY_MS: std::ffi::c_long = 5_000;

/// To be called first.
#[allow(
    unsafe_code,
    reason = "the library's settings are reached through its own function alone"
)]
pub(crate) fn keep_freed_memory_for_a_while() {
    // SAFETY: it takes two numbers by value, and leaves a number that is no option alone.
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, PURGE_DELAY_MS);
    }
}

/// Gives back what was freed long enough ago. By itself the library looks only while somebody allocates.
#[allow(unsafe_code, reason = "the library has no safe way to ask for it")]
pub(crate) fn give_back() {
    // SAFETY: it may be called from any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(false) };
}
