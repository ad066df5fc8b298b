//! What the fuzz targets of `fuzz/` need: whatever a broker sends is read or refused, without a panic and within the
//! memory allowed. Not part of the client.

use std::{
    future::Future,
    io::Write as _,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use kafka_wire::Reader;

use crate::{
    budget::{Budgets, Limits},
    fetched::{Fetched, Item, end_of},
    fetcher::Given,
    messages::{
        self, Call,
        api_versions::ApiVersions,
        fetch::Fetch,
        leader_epoch::OffsetForLeaderEpoch,
        list_offsets::ListOffsets,
        metadata::Metadata,
        sasl::{Authenticate, Handshake},
    },
};

/// Reads `bytes` as the answer to each call, in each version.
///
/// # Panics
/// Where an answer is read as more than its bytes can hold.
pub fn answers(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let fetched = each::<Fetch<'_>>(&bytes);
    for answer in fetched {
        let records: usize = answer.partitions.iter().map(|one| one.records.len()).sum();
        assert!(answer.partitions.len() + records <= bytes.len());
    }
    for answer in each::<Metadata<'_>>(&bytes) {
        assert!(answer.brokers.len() + answer.topics.len() <= bytes.len());
    }
    drop(each::<ListOffsets<'_>>(&bytes));
    drop(each::<OffsetForLeaderEpoch<'_>>(&bytes));
    drop(each::<ApiVersions>(&bytes));
    drop(each::<Handshake<'_>>(&bytes));
    drop(each::<Authenticate<'_>>(&bytes));
}

/// The answers that come of it, one for each version at most.
fn each<C: Call>(bytes: &Bytes) -> Vec<C::Answer> {
    let correlation = bytes
        .first_chunk()
        .map_or(0, |four| i32::from_be_bytes(*four));
    let (low, high) = C::API.spoken();
    (low..=high)
        .filter_map(|version| {
            messages::answer::<C>(version, correlation, &mut Reader::new(bytes.clone())).ok()
        })
        .collect()
}

/// Reads `bytes` as the records of a partition, from `offset` on.
///
/// # Panics
/// Where offsets do not ascend, the end is not reached, or memory is not given back.
pub fn records(bytes: &[u8], offset: u64) {
    let budgets = Arc::new(Budgets::new(Limits::default()));
    let records = Bytes::copy_from_slice(bytes);
    let _end = end_of(&records);
    let given = Given {
        high_watermark: i64::MAX,
        last_stable_offset: i64::MAX,
        records,
        is_conclusive: true,
        ..Given::default()
    };
    let mut fetched = Fetched::new(given, offset, -1, Arc::clone(&budgets));
    let mut next = if bytes.is_empty() { 0 } else { offset };
    loop {
        match at_once(fetched.next()) {
            None => break,
            Some(Item::Records(records)) => {
                for record in records {
                    assert!(record.offset >= next, "{} after {next}", record.offset);
                    next = record.offset + 1;
                }
            }
            Some(Item::Lost { first, last, .. }) => {
                assert!(
                    first >= next && first <= last,
                    "{first}..={last} after {next}"
                );
                next = last + 1;
            }
        }
    }
    assert!(
        fetched.position() >= next.max(offset),
        "it goes on behind all of it"
    );
    drop(fetched);
    assert_eq!(budgets.unpacked.used() + budgets.large.used(), 0);
}

/// Nobody else holds memory, so nothing is waited for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits although all memory is free"),
    }
}

/// A batch with these attributes, first and last offset, and records packed as the attributes say.
#[must_use]
pub fn batch(attributes: i16, (first, last): (i64, i32), count: i32, records: &[u8]) -> Vec<u8> {
    let packed = pack(attributes & 7, records);
    let mut checked = Vec::new();
    checked.extend(attributes.to_be_bytes());
    checked.extend(last.to_be_bytes());
    checked.extend(1_700_000_000_000_i64.to_be_bytes());
    checked.extend(1_700_000_000_999_i64.to_be_bytes());
    checked.extend((-1_i64).to_be_bytes());
    checked.extend([0xff; 6]);
    checked.extend(count.to_be_bytes());
    checked.extend(packed);
    let mut bytes = Vec::new();
    bytes.extend(first.to_be_bytes());
    bytes.extend(u32::try_from(checked.len() + 9).unwrap_or(0).to_be_bytes());
    bytes.extend(5_i32.to_be_bytes());
    bytes.push(2);
    bytes.extend([0; 4]);
    bytes.extend(checked);
    seal(&mut bytes);
    bytes
}

fn pack(codec: i16, bytes: &[u8]) -> Vec<u8> {
    let packed = match codec {
        1 => {
            let level = flate2::Compression::fast();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        }
        2 => snap::raw::Encoder::new()
            .compress_vec(bytes)
            .map_err(std::io::Error::other),
        3 => lz4::EncoderBuilder::new()
            .build(Vec::new())
            .and_then(|mut encoder| {
                encoder.write_all(bytes)?;
                let (packed, result) = encoder.finish();
                result.map(|()| packed)
            }),
        4 => zstd::bulk::compress(bytes, 1),
        _ => Ok(bytes.to_vec()),
    };
    // Into memory nothing fails.
    packed.unwrap_or_default()
}

/// Makes the checksum of each whole batch right, so that what is behind it is looked at.
pub fn seal(bytes: &mut [u8]) {
    let mut rest = bytes;
    while let Some(head) = rest.get(8..12).and_then(<[u8]>::first_chunk) {
        let len = usize::try_from(i32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        let Some((batch, behind)) = rest.split_at_mut_checked(len.saturating_add(12)) else {
            return;
        };
        if let Some((head, checked)) = batch.split_at_mut_checked(21)
            && let Some(place) = head.get_mut(17..)
        {
            place.copy_from_slice(&crc32c::crc32c(checked).to_be_bytes());
        }
        rest = behind;
    }
}
