//! zstd decoders that could stand behind decode-core's seam, each reduced to what the seam asks of one: a
//! body in, its content or a refusal out, never more than [`CONTENT_BYTES_MAX`] bytes of it.

use wasm_bindgen::prelude::*;

/// The limit of decode-core.
pub const CONTENT_BYTES_MAX: usize = 10 * 1024 * 1024;

/// One decoder with its buffers, which live on between calls.
pub trait Decompress {
    /// The content of all frames, or nothing where they are refused.
    fn decompress(&mut self, input: &[u8]) -> Option<&[u8]>;
}

/// ruzstd behind decode-core's seam, with the checks that it lacks.
#[cfg(feature = "ruzstd")]
#[derive(Default)]
pub struct Ruzstd {
    inner: decode_core::zstd::Oracle,
    out: Vec<u8>,
}

#[cfg(feature = "ruzstd")]
impl Decompress for Ruzstd {
    fn decompress(&mut self, input: &[u8]) -> Option<&[u8]> {
        let done = self
            .inner
            .decompress(input, &mut self.out, CONTENT_BYTES_MAX);
        done.is_ok().then_some(&self.out)
    }
}

/// A fork of ruzstd with much unsafe code.
#[cfg(feature = "structured")]
pub struct Structured {
    inner: structured_zstd::decoding::FrameDecoder,
    out: Vec<u8>,
}

#[cfg(feature = "structured")]
impl Default for Structured {
    fn default() -> Self {
        Self {
            inner: structured_zstd::decoding::FrameDecoder::new(),
            out: vec![0; CONTENT_BYTES_MAX],
        }
    }
}

#[cfg(feature = "structured")]
impl Decompress for Structured {
    fn decompress(&mut self, input: &[u8]) -> Option<&[u8]> {
        match self.inner.decode_all(input, &mut self.out) {
            Ok(len) => self.out.get(..len),
            Err(_) => {
                self.inner = structured_zstd::decoding::FrameDecoder::new();
                None
            }
        }
    }
}

/// decode-core's own: zstd-rs, which forbids unsafe code, behind the seam.
#[cfg(feature = "safe")]
#[derive(Default)]
pub struct Safe {
    inner: decode_core::zstd::Decompressor,
    out: Vec<u8>,
}

#[cfg(feature = "safe")]
impl Decompress for Safe {
    fn decompress(&mut self, input: &[u8]) -> Option<&[u8]> {
        let done = self
            .inner
            .decompress(input, &mut self.out, CONTENT_BYTES_MAX);
        done.is_ok().then_some(&self.out)
    }
}

/// The C library. Not for WebAssembly: that needs a C compiler for it.
#[cfg(feature = "libzstd")]
pub struct Libzstd {
    inner: zstd_safe::DCtx<'static>,
    out: Vec<u8>,
}

#[cfg(feature = "libzstd")]
impl Default for Libzstd {
    fn default() -> Self {
        Self {
            inner: zstd_safe::DCtx::create(),
            out: Vec::with_capacity(CONTENT_BYTES_MAX),
        }
    }
}

#[cfg(feature = "libzstd")]
impl Decompress for Libzstd {
    fn decompress(&mut self, input: &[u8]) -> Option<&[u8]> {
        self.out.clear();
        let done = self.inner.decompress(&mut self.out, input);
        done.is_ok().then_some(&self.out)
    }
}

/// The one that a module is built with; none gives the size of what every module has.
#[wasm_bindgen]
#[derive(Default)]
pub struct Chosen {
    #[cfg(feature = "ruzstd")]
    inner: Ruzstd,
    #[cfg(all(feature = "structured", not(feature = "ruzstd")))]
    inner: Structured,
    #[cfg(all(feature = "safe", not(any(feature = "ruzstd", feature = "structured"))))]
    inner: Safe,
}

#[wasm_bindgen]
impl Chosen {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// The length of the content, which stays in the module; -1 where it is refused.
    pub fn decompress(&mut self, input: &[u8]) -> i32 {
        #[cfg(any(feature = "ruzstd", feature = "structured", feature = "safe"))]
        return self
            .inner
            .decompress(input)
            .map_or(-1, |out| out.len() as i32);
        #[cfg(not(any(feature = "ruzstd", feature = "structured", feature = "safe")))]
        return input.len() as i32;
    }
}
