//! The only code that takes protobuf bytes apart: every read is checked, nothing is copied.

use crate::error::Reject;

/// How a protobuf field's value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Len = 2,
    StartGroup = 3,
    EndGroup = 4,
    Fixed32 = 5,
}

/// A cursor over protobuf bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The bytes between an earlier position and this one.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// A base-128 integer of at most ten bytes and 64 bits.
    // Most tags, lengths and numbers are one byte, or two; a call for each would cost more than reading it. No
    // call is given the reader itself, so that it stays in registers.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, Reject> {
        if let Some(&byte) = self.bytes.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(u64::from(byte));
        }
        let two = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        if let Some(&[low, high]) = two
            && high < 0x80
        {
            self.at += 2;
            return Ok(u64::from(low & 0x7F) | u64::from(high) << 7);
        }
        let (value, length) = long_varint(self.bytes, self.at);
        if length == 0 {
            return Err(no_varint(self.bytes, self.at));
        }
        self.at += length;
        Ok(value)
    }

    /// The next field's number and layout.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<(u32, WireType), Reject> {
        let at = self.at;
        let tag = self.raw_tag()?;
        Self::parts(tag, at)
    }

    /// The next field's tag, which may yet be none.
    #[inline(always)]
    pub(crate) fn raw_tag(&mut self) -> Result<u32, Reject> {
        let at = self.at;
        u32::try_from(self.varint()?).map_err(|_| Reject::protobuf(at, "tag over 32 bits"))
    }

    /// Number and layout in a tag that was read at `at`.
    pub(crate) fn parts(tag: u32, at: usize) -> Result<(u32, WireType), Reject> {
        let wire = match tag & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Len,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return Err(Reject::protobuf(at, "unknown wire type")),
        };
        match tag >> 3 {
            0 => Err(Reject::protobuf(at, "field number 0")),
            number => Ok((number, wire)),
        }
    }

    /// A reader over the next `len` bytes. It counts on, so that positions in it are positions in this.
    #[inline(always)]
    pub(crate) fn within(&mut self, len: usize) -> Result<Self, Reject> {
        let end = self.at.checked_add(len);
        match end.and_then(|end| self.bytes.get(..end)) {
            Some(bytes) => {
                let inner = Self { bytes, at: self.at };
                self.at += len;
                Ok(inner)
            }
            None => Err(Reject::protobuf(self.at, "truncated field")),
        }
    }

    /// A length and a reader over that many bytes.
    #[inline(always)]
    pub(crate) fn nested(&mut self) -> Result<Self, Reject> {
        let len = self.length()?;
        self.within(len)
    }

    /// The next `len` bytes.
    #[inline(always)]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Reject> {
        let end = self.at.checked_add(len);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(slice) => {
                self.at += len;
                Ok(slice)
            }
            None => Err(Reject::protobuf(self.at, "truncated field")),
        }
    }

    /// A length and that many bytes.
    #[inline(always)]
    pub(crate) fn len_delimited(&mut self) -> Result<&'a [u8], Reject> {
        let len = self.length()?;
        self.take(len)
    }

    #[inline(always)]
    fn length(&mut self) -> Result<usize, Reject> {
        let at = self.at;
        usize::try_from(self.varint()?)
            .map_err(|_| Reject::protobuf(at, "length over the address space"))
    }
}

/// A varint of more than one byte at `at`, and its length; 0 if it is none. Numbers of up to eight bytes,
/// which nearly all are, are read in a few steps without a loop.
// Two words and no `Result`: so the answer is handed back in registers.
#[inline(never)]
fn long_varint(bytes: &[u8], at: usize) -> (u64, usize) {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(eight) = rest.first_chunk::<8>() else {
        return any_varint(rest);
    };
    let word = u64::from_le_bytes(*eight);
    // The last byte is the first whose high bit is not set.
    let ends = !word & 0x8080_8080_8080_8080;
    if ends == 0 {
        return any_varint(rest);
    }
    // The bits below the end are those of its bytes; seven of each eight count.
    let bits = word & (ends ^ (ends - 1)) & 0x7F7F_7F7F_7F7F_7F7F;
    let pairs = (bits & 0x007F_007F_007F_007F) | (bits & 0x7F00_7F00_7F00_7F00) >> 1;
    let fours = (pairs & 0x0000_3FFF_0000_3FFF) | (pairs & 0x3FFF_0000_3FFF_0000) >> 2;
    let value = (fours & 0x0FFF_FFFF) | (fours & 0x0FFF_FFFF_0000_0000) >> 4;
    (value, ends.trailing_zeros() as usize / 8 + 1)
}

#[inline(never)]
fn any_varint(rest: &[u8]) -> (u64, usize) {
    let mut value = 0u64;
    for (i, &byte) in rest.iter().take(VARINT_LEN_MAX).enumerate() {
        if i == VARINT_LEN_MAX - 1 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7F) << (7 * i);
        if byte < 0x80 {
            return (value, i + 1);
        }
    }
    (0, 0)
}

/// Why there is no varint at `at`.
#[cold]
fn no_varint(bytes: &[u8], at: usize) -> Reject {
    if bytes.len() - at.min(bytes.len()) < VARINT_LEN_MAX {
        Reject::protobuf(at, "truncated varint")
    } else {
        Reject::protobuf(at, "varint over 64 bits")
    }
}

/// Most bytes a 64-bit varint can take.
const VARINT_LEN_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn varint_takes_64_bits_and_no_more() {
        let max = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        assert_eq!(Reader::new(&max).varint(), Ok(u64::MAX));
        let over = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02];
        assert!(Reader::new(&over).varint().is_err());
        assert!(Reader::new(&[0x80; 11]).varint().is_err());
        assert!(Reader::new(&[0x80]).varint().is_err());
        assert!(Reader::new(&[]).varint().is_err());
        // Padding is legal as long as it fits.
        assert_eq!(Reader::new(&[0x81, 0x80, 0x00]).varint(), Ok(1));
        assert_eq!(Reader::new(&[0x81, 0x80, 0, 9, 9, 9, 9, 9]).varint(), Ok(1));
    }

    /// Of every length, at the end of the bytes and with more behind it, which are read in different ways.
    #[test]
    fn varint_reads_every_length_alike() {
        for bits in 0..64 {
            for value in [
                1_u64 << bits,
                u64::MAX >> bits,
                0x1234_5678_9ABC_DEF1 >> bits,
            ] {
                let mut bytes = Vec::new();
                prost::encoding::encode_varint(value, &mut bytes);
                let length = bytes.len();
                for more in [0, 1, 8, 16] {
                    bytes.resize(length + more, 0xFF);
                    let mut reader = Reader::new(&bytes);
                    assert_eq!((reader.varint(), reader.at()), (Ok(value), length));
                    bytes.truncate(length);
                }
            }
        }
    }

    #[test]
    fn tags_refuse_field_zero_and_wire_types_six_and_seven() {
        assert_eq!(Reader::new(&[0x0A]).tag(), Ok((1, WireType::Len)));
        assert!(Reader::new(&[0x02]).tag().is_err());
        assert!(Reader::new(&[0x0E]).tag().is_err());
        assert!(Reader::new(&[0x0F]).tag().is_err());
    }

    #[test]
    fn a_length_past_the_end_is_refused() {
        assert!(Reader::new(&[5, 1, 2]).len_delimited().is_err());
        let huge = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01];
        assert!(Reader::new(&huge).len_delimited().is_err());
    }
}
