use std::io::Write as _;

use bytes::Buf as _;

use super::*;
use crate::{
    batch::{self, Next, tests::Build},
    budget::Limits,
};

const CODECS: [(i16, Codec); 5] = [
    (0, Codec::None),
    (1, Codec::Gzip),
    (2, Codec::Snappy),
    (3, Codec::Lz4),
    (4, Codec::Zstd),
];

pub(crate) fn compress(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Codec::None => bytes.to_vec(),
        Codec::Gzip => {
            let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            to.write_all(bytes).expect("it compresses");
            to.finish().expect("it compresses")
        }
        // As Java's client does.
        Codec::Snappy => {
            let mut to = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
            for block in bytes.chunks(32 * 1024) {
                let packed = snap::raw::Encoder::new()
                    .compress_vec(block)
                    .expect("it compresses");
                to.extend((packed.len() as u32).to_be_bytes());
                to.extend(packed);
            }
            to
        }
        Codec::Lz4 => {
            let mut to = lz4::EncoderBuilder::new()
                .build(Vec::new())
                .expect("an encoder");
            to.write_all(bytes).expect("it compresses");
            to.finish().0
        }
        Codec::Zstd => {
            let mut to = zstd::stream::Encoder::new(Vec::new(), 3).expect("an encoder");
            to.write_all(bytes).expect("it compresses");
            to.finish().expect("it compresses")
        }
    }
}

/// Offsets and values of all records, and what was lost.
async fn all(
    bytes: &Bytes,
    from: u64,
    budgets: &Budgets,
) -> (Vec<(u64, Vec<u8>)>, Vec<(u64, u64)>) {
    let Next::Batch(header, packed) = batch::next(&mut bytes.clone()) else {
        panic!("no batch");
    };
    let (mut records, mut lost) = (Vec::new(), Vec::new());
    let Ok(mut unpacking) = Unpacking::begin(&header, packed, from, budgets).await else {
        return (records, vec![header.range().expect("a range")]);
    };
    while !unpacking.is_finished() {
        match unpacking.next(budgets).await {
            Piece::Records(more) => {
                let bytes: usize = more
                    .iter()
                    .map(|one| one.value.map_or(0, <[u8]>::len))
                    .sum();
                let is_one = more.len() <= 1;
                assert!(
                    is_one || bytes <= 2 * CHUNK_BYTES,
                    "a piece of {bytes} bytes"
                );
                let value = |one: &Record<'_>| one.value.unwrap_or_default().to_vec();
                records.extend(more.iter().map(|one| (one.offset, value(one))));
            }
            Piece::Lost(first, last, _) => lost.push((first, last)),
        }
    }
    (records, lost)
}

fn build(codec: (i16, Codec), values: &[&[u8]]) -> Bytes {
    let mut batch = Build::new(10, values);
    batch.attributes = codec.0;
    batch.pack(values.len() as i32, &compress(codec.1, &batch.plain()))
}

fn budgets() -> Budgets {
    Budgets::new(Limits::default())
}

#[tokio::test]
async fn every_codec_gives_what_was_packed() {
    let values: Vec<Vec<u8>> = (0..3_000_u32)
        .map(|n| n.to_be_bytes().repeat(300))
        .collect();
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let budgets = budgets();
    for codec in CODECS {
        let bytes = build(codec, &values);
        let (records, lost) = all(&bytes, 1_010, &budgets).await;
        assert_eq!((records.len(), lost.len()), (2_000, 0), "{codec:?}");
        assert!(
            records
                .iter()
                .zip(1_000..)
                .all(|((offset, value), n)| { *offset == n + 10 && *value == values[n as usize] })
        );
        assert_eq!(budgets.unpacked.used(), 0, "{codec:?}");
    }
    // Snappy in one piece, as librdkafka writes it.
    let mut batch = Build::new(10, &values[..100]);
    batch.attributes = 2;
    let packed = snap::raw::Encoder::new()
        .compress_vec(&batch.plain())
        .expect("it compresses");
    let (records, _) = all(&batch.pack(100, &packed), 0, &budgets).await;
    assert_eq!(records.len(), 100);
}

/// X1: 100 MB in one batch pass through a few.
#[tokio::test]
async fn a_batch_costs_no_more_than_its_share() {
    let value = vec![7; 100_000];
    let values: Vec<&[u8]> = vec![&value; 1_000];
    let budgets = budgets();
    for codec in &CODECS[1..] {
        let Next::Batch(header, packed) = batch::next(&mut build(*codec, &values)) else {
            panic!("no batch");
        };
        let mut unpacking = Unpacking::begin(&header, packed, 0, &budgets)
            .await
            .expect("it begins");
        let (mut records, mut most) = (0, 0);
        while !unpacking.is_finished() {
            match unpacking.next(&budgets).await {
                Piece::Records(more) => records += more.len(),
                Piece::Lost(..) => panic!("{codec:?}"),
            }
            most = most.max(budgets.unpacked.used());
        }
        assert_eq!(records, 1_000, "{codec:?}");
        assert!(most <= 12 * 1024 * 1024, "{codec:?}: {most}");
    }
}

/// X1: what is larger than the memory for one record is left out by name, and the rest comes.
#[tokio::test]
async fn a_record_too_large_is_left_out_alone() {
    let budgets = Budgets::new(Limits {
        record: 3_000_000,
        ..Limits::default()
    });
    let (large, huge) = (vec![1; 2_900_000], vec![2; 5_000_000]);
    let values: [&[u8]; 5] = [b"a", &large, b"b", &huge, b"c"];
    for codec in &CODECS[1..] {
        let (records, lost) = all(&build(*codec, &values), 0, &budgets).await;
        let offsets: Vec<u64> = records.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(
            (offsets, lost),
            (vec![10, 11, 12, 14], vec![(13, 13)]),
            "{codec:?}"
        );
        assert_eq!(records[1].1, large);
        // Asked for from behind it, it is not even mentioned.
        let (records, lost) = all(&build(*codec, &values), 14, &budgets).await;
        assert_eq!((records.len(), lost.len()), (1, 0), "{codec:?}");
    }
}

/// A zstd window of 128 MB is no reason to refuse 300 bytes.
#[tokio::test]
async fn a_declared_window_costs_nothing() {
    let mut batch = Build::new(10, &[b"small"]);
    batch.attributes = 4;
    let mut to = zstd::stream::Encoder::new(Vec::new(), 22).expect("an encoder");
    to.write_all(&batch.plain()).expect("it compresses");
    let bytes = batch.pack(1, &to.finish().expect("it compresses"));
    let (records, lost) = all(&bytes, 0, &budgets()).await;
    assert_eq!((records.len(), lost.len()), (1, 0));
}

#[tokio::test]
async fn what_comes_before_damage_is_given() {
    let values: Vec<Vec<u8>> = (0..2_000_u32)
        .map(|n| n.to_be_bytes().repeat(300))
        .collect();
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let budgets = budgets();
    for codec in CODECS {
        let mut batch = Build::new(10, &values);
        batch.attributes = codec.0;
        let packed = compress(codec.1, &batch.plain());
        let cut = batch.pack(2_000, &packed[..packed.len() * 3 / 4]);
        let (records, lost) = all(&cut, 0, &budgets).await;
        let next = records.last().map_or(10, |(offset, _)| offset + 1);
        assert_eq!(
            lost,
            [(next, 2_009)],
            "{codec:?}: {} records",
            records.len()
        );
    }
    // More records claimed than there are; offsets that go back; no known codec.
    let batch = Build::new(10, &[b"a", b"b"]);
    let (records, lost) = all(&batch.pack(9, &batch.plain()), 0, &budgets).await;
    assert_eq!((records.len(), lost), (2, vec![]), "all offsets are there");
    let mut back = Build::new(10, &[b"a", b"b", b"c"]);
    back.records[1].0 = 0;
    let (records, lost) = all(&back.bytes(), 0, &budgets).await;
    assert_eq!((records.len(), lost), (1, vec![(11, 12)]));
    let mut unknown = Build::new(10, &[b"a"]);
    unknown.attributes = 7;
    assert_eq!(all(&unknown.bytes(), 0, &budgets).await.1, [(10, 10)]);
}

/// Whatever bytes a batch with a right checksum holds, nothing panics and every offset is disposed of.
#[tokio::test]
async fn no_bytes_do_harm() {
    let budgets = budgets();
    let mut seed = 1_u64;
    for codec in CODECS {
        let batch = {
            let mut batch = Build::new(10, &[b"one value", b"another", &[9; 500]]);
            batch.attributes = codec.0;
            batch
        };
        let whole = compress(codec.1, &batch.plain());
        for _ in 0..300 {
            let mut packed = whole.clone();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = (seed >> 33) as usize % packed.len();
                packed[at] = (seed >> 20) as u8;
            }
            let bytes = batch.pack(3, &packed);
            assert!(bytes.has_remaining());
            let _whatever = all(&bytes, 0, &budgets).await;
            assert_eq!(budgets.unpacked.used(), 0);
        }
    }
}
