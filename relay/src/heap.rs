//! How the process takes memory from the system.
//!
//! glibc gives freed memory back to the system as soon as a few megabytes lie at the end of its heap, which is
//! so after every batch that was read; taking them back costs the kernel a fault for each page. A relay lives
//! long and reads on: what it needed for one batch it keeps for the next.

/// Memory at the end of a heap that is kept: what one fetch takes several times over (the answer, its
/// batches, their records).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES_MAX: i32 = 64 * 1024 * 1024;
/// Blocks from this size on come from the system one by one and go back to it at once: answers as large as
/// only single records of unusual size make them.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING_BYTES_MIN: i32 = 16 * 1024 * 1024;

/// Sets the allocator's thresholds, where it is glibc's. To be called before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(
    unsafe_code,
    reason = "the C library's settings are reached through its own function alone"
)]
pub(crate) fn keep_freed_memory() {
    // SAFETY: `mallopt` takes two integers by value and has no precondition but that no other thread
    // allocates meanwhile, and there is none yet. A setting it does not take it leaves as it was.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES_MAX);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING_BYTES_MIN);
    }
}

/// Other C libraries have other ways.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn keep_freed_memory() {}
