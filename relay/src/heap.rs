//! How much of the heap is in use, counted as it is taken and given back: an allocator knows what it holds of the
//! system's memory, but only with its slow statistics on what of it is in use.

#![allow(
    unsafe_code,
    reason = "an allocator is made of unsafe functions; each hands on what it was given"
)]

use std::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
    sync::atomic::{AtomicI64, Ordering},
};

/// Bytes in use, without what threads have not added yet.
static IN_USE: AtomicI64 = AtomicI64::new(0);
/// What a thread keeps to itself at most: adding every block at once would make the threads wait for each other.
const UNTOLD_BYTES_MAX: i64 = 64 * 1024;

thread_local! {
    static UNTOLD: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: i64) {
    // While a thread ends there is no place of its own any more.
    let told = UNTOLD.try_with(|untold| {
        let sum = untold.get() + bytes;
        let is_much = sum.abs() >= UNTOLD_BYTES_MAX;
        untold.set(if is_much { 0 } else { sum });
        if is_much { sum } else { 0 }
    });
    let told = told.unwrap_or(bytes);
    if told != 0 {
        IN_USE.fetch_add(told, Ordering::Relaxed);
    }
}

fn size(layout: Layout) -> i64 {
    i64::try_from(layout.size()).unwrap_or(i64::MAX)
}

/// Bytes in use, to within 64 KiB a thread; nothing where no [`Counted`] heap is the program's.
pub fn in_use() -> Option<u64> {
    u64::try_from(IN_USE.load(Ordering::Relaxed))
        .ok()
        .filter(|&bytes| bytes > 0)
}

/// Bytes of this process that are in memory and belong to no file: the heap, with what the allocator keeps of it, and
/// the stacks. Nothing where the system does not tell.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// A heap that counts what is in use.
#[derive(Debug)]
pub struct Counted<A>(pub A);

// SAFETY: every call is handed on as it is, and what comes back is what the heap below gave; counting neither
// allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counted<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to what the same function of the heap below asks for.
        let block = unsafe { self.0.alloc(layout) };
        if !block.is_null() {
            count(size(layout));
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe { self.0.alloc_zeroed(layout) };
        if !block.is_null() {
            count(size(layout));
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.0.dealloc(block, layout) };
        count(-size(layout));
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        let block = unsafe { self.0.realloc(block, layout, new_size) };
        if !block.is_null() {
            count(i64::try_from(new_size).unwrap_or(i64::MAX) - size(layout));
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    /// X1: what is in use is what was taken and not given back, whichever way.
    #[test]
    fn what_is_taken_is_counted_until_it_is_given_back() {
        let heap = Counted(System);
        let mib = 1 << 20;
        let layout = Layout::from_size_align(mib, 8).expect("a layout");
        let before = IN_USE.load(Ordering::Relaxed);
        let since = || IN_USE.load(Ordering::Relaxed) - before;
        let near = |bytes: i64| (since() - bytes).abs() <= UNTOLD_BYTES_MAX;
        // SAFETY: the layout has a size, and each block is given back once, with the layout it has then.
        unsafe {
            let (one, two) = (heap.alloc(layout), heap.alloc_zeroed(layout));
            assert!(!one.is_null() && !two.is_null());
            assert!(near(2 << 20), "{}", since());
            let one = heap.realloc(one, layout, 3 * mib);
            assert!(near(4 << 20), "{}", since());
            heap.dealloc(two, layout);
            let grown = Layout::from_size_align(3 * mib, 8).expect("a layout");
            heap.dealloc(one, grown);
        }
        assert!(near(0), "{}", since());
    }
}
