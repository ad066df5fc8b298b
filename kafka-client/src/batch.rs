//! Record batches as they lie in an answer: their headers, whether they are whole, and where they end.
//! Pure: bytes in, ranges out. Nothing is unpacked here.

use bytes::{Buf as _, Bytes};

/// Bytes before the records of a batch.
pub(crate) const HEADER_LEN: usize = 61;
/// Bytes of a batch that its length field does not count: base offset and the length itself.
const LENGTH_END: usize = 12;
/// Where the bytes begin that the checksum covers.
const CHECKED_FROM: usize = 21;
/// The one message format that is read; older ones ended with Kafka 0.11.
const MAGIC: u8 = 2;

/// How the records of a batch are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// The header of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub base_offset: i64,
    pub last_offset_delta: i32,
    pub leader_epoch: i32,
    attributes: i16,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer: i64,
    pub count: i32,
    checksum: u32,
}

impl Header {
    /// `None` where the codec is one that does not exist.
    pub(crate) fn codec(&self) -> Option<Codec> {
        Some(match self.attributes & 7 {
            0 => Codec::None,
            1 => Codec::Gzip,
            2 => Codec::Snappy,
            3 => Codec::Lz4,
            4 => Codec::Zstd,
            _ => return None,
        })
    }

    /// Whether the broker's time of arrival stands for the time of each record.
    pub(crate) const fn has_append_time(&self) -> bool {
        self.attributes & 8 != 0
    }

    pub(crate) const fn is_transactional(&self) -> bool {
        self.attributes & 16 != 0
    }

    /// Whether it holds a marker that ends a transaction, and no record.
    pub(crate) const fn is_control(&self) -> bool {
        self.attributes & 32 != 0
    }

    /// The offsets it covers, first and last.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        let first = u64::try_from(self.base_offset).ok()?;
        let delta = u64::try_from(self.last_offset_delta).ok()?;
        let last = first.checked_add(delta)?;
        (i64::try_from(last).is_ok_and(|last| last < i64::MAX)).then_some((first, last))
    }
}

/// The next thing in an answer's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A batch whose checksum is right. Holds the packed records.
    Batch(Header, Bytes),
    /// A batch that is not all there: the answer was cut short. Its offsets, where its header is there.
    Cut(Option<(u64, u64)>),
    /// A batch that is there and cannot be used, with its offsets.
    Damaged((u64, u64), &'static str),
    /// What lies here is not a batch, so that nobody knows where the next one begins.
    Lost(&'static str),
    /// All was taken.
    End,
}

/// Takes the next batch off the front of `bytes`.
pub(crate) fn next(bytes: &mut Bytes) -> Next {
    if bytes.is_empty() {
        return Next::End;
    }
    if bytes.len() <= LENGTH_END + 4 {
        return Next::Cut(None);
    }
    let mut head = bytes.slice(..);
    let base_offset = head.get_i64();
    let len = head.get_i32();
    head.advance(4);
    let magic = head.get_u8();
    let Some(len) = usize::try_from(len).ok().map(|len| len + LENGTH_END) else {
        return Next::Lost("the length of a batch is negative");
    };
    if magic != MAGIC {
        // Up to here the older formats have the same fields, and one offset.
        return match u64::try_from(base_offset) {
            Ok(offset) if magic < MAGIC && len <= bytes.len() && len > LENGTH_END => {
                bytes.advance(len);
                Next::Damaged(
                    (offset, offset),
                    "message format 0 or 1, older than Kafka 0.11",
                )
            }
            _ => Next::Lost("unknown message format"),
        };
    }
    if len < HEADER_LEN {
        return Next::Lost("a batch is shorter than its header");
    }
    if bytes.len() < HEADER_LEN {
        return Next::Cut(None);
    }
    let header = header(bytes);
    let Some(range) = header.range() else {
        return Next::Lost("impossible offsets");
    };
    if bytes.len() < len {
        return Next::Cut(Some(range));
    }
    let batch = bytes.split_to(len);
    let checked = batch.get(CHECKED_FROM..).unwrap_or_default();
    if crc32c::crc32c(checked) != header.checksum {
        return Next::Damaged(range, "the checksum is wrong");
    }
    Next::Batch(header, batch.slice(HEADER_LEN..))
}

/// Passes over the batch at the front, where that is a whole one; the offset behind it and its leader epoch.
pub(crate) fn skip(bytes: &mut Bytes) -> Option<(i64, i32)> {
    if bytes.len() < HEADER_LEN {
        return None;
    }
    let header = header(bytes);
    let len = bytes.slice(8..).get_i32();
    let len = usize::try_from(len).ok()? + LENGTH_END;
    let (_, last) = header.range()?;
    if len < HEADER_LEN || len > bytes.len() || bytes.get(16) != Some(&MAGIC) {
        return None;
    }
    bytes.advance(len);
    Some((i64::try_from(last).ok()? + 1, header.leader_epoch))
}

/// Reads a header; the caller has seen that all of it is there.
fn header(bytes: &Bytes) -> Header {
    let mut from = bytes.slice(..);
    let base_offset = from.get_i64();
    from.advance(4);
    let leader_epoch = from.get_i32();
    from.advance(1);
    let checksum = from.get_u32();
    let attributes = from.get_i16();
    let last_offset_delta = from.get_i32();
    let (base_timestamp, max_timestamp) = (from.get_i64(), from.get_i64());
    let producer = from.get_i64();
    from.advance(2 + 4);
    let count = from.get_i32();
    Header {
        base_offset,
        last_offset_delta,
        leader_epoch,
        attributes,
        base_timestamp,
        max_timestamp,
        producer,
        count,
        checksum,
    }
}

/// Whether the marker in a control batch aborts its transaction. Its key holds version and type.
pub(crate) fn aborts(records: &[u8]) -> bool {
    let times = crate::record::Times::default();
    let key = match crate::record::next(records, times) {
        Ok(crate::record::Found::Record { record, .. }) => record.key,
        _ => None,
    };
    matches!(key, Some([_, _, 0, 0, ..]))
}

#[cfg(test)]
pub(crate) mod tests;
