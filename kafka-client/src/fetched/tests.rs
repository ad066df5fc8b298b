use super::*;
use crate::{
    batch::tests::Build,
    budget::{Budget, Limits},
};

fn budgets() -> Arc<Budgets> {
    Arc::new(Budgets::new(Limits::default()))
}

fn given(parts: &[Bytes], aborted: &[(i64, i64)]) -> Given {
    Given {
        high_watermark: 200,
        last_stable_offset: 150,
        aborted: Aborted::new(aborted.to_vec()),
        records: parts.concat().into(),
        is_conclusive: parts.is_empty(),
        ..Given::default()
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    offsets: Vec<u64>,
    lost: Vec<(u64, u64)>,
    position: u64,
    aborted: u64,
    epoch: i32,
}

async fn see(given: Given, offset: u64) -> Seen {
    let mut fetched = Fetched::new(given, offset, -1, budgets());
    let mut seen = Seen::default();
    while let Some(item) = fetched.next().await {
        match item {
            Item::Records(records) => seen.offsets.extend(records.iter().map(|one| one.offset)),
            Item::Lost { first, last, .. } => seen.lost.push((first, last)),
        }
    }
    seen.position = fetched.position();
    seen.aborted = fetched.aborted_records();
    seen.epoch = fetched.epoch();
    seen
}

fn transactional(base: i64, producer: i64, values: &[&[u8]]) -> Bytes {
    let mut batch = Build::new(base, values);
    batch.attributes = 16;
    batch.producer = producer;
    batch.bytes()
}

/// X6: markers are passed over within an answer, and records of an aborted transaction are left out.
#[tokio::test]
async fn aborted_transactions_did_not_happen() {
    let parts = [
        Build::new(10, &[b"a", b"b"]).bytes(),
        transactional(12, 7, &[b"no", b"no"]),
        transactional(14, 8, &[b"yes"]),
        Build::marker(15, 7, false),
        transactional(16, 7, &[b"yes"]),
        Build::marker(17, 8, true),
        Build::marker(18, 7, true),
    ];
    let seen = see(given(&parts, &[(7, 12)]), 11).await;
    let expected = Seen {
        offsets: vec![11, 14, 16],
        lost: vec![],
        position: 19,
        aborted: 2,
        epoch: 3,
    };
    assert_eq!(seen, expected);
    // Asked for from inside the aborted one.
    assert_eq!(
        see(given(&parts[1..], &[(7, 12)]), 13).await.offsets,
        [14, 16]
    );
}

/// Compaction takes records off the end of a batch, which keeps its last offset.
#[tokio::test]
async fn the_position_goes_behind_what_compaction_removed() {
    let mut batch = Build::new(10, &[b"a"]);
    batch.last_delta = Some(9);
    let mut hollow = Build::new(20, &[]);
    hollow.last_delta = Some(4);
    let seen = see(given(&[batch.bytes(), hollow.bytes()], &[]), 10).await;
    assert_eq!(
        (seen.offsets, seen.lost, seen.position),
        (vec![10], vec![], 25)
    );
}

#[tokio::test]
async fn an_empty_answer_says_something_only_by_itself() {
    assert_eq!(
        see(given(&[], &[]), 100).await.position,
        150,
        "nothing up to the end"
    );
    assert_eq!(see(given(&[], &[]), 150).await.position, 150);
    assert_eq!(
        see(given(&[], &[]), 170).await.position,
        170,
        "a broker that is behind"
    );
    let mut crowded = given(&[], &[]);
    crowded.is_conclusive = false;
    assert_eq!(
        see(crowded, 100).await.position,
        100,
        "others' records filled the answer"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_the_rest_comes() {
    let mut damaged = Build::new(12, &[b"c", b"d"]).bytes().to_vec();
    let end = damaged.len() - 1;
    damaged[end] ^= 1;
    let parts = [
        Build::new(10, &[b"a", b"b"]).bytes(),
        damaged.into(),
        Build::new(14, &[b"e"]).bytes(),
        Bytes::from_static(&[0xff; 70]),
    ];
    let seen = see(given(&parts, &[]), 10).await;
    assert_eq!((seen.offsets, seen.position), (vec![10, 11, 14], 16));
    assert_eq!(seen.lost, [(12, 13), (15, 15)]);
    assert_eq!(see(given(&parts, &[]), 13).await.lost, [(13, 13), (15, 15)]);
}

/// X1: a batch of which only a part was kept is a range that is passed over.
#[tokio::test]
async fn a_batch_too_large_to_keep_is_passed_over() {
    let batch = Build::new(10, &[&[7; 5_000], b"b"]).bytes();
    let mut cut = given(&[batch.slice(..2_000)], &[]);
    cut.is_cut = true;
    let seen = see(cut, 10).await;
    assert_eq!((seen.lost, seen.position), (vec![(10, 11)], 12));
    // A broker that ends with a part of a batch sends it again.
    let whole = Build::new(8, &[b"x", b"y"]).bytes();
    let seen = see(given(&[whole, batch.slice(..2_000)], &[]), 8).await;
    assert_eq!(
        (seen.offsets, seen.lost, seen.position),
        (vec![8, 9], vec![], 10)
    );
}

#[tokio::test]
async fn the_broker_s_time_is_used_where_the_topic_says_so() {
    let mut batch = Build::new(10, &[b"a"]);
    batch.attributes = 8;
    let mut fetched = Fetched::new(given(&[batch.bytes()], &[]), 10, -1, budgets());
    match fetched.next().await {
        Some(Item::Records(records)) => assert_eq!(records[0].timestamp_ms, 9_000),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_fetched_is_held_until_it_is_dropped() {
    let budget = Budget::new(1_000);
    let mut given = given(&[Build::new(10, &[b"a"]).bytes()], &[]);
    given.share = budget.take(100).await;
    let mut fetched = Fetched::new(given, 10, -1, budgets());
    while fetched.next().await.is_some() {}
    assert_eq!(budget.used(), 100);
    drop(fetched);
    assert_eq!(budget.used(), 0);
}
