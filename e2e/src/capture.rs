//! Reads a capture file: per record u32 LE partition, u64 LE offset, i64 LE timestamp in ms, u32 LE
//! key length, key, u32 LE value length, value.

use std::{fs, path::Path};

/// One captured record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// Partition in the captured topic.
    pub partition: u32,
    /// Offset in the captured topic.
    pub offset: u64,
    /// Kafka timestamp in ms.
    pub timestamp_ms: i64,
    /// Key.
    pub key: Vec<u8>,
    /// Value.
    pub value: Vec<u8>,
}

/// All records of a capture file.
///
/// # Panics
/// When the file cannot be read or ends inside a record.
#[must_use]
pub fn read(file: &Path) -> Vec<Captured> {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut rest = bytes.as_slice();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let one = take_record(&mut rest);
        all.push(one.unwrap_or_else(|| panic!("record {} is cut off", all.len())));
    }
    all
}

fn take_record(rest: &mut &[u8]) -> Option<Captured> {
    Some(Captured {
        partition: u32::from_le_bytes(take_array(rest)?),
        offset: u64::from_le_bytes(take_array(rest)?),
        timestamp_ms: i64::from_le_bytes(take_array(rest)?),
        key: take_bytes(rest)?,
        value: take_bytes(rest)?,
    })
}

fn take_bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let len = u32::from_le_bytes(take_array(rest)?) as usize;
    let (bytes, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(bytes.to_vec())
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*bytes)
}
