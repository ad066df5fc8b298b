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
#[derive(Clone, Debug)]
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

    /// A base-128 integer of at most ten bytes and 64 bits.
    // Most tags, lengths and numbers are one byte; a call for each would cost more than reading it.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, Reject> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, Reject> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut value = 0u64;
        for (i, &byte) in rest.iter().take(VARINT_LEN_MAX).enumerate() {
            if i == VARINT_LEN_MAX - 1 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7F) << (7 * i);
            if byte < 0x80 {
                self.at += i + 1;
                return Ok(value);
            }
        }
        let what = if rest.len() < VARINT_LEN_MAX {
            "truncated varint"
        } else {
            "varint over 64 bits"
        };
        Err(Reject::protobuf(self.at, what))
    }

    /// The next field's number and layout.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<(u32, WireType), Reject> {
        let at = self.at;
        let key =
            u32::try_from(self.varint()?).map_err(|_| Reject::protobuf(at, "tag over 32 bits"))?;
        let wire = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Len,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return Err(Reject::protobuf(at, "unknown wire type")),
        };
        match key >> 3 {
            0 => Err(Reject::protobuf(at, "field number 0")),
            number => Ok((number, wire)),
        }
    }

    /// The next `len` bytes.
    #[inline]
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
    #[inline]
    pub(crate) fn len_delimited(&mut self) -> Result<&'a [u8], Reject> {
        let at = self.at;
        let len = usize::try_from(self.varint()?)
            .map_err(|_| Reject::protobuf(at, "length over the address space"))?;
        self.take(len)
    }
}

/// Most bytes a 64-bit varint can take.
const VARINT_LEN_MAX: usize = 10;

#[cfg(test)]
mod tests {
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
