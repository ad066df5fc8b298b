//! The contenders in this process.

use std::{fs, hint::black_box, time::Instant};

use dashstream_proto::{schema, v1::DashStreamMessage};
use dashstream_relay::ingest::MeasuredAdmission;
use decode_core::{Decoder, Mode, wire::DECOMPRESSED_BYTES_MAX, zstd::Decompressor};
use decode_wasm::ColumnDecoder;
use prost::Message as _;
use run_model::{EventQuery, Store, ThreadSort};

use super::corpus::Corpus;
use crate::walk::{self, Libzstd};

/// From a payload to what is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// decode-wasm's column decoder on whole messages, compiled natively.
    Columns,
    /// The path that the page takes, compiled natively: the store, and after each message the lists on
    /// the screen.
    Page,
    /// decode-core's checked pass on payloads.
    Facts,
    /// What the relay does with a record between Kafka's client and its log.
    Admission,
    /// decode-core's decompression, and nothing after it.
    Inflate,
    /// The full message as prost's structs, after decode-core's decompression.
    ProstOurs,
    /// The same after libzstd.
    ProstLibzstd,
    /// libzstd and a walk over the fields: what hardly anything can be faster than.
    WalkLibzstd,
}

/// Whole passes over the corpus until the time is over, and the processor time they took.
pub(crate) fn run(way: Way, corpus: &Corpus, seconds: f64) -> (usize, f64) {
    match way {
        Way::Columns => columns(corpus, seconds),
        Way::Page => page(corpus, seconds),
        Way::Facts => payloads(corpus, seconds, {
            let mut decoder = Decoder::new(Mode::Strict);
            move |payload| {
                let decoded = decoder.decode(payload, &mut ()).expect("a valid payload");
                black_box(decoded.summary);
            }
        }),
        Way::Admission => {
            let admission = MeasuredAdmission::new(corpus.payloads.clone());
            timed(seconds, || {
                black_box(admission.pass());
            })
        }
        Way::Inflate => inflate(corpus, seconds),
        Way::ProstOurs => payloads(corpus, seconds, {
            let mut decoder = Decoder::new(Mode::Strict);
            move |payload| {
                let (_, body) = decoder.unwrap_frame(payload).expect("a valid payload");
                black_box(DashStreamMessage::decode(body).expect("a valid message"));
            }
        }),
        Way::ProstLibzstd => payloads(corpus, seconds, {
            let mut libzstd = Libzstd::new();
            move |payload| {
                let body = libzstd.unwrap(payload);
                black_box(DashStreamMessage::decode(body).expect("a valid message"));
            }
        }),
        Way::WalkLibzstd => payloads(corpus, seconds, {
            let mut libzstd = Libzstd::new();
            move |payload| {
                let body = libzstd.unwrap(payload);
                let fields = walk::fields(body, schema::DASH_STREAM_MESSAGE);
                black_box(fields.expect("a valid message"));
            }
        }),
    }
}

/// What the column decoder reads in the corpus, as sums that every contender can be asked for.
pub(super) fn facts(corpus: &Corpus) -> Vec<f64> {
    let mut decoder = ColumnDecoder::new(Mode::Strict);
    let mut name_lens = vec![0];
    let (mut rows, mut sequences, mut event_types, mut thread_bytes) = (0, 0, 0, 0);
    for message in &corpus.messages {
        decoder.decode(message).expect("frames");
        name_lens.extend(decoder.fresh_names().iter().map(|name| name.len()));
        let columns = decoder.columns();
        rows += columns.kind.len();
        sequences += columns.sequence.iter().sum::<u64>();
        event_types += columns.event_type.iter().sum::<i32>();
        let threads = columns.thread.iter();
        thread_bytes += threads
            .map(|&thread| name_lens[thread as usize])
            .sum::<usize>();
    }
    vec![
        rows as f64,
        sequences as f64,
        event_types.into(),
        thread_bytes as f64,
    ]
}

fn columns(corpus: &Corpus, seconds: f64) -> (usize, f64) {
    let mut decoder = ColumnDecoder::new(Mode::Strict);
    timed(seconds, || {
        for message in &corpus.messages {
            decoder.decode(message).expect("frames");
            black_box(decoder.columns());
        }
    })
}

fn page(corpus: &Corpus, seconds: f64) -> (usize, f64) {
    let on_screen = EventQuery {
        count: SHOWN,
        ..EventQuery::default()
    };
    timed(seconds, || {
        // One for each pass: what comes again takes effect once, and that costs less.
        let mut store = Store::new(Mode::Strict);
        for message in &corpus.messages {
            store.apply(message.clone(), |_| {});
            black_box(store.events(&on_screen).rows.len());
            black_box(store.threads(ThreadSort::Recent, 0, SHOWN).len());
        }
        black_box(store.totals());
    })
}

fn inflate(corpus: &Corpus, seconds: f64) -> (usize, f64) {
    let mut zstd = Decompressor::new();
    let mut out = Vec::new();
    timed(seconds, || {
        for body in corpus.compressed() {
            zstd.decompress(body, &mut out, DECOMPRESSED_BYTES_MAX)
                .expect("a valid frame");
            black_box(&out);
        }
    })
}

fn payloads(corpus: &Corpus, seconds: f64, mut decode: impl FnMut(&[u8])) -> (usize, f64) {
    timed(seconds, || {
        corpus.payloads.iter().for_each(|payload| decode(payload))
    })
}

fn timed(seconds: f64, mut pass: impl FnMut()) -> (usize, f64) {
    // Buffers grow and caches fill once.
    pass();
    let (started, cpu) = (Instant::now(), cpu_nanoseconds());
    let mut passes = 0;
    while passes == 0 || started.elapsed().as_secs_f64() < seconds {
        pass();
        passes += 1;
    }
    (passes, (cpu_nanoseconds() - cpu) as f64 / 1e9)
}

/// Rows of a list that a screen shows.
const SHOWN: usize = 60;

/// Processor time of this thread so far.
fn cpu_nanoseconds() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel that counts");
    let first = text.split_whitespace().next();
    first
        .and_then(|text| text.parse().ok())
        .expect("the format of schedstat")
}
