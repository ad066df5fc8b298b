//! Text that was found to be UTF-8, kept as bytes: whoever only compares, hashes or counts it never pays for
//! a `str`, which safe code gets by reading every byte once more.

use alloc::string::String;
use core::{fmt, str};

/// Bytes that are known to be UTF-8.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checked<'a>(&'a [u8]);

impl<'a> Checked<'a> {
    /// Bytes that end at `end`, if they are UTF-8; else where they cease to be.
    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8], end: usize) -> Result<Self, usize> {
        // Most text is ASCII, which is told faster than UTF-8 is read.
        if is_ascii(bytes) {
            return Ok(Self(bytes));
        }
        match str::from_utf8(bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(error) => Err(end - bytes.len() + error.valid_up_to()),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        // Never empty instead: only what was checked gets here.
        str::from_utf8(self.0).unwrap_or_default()
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether it has no characters.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> From<&'a str> for Checked<'a> {
    fn from(text: &'a str) -> Self {
        Self(text.as_bytes())
    }
}

impl PartialEq<str> for Checked<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Checked<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<String> for Checked<'_> {
    fn eq(&self, other: &String) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for Checked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Checked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As that of the standard library, without a call for the short texts that most are.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let mut seen = u64::from_ne_bytes(*first) | u64::from_ne_bytes(*last);
        if bytes.len() > 16 {
            let (words, _) = bytes.as_chunks::<8>();
            for word in words {
                seen |= u64::from_ne_bytes(*word);
            }
        }
        return seen & 0x8080_8080_8080_8080 == 0;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return (u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)) & 0x8080_8080 == 0;
    }
    bytes.iter().all(u8::is_ascii)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// Every length up to several words, with the one other byte at every place.
    #[test]
    fn ascii_is_told_wherever_the_other_byte_is() {
        for length in 0..40 {
            let mut bytes = vec![b'a'; length];
            assert!(is_ascii(&bytes));
            for at in 0..length {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "byte {at} of {length}");
                assert_eq!(Checked::new(&bytes, 100), Err(100 - length + at));
                bytes[at] = b'a';
            }
        }
    }

    #[test]
    fn text_is_what_it_was() {
        let text = Checked::new("größer".as_bytes(), 8).expect("UTF-8");
        assert_eq!((text.as_str(), text.is_empty()), ("größer", false));
        assert_eq!(text, "größer");
        assert_eq!(text, Checked::from("größer"));
    }
}
