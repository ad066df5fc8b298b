//! Decodes one payload with nothing but core, alloc and libc's start-up code.
#![no_std]
#![no_main]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use decode_core::{Decoder, Mode};

/// Never gives memory back: the program decodes once and ends.
struct Arena {
    memory: UnsafeCell<[u8; ARENA_BYTES]>,
    used: AtomicUsize,
}

const ARENA_BYTES: usize = 4 * 1024 * 1024;

// SAFETY: each byte is handed out once, by an atomic counter.
unsafe impl Sync for Arena {}

// SAFETY: blocks are inside the arena, aligned, and never overlap.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let wanted = layout.size() + layout.align();
        let start = self.used.fetch_add(wanted, Ordering::Relaxed);
        if start + wanted > ARENA_BYTES {
            return core::ptr::null_mut();
        }
        let base = self.memory.get().cast::<u8>();
        let aligned = (base as usize + start).next_multiple_of(layout.align()) - base as usize;
        unsafe { base.add(aligned) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ARENA: Arena = Arena {
    memory: UnsafeCell::new([0; ARENA_BYTES]),
    used: AtomicUsize::new(0),
};

// What libc brings: the start-up code's callee and the memory functions compilers emit.
#[link(name = "c")]
unsafe extern "C" {}

/// The prebuilt alloc names it in its unwind tables; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Exits with 0 if a compressed event is decoded, told from a damaged one, and has its facts.
#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
    let mut decoder = Decoder::new(Mode::Strict);
    let payload = include_bytes!("event.bin");
    let sequence = decoder
        .decode(payload, &mut ())
        .map_or(0, |d| d.summary.header.sequence);
    let damaged = payload.get(..payload.len() - 1).unwrap_or_default();
    let refused = decoder.decode(damaged, &mut ()).is_err();
    c_int::from(!(sequence == 1 && refused))
}
