//! Record batches as producers send them. What the broker decides of them, offset and leader epoch, lies before
//! what the checksum covers; the rest stays as it came, packed or not.

use bytes::Bytes;
use kafka_wire::{Malformed, Reader};

use crate::codec::Code;

/// A whole batch that may be appended.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// How many offsets it takes.
    pub(crate) offsets: i64,
    pub(crate) max_timestamp: i64,
}

impl Batch {
    /// Takes the records of a request apart.
    pub(crate) fn split(records: Bytes) -> Result<Vec<Self>, Code> {
        let mut rest = Reader::new(records);
        let mut batches = Vec::new();
        while rest.left() > 0 {
            batches.push(Self::next(&mut rest)?);
        }
        if batches.is_empty() {
            return Err(Code::INVALID_RECORD);
        }
        Ok(batches)
    }

    fn next(rest: &mut Reader) -> Result<Self, Code> {
        let head = rest.clone();
        let header = Header::read(head).map_err(|_| Code::CORRUPT_MESSAGE)?;
        if header.magic != MAGIC {
            return Err(Code::UNSUPPORTED_FOR_MESSAGE_FORMAT);
        }
        let bytes = rest.take(header.len).map_err(|_| Code::CORRUPT_MESSAGE)?;
        let checked = bytes.get(CHECKED_FROM..).unwrap_or_default();
        if crc32c::crc32c(checked) != header.checksum {
            return Err(Code::CORRUPT_MESSAGE);
        }
        let is_plain = header.attributes & (TRANSACTIONAL | CONTROL) == 0;
        let is_counted = header.last_offset_delta >= 0
            && header.count.checked_sub(1) == Some(header.last_offset_delta);
        if !is_plain || !is_counted {
            return Err(Code::INVALID_RECORD);
        }
        Ok(Self {
            bytes: bytes.to_vec(),
            offsets: i64::from(header.count),
            max_timestamp: header.max_timestamp,
        })
    }

    /// Its bytes, as they are read from `base` on.
    pub(crate) fn at(mut self, base: i64) -> Bytes {
        let decided = base.to_be_bytes().into_iter();
        for (byte, decided) in self.bytes.iter_mut().zip(decided) {
            *byte = decided;
        }
        let epoch = LEADER_EPOCH.to_be_bytes().into_iter();
        for (byte, decided) in self.bytes.iter_mut().skip(EPOCH_FROM).zip(epoch) {
            *byte = decided;
        }
        self.bytes.into()
    }
}

/// What the header says.
struct Header {
    len: usize,
    magic: i8,
    checksum: u32,
    attributes: i16,
    last_offset_delta: i32,
    max_timestamp: i64,
    count: i32,
}

impl Header {
    fn read(mut from: Reader) -> Result<Self, Malformed> {
        let _base_offset = from.i64()?;
        let behind = usize::try_from(from.i32()?).map_err(|_| Malformed("a length is negative"))?;
        let _leader_epoch = from.i32()?;
        let (magic, checksum) = (from.i8()?, from.i32()?.cast_unsigned());
        let (attributes, last_offset_delta) = (from.i16()?, from.i32()?);
        let (_base_timestamp, max_timestamp) = (from.i64()?, from.i64()?);
        let _producer = (from.i64()?, from.i16()?, from.i32()?);
        Ok(Self {
            len: LENGTH_END + behind,
            magic,
            checksum,
            attributes,
            last_offset_delta,
            max_timestamp,
            count: from.i32()?,
        })
    }
}

/// The only leader has only ever been the same.
pub(crate) const LEADER_EPOCH: i32 = 0;
/// The message format of Kafka 0.11 and newer.
const MAGIC: i8 = 2;
/// Bytes that the length of a batch does not count.
const LENGTH_END: usize = 12;
const EPOCH_FROM: usize = 12;
const CHECKED_FROM: usize = 21;
const TRANSACTIONAL: i16 = 16;
const CONTROL: i16 = 32;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A batch of so many records, which are not there: nobody here looks at them.
    pub(crate) fn batch(count: i32, max_timestamp: i64, packed: &[u8]) -> Vec<u8> {
        let mut checked = Vec::new();
        checked.extend(0_i16.to_be_bytes());
        checked.extend((count - 1).to_be_bytes());
        checked.extend([0; 8]);
        checked.extend(max_timestamp.to_be_bytes());
        checked.extend([0xff; 14]);
        checked.extend(count.to_be_bytes());
        checked.extend(packed);
        let len = i32::try_from(checked.len() + 9).expect("a short batch");
        let mut bytes = vec![0; 8];
        bytes.extend(len.to_be_bytes());
        bytes.extend((-1_i32).to_be_bytes());
        bytes.push(2);
        bytes.extend(crc32c::crc32c(&checked).to_be_bytes());
        bytes.extend(checked);
        bytes
    }

    fn refusal(bytes: Vec<u8>) -> Code {
        Batch::split(bytes.into()).expect_err("not a batch")
    }

    #[test]
    fn offset_and_epoch_are_the_brokers_and_the_rest_the_producers() {
        let sent = [batch(3, 40, b"one"), batch(1, 50, b"two")].concat();
        let batches = Batch::split(sent.clone().into()).expect("two batches");
        let read: Vec<_> = batches
            .into_iter()
            .map(|one| (one.offsets, one.max_timestamp, one.at(77)))
            .collect();
        assert_eq!((read[0].0, read[0].1, read[1].0, read[1].1), (3, 40, 1, 50));
        let first = &read[0].2;
        assert_eq!(first[..8], 77_i64.to_be_bytes());
        assert_eq!(first[12..16], LEADER_EPOCH.to_be_bytes());
        assert_eq!(first[16..], sent[16..first.len()]);
    }

    #[test]
    fn what_is_not_a_whole_batch_is_refused() {
        let whole = batch(3, 40, b"one");
        for end in 1..whole.len() {
            assert_eq!(
                refusal(whole[..end].to_vec()),
                Code::CORRUPT_MESSAGE,
                "{end}"
            );
        }
        let changed = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            refusal(bytes)
        };
        assert_eq!(changed(16, 1), Code::UNSUPPORTED_FOR_MESSAGE_FORMAT);
        assert_eq!(changed(60, 9), Code::CORRUPT_MESSAGE, "the checksum");
        assert_eq!(changed(8, 0xff), Code::CORRUPT_MESSAGE, "a negative length");
        assert_eq!(refusal(Vec::new()), Code::INVALID_RECORD);
        assert_eq!(
            refusal(batch(0, 40, b"")),
            Code::INVALID_RECORD,
            "no record"
        );
    }
}
