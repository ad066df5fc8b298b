//! Captures: files of Kafka records, to play back or to write.
//!
//! Two formats are read, told apart by the first bytes. The plain one is what this module writes:
//! for each record, back to back and little endian, u32 partition, u64 offset, i64 timestamp in
//! ms, u32 key length, key, u32 value length, value; a length of `u32::MAX` stands for a null. The
//! other is the project's own ([`decode_core::capture`]), which holds no keys: a record's thread
//! id serves, being what producers use.

use std::fmt;
use std::io::{self, Write};

use decode_core::capture::{Block, CaptureReader, MAGIC};
use decode_core::frame::FrameReader;
use decode_core::wire::FrameKind;
use decode_core::{Decoder, Mode};

/// Length that stands for a null key or value.
const NULL_LEN: u32 = u32::MAX;

/// A record of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedRecord {
    pub partition: u32,
    pub offset: u64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// Why a capture cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// A plain capture ends inside the record that starts at this byte.
    Truncated { at: usize },
    /// The project's own format, damaged.
    Damaged(decode_core::capture::CaptureError),
    /// It holds no record.
    Empty,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { at } => write!(f, "the capture ends inside the record at byte {at}"),
            Self::Damaged(error) => write!(f, "the capture is damaged: {error}"),
            Self::Empty => f.write_str("the capture holds no record"),
        }
    }
}

impl std::error::Error for CaptureError {}

/// Reads a whole capture of either format. Of the project's own, only records come back: gaps,
/// marks, and rejects of which no more than the beginning was kept, cannot be played.
pub fn read(bytes: &[u8]) -> Result<Vec<CapturedRecord>, CaptureError> {
    let records = if bytes.starts_with(&MAGIC) {
        read_own(bytes)?
    } else {
        read_plain(bytes)?
    };
    if records.is_empty() {
        Err(CaptureError::Empty)
    } else {
        Ok(records)
    }
}

/// Appends a record in the plain format.
pub fn write(out: &mut impl Write, record: &CapturedRecord) -> io::Result<()> {
    out.write_all(&record.partition.to_le_bytes())?;
    out.write_all(&record.offset.to_le_bytes())?;
    out.write_all(&record.timestamp_ms.to_le_bytes())?;
    for part in [&record.key, &record.value] {
        let Some(bytes) = part else {
            out.write_all(&NULL_LEN.to_le_bytes())?;
            continue;
        };
        let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        out.write_all(&len.to_le_bytes())?;
        out.write_all(bytes)?;
    }
    Ok(())
}

/// The order to play records in: by timestamp, each partition keeping its own order.
pub fn play_order(mut records: Vec<CapturedRecord>) -> Vec<CapturedRecord> {
    records.sort_by_key(|record| (record.partition, record.offset));
    // A record never goes before one its partition has earlier, whatever its timestamp says.
    let mut latest: Option<(u32, i64)> = None;
    let mut timed: Vec<_> = records
        .into_iter()
        .map(|record| {
            let at_ms = match latest {
                Some((partition, before)) if partition == record.partition => {
                    before.max(record.timestamp_ms)
                }
                _ => record.timestamp_ms,
            };
            latest = Some((record.partition, at_ms));
            (at_ms, record)
        })
        .collect();
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    timed.into_iter().map(|(_, record)| record).collect()
}

fn read_plain(bytes: &[u8]) -> Result<Vec<CapturedRecord>, CaptureError> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let (record, tail) = plain_record(rest).ok_or(CaptureError::Truncated { at })?;
        records.push(record);
        rest = tail;
    }
    Ok(records)
}

fn plain_record(bytes: &[u8]) -> Option<(CapturedRecord, &[u8])> {
    let (partition, rest) = bytes.split_first_chunk()?;
    let (offset, rest) = rest.split_first_chunk()?;
    let (timestamp, rest) = rest.split_first_chunk()?;
    let (key, rest) = nullable(rest)?;
    let (value, rest) = nullable(rest)?;
    let record = CapturedRecord {
        partition: u32::from_le_bytes(*partition),
        offset: u64::from_le_bytes(*offset),
        timestamp_ms: i64::from_le_bytes(*timestamp),
        key,
        value,
    };
    Some((record, rest))
}

fn nullable(bytes: &[u8]) -> Option<(Option<Vec<u8>>, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let len = u32::from_le_bytes(*len);
    if len == NULL_LEN {
        return Some((None, rest));
    }
    let (part, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    Some((Some(part.to_vec()), rest))
}

fn read_own(bytes: &[u8]) -> Result<Vec<CapturedRecord>, CaptureError> {
    let mut reader = CaptureReader::new();
    reader.push(bytes);
    let mut decoder = Decoder::new(Mode::Compatible);
    let mut records = Vec::new();
    while let Some(block) = reader.next_block().map_err(CaptureError::Damaged)? {
        let Block::Data { frames, .. } = block else {
            continue;
        };
        for frame in FrameReader::new(frames) {
            let frame = frame.map_err(|error| CaptureError::Damaged(error.into()))?;
            if frame.header.kind != FrameKind::Record {
                continue;
            }
            let thread = decoder.decode(frame.payload, &mut ()).ok();
            let thread = thread.map(|decoded| decoded.summary.header.thread.as_bytes().to_vec());
            records.push(CapturedRecord {
                partition: frame.header.partition,
                offset: frame.header.offset,
                timestamp_ms: frame.header.timestamp_ms,
                key: thread.filter(|thread| !thread.is_empty()),
                value: Some(frame.payload.to_vec()),
            });
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: u32, offset: u64, timestamp_ms: i64) -> CapturedRecord {
        let value = Some(vec![u8::try_from(offset).expect("small"); 3]);
        CapturedRecord {
            partition,
            offset,
            timestamp_ms,
            key: Some(b"k".to_vec()),
            value,
        }
    }

    #[test]
    fn plain_captures_read_back() {
        let nulls = CapturedRecord {
            key: None,
            value: None,
            ..record(1, 2, -3)
        };
        let empty = CapturedRecord {
            value: Some(Vec::new()),
            ..record(1, 3, 4)
        };
        let records = [record(0, 1, 1_700_000_000_000), nulls, empty];
        let mut bytes = Vec::new();
        records
            .iter()
            .for_each(|record| write(&mut bytes, record).expect("memory takes it"));
        assert_eq!(read(&bytes).expect("reads"), records);

        let second = bytes.len() - (24 + 4) - (24 + 1 + 4);
        for cut in second + 1..bytes.len() - 29 {
            assert_eq!(
                read(&bytes[..cut]),
                Err(CaptureError::Truncated { at: second }),
                "{cut}"
            );
        }
        assert_eq!(read(&[]), Err(CaptureError::Empty));
    }

    #[test]
    fn partitions_keep_their_order() {
        let records = vec![
            record(1, 0, 50),
            record(0, 5, 10),
            record(0, 6, 90),
            record(0, 7, 20),
            record(1, 1, 95),
        ];
        let order: Vec<_> = play_order(records)
            .iter()
            .map(|r| (r.partition, r.offset))
            .collect();
        assert_eq!(order, [(0, 5), (1, 0), (0, 6), (0, 7), (1, 1)]);
    }
}
