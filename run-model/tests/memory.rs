//! What one record can make of itself in the store: memory stays within the bounds while a record is
//! applied, not only after it. Every allocation is counted.

use decode_core::Mode;
use decode_core::frame::FrameWriter;
use decode_core::wire::{FRAME_RAW, INNER_EVENTS_MAX};
use peak_alloc::PeakAlloc;
use run_model::limits::{PAYLOAD_BYTES_HELD_MAX, ROWS_MAX, RUN_BYTES_HELD_MAX, THREADS_MAX};
use run_model::{EventQuery, Store};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Bytes of a row, of its place in the ring and of growing it: old and new ring at once.
const ROW_BYTES_MAX: usize = 256;

/// A batch of so many events, each these bytes.
fn batch(events: u32, event: &[u8]) -> Vec<u8> {
    let inner = [&[0x12, event.len() as u8], event]
        .concat()
        .repeat(events as usize);
    let mut out = vec![FRAME_RAW, 0x42];
    let mut len = inner.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend(inner);
    out
}

fn message(offset: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    FrameWriter::new(0, offset).record(&mut out, offset, 1_000, payload);
    out
}

fn rows_held(store: &mut Store) -> usize {
    store.events(&EventQuery::default()).total
}

/// An event with nothing in it, and one of a thread with its number.
const EVENTS: [&[u8]; 2] = [b"", b"\x0A\x05\x22\x01t\x28\x01"];

/// One test, because what other tests allocate at the same time would count too.
///
/// BND-01: the largest batches there can be, one after the other, take what the rows held may take.
#[test]
fn a_record_of_many_events_takes_no_more_than_the_rows_held() {
    let max = u64::from(INNER_EVENTS_MAX);
    let mut store = Store::new(Mode::Strict);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let mut payload_bytes = 0;
    for offset in 0..8 {
        let payload = batch(INNER_EVENTS_MAX, EVENTS[offset as usize % 2]);
        payload_bytes += 2 * payload.len();
        store.apply(message(offset, &payload), |_| {});
        let totals = store.totals();
        assert_eq!(
            (totals.records, totals.rows),
            (offset + 1, (offset + 1) * max)
        );
        assert!(rows_held(&mut store) <= ROWS_MAX);
        assert_eq!(
            totals.evicted_rows,
            totals.rows - rows_held(&mut store) as u64
        );
    }
    assert_eq!(rows_held(&mut store), ROWS_MAX);
    assert_eq!(store.thread_count(), 1);
    let peak = HEAP.peak_usage() - before;
    eprintln!("{peak} bytes, {} a row", peak / ROWS_MAX);
    assert!(
        peak <= ROWS_MAX * ROW_BYTES_MAX + RUN_BYTES_HELD_MAX + payload_bytes,
        "{peak} bytes"
    );

    // One event more is refused before it takes anything: one row, and the others stay.
    let payload = batch(5_000_000, b"");
    HEAP.reset_peak_usage();
    let held = HEAP.current_usage();
    store.apply(message(8, &payload), |_| {});
    assert_eq!(store.totals().rejects, 1);
    let peak = HEAP.peak_usage() - held;
    assert!(peak < 3 * payload.len(), "{peak} bytes");
    assert!(
        store
            .open(store.totals().rows - 1, false)
            .is_some_and(|opened| opened.facts().code == "too_many_events")
    );

    fewer_rows_than_events();
}

/// A batch of more events than rows may be held leaves the newest, and one that fails is one row and pushes out
/// no more than that.
fn fewer_rows_than_events() {
    let mut store = Store::with_bounds(Mode::Strict, 10, THREADS_MAX, PAYLOAD_BYTES_HELD_MAX);
    store.apply(message(0, &batch(25, EVENTS[1])), |_| {});
    assert_eq!((store.totals().rows, rows_held(&mut store)), (25, 10));
    let mut damaged = batch(25, EVENTS[1]);
    damaged.push(0x02);
    store.apply(message(1, &damaged), |_| {});
    let query = EventQuery {
        count: 20,
        ..EventQuery::default()
    };
    let page = store.events(&query);
    let rows: Vec<_> = page
        .rows
        .iter()
        .map(|(id, row)| (*id, row.kind.name()))
        .collect();
    assert_eq!((rows[0], rows.len()), ((25, "reject"), 10));
    assert_eq!(store.totals().evicted_rows, 16);
    store.apply(message(2, &batch(3, EVENTS[1])), |_| {});
    assert_eq!((store.totals().rows, rows_held(&mut store)), (29, 10));
}
