use super::*;
use crate::record::tests::write;

/// A batch as Kafka writes it.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub base_offset: i64,
    pub attributes: i16,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub epoch: i32,
    pub producer: i64,
    /// Offset deltas and values.
    pub records: Vec<(i64, Vec<u8>)>,
    /// In place of the one of the last record.
    pub last_delta: Option<i32>,
}

impl Build {
    pub(crate) fn new(base_offset: i64, values: &[&[u8]]) -> Self {
        Self {
            base_offset,
            attributes: 0,
            base_timestamp: 1_000,
            max_timestamp: 9_000,
            epoch: 3,
            producer: -1,
            records: (0..)
                .zip(values.iter().map(|value| value.to_vec()))
                .collect(),
            last_delta: None,
        }
    }

    /// A marker that ends a transaction: version 0; type 0 aborts and 1 commits.
    pub(crate) fn marker(base_offset: i64, producer: i64, commits: bool) -> Bytes {
        let mut batch = Self::new(base_offset, &[]);
        batch.attributes = 16 | 32;
        batch.producer = producer;
        batch.last_delta = Some(0);
        batch.pack(
            1,
            &write(0, 0, Some(&[0, 0, 0, commits.into()]), Some(&[0; 6])),
        )
    }

    pub(crate) fn plain(&self) -> Vec<u8> {
        let records = self.records.iter();
        records
            .flat_map(|(delta, value)| write(*delta, *delta, Some(b"k"), Some(value)))
            .collect()
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.pack(self.records.len() as i32, &self.plain())
    }

    /// With records packed as the attributes say.
    pub(crate) fn pack(&self, count: i32, packed: &[u8]) -> Bytes {
        let last = self.records.last().map_or(0, |(delta, _)| *delta as i32);
        let mut checked = Vec::new();
        checked.extend(self.attributes.to_be_bytes());
        checked.extend(self.last_delta.unwrap_or(last).to_be_bytes());
        checked.extend(self.base_timestamp.to_be_bytes());
        checked.extend(self.max_timestamp.to_be_bytes());
        checked.extend(self.producer.to_be_bytes());
        checked.extend([0; 6]);
        checked.extend(count.to_be_bytes());
        checked.extend(packed);
        let mut bytes = Vec::new();
        bytes.extend(self.base_offset.to_be_bytes());
        bytes.extend((checked.len() as i32 + 9).to_be_bytes());
        bytes.extend(self.epoch.to_be_bytes());
        bytes.push(MAGIC);
        bytes.extend(crc32c::crc32c(&checked).to_be_bytes());
        bytes.extend(checked);
        bytes.into()
    }
}

fn concat(parts: &[Bytes]) -> Bytes {
    parts.concat().into()
}

#[test]
fn batches_come_one_after_the_other() {
    let mut bytes = concat(&[
        Build::new(40, &[b"a", b"b"]).bytes(),
        Build::new(42, &[b"c"]).bytes(),
    ]);
    let Next::Batch(header, records) = next(&mut bytes) else {
        panic!("no batch");
    };
    assert_eq!(
        (header.range(), header.codec()),
        (Some((40, 41)), Some(Codec::None))
    );
    assert_eq!(
        (header.count, header.leader_epoch, header.producer),
        (2, 3, -1)
    );
    assert!(!header.is_control() && !header.is_transactional() && !header.has_append_time());
    assert_eq!(records.len(), Build::new(40, &[b"a", b"b"]).plain().len());
    assert!(matches!(next(&mut bytes), Next::Batch(header, _) if header.base_offset == 42));
    assert_eq!(next(&mut bytes), Next::End);
}

#[test]
fn every_damage_is_named_and_none_panics() {
    let whole = Build::new(40, &[b"a", b"b"]).bytes();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1 << bit;
            let mut bytes = Bytes::from(bytes);
            let found = next(&mut bytes);
            // Base offset, length and leader epoch lie before what the checksum covers.
            let is_checked = at >= CHECKED_FROM - 4;
            assert!(
                !is_checked || matches!(found, Next::Damaged((40, _), _) | Next::Lost(_)),
                "byte {at} bit {bit}: {found:?}"
            );
            while !matches!(next(&mut bytes), Next::End | Next::Lost(_) | Next::Cut(_)) {}
        }
    }
}

#[test]
fn a_part_of_a_batch_is_known_for_one() {
    let whole = Build::new(40, &[b"a", b"b"]).bytes();
    for end in 1..whole.len() {
        let range = (end >= HEADER_LEN).then_some((40, 41));
        assert_eq!(next(&mut whole.slice(..end)), Next::Cut(range), "{end}");
    }
}

#[test]
fn an_old_format_is_passed_over_by_its_length() {
    let mut old = Vec::new();
    old.extend(77_i64.to_be_bytes());
    old.extend(14_i32.to_be_bytes());
    old.extend([0, 0, 0, 0, 1]);
    old.extend([0; 9]);
    let mut bytes = concat(&[old.into(), Build::new(78, &[b"a"]).bytes()]);
    assert!(matches!(next(&mut bytes), Next::Damaged((77, 77), _)));
    assert!(matches!(next(&mut bytes), Next::Batch(..)));
}

#[test]
fn markers_are_told_apart() {
    for commits in [false, true] {
        let mut bytes = Build::marker(9, 5, commits);
        let Next::Batch(header, records) = next(&mut bytes) else {
            panic!("no batch");
        };
        assert!(header.is_control() && header.is_transactional());
        assert_eq!(aborts(&records), !commits);
    }
    assert!(!aborts(b"") && !aborts(&[0xff; 30]));
}

#[test]
fn the_end_of_an_answer_is_found_without_unpacking() {
    let one = Build::new(40, &[b"a", b"b"]).bytes();
    let mut bytes = concat(&[one.clone(), one.slice(..30)]);
    assert_eq!(skip(&mut bytes), Some((42, 3)));
    assert_eq!(skip(&mut bytes), None);
}
