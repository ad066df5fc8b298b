//! How the cost of admission grows: with the size of a payload, and with the events of a batch.

use std::{fmt::Write as _, path::PathBuf};

use dashstream_proto::v1::{
    Checkpoint, DashStreamMessage, Event, EventBatch, EventType, Header,
    dash_stream_message::Message,
};
use dashstream_simulator::Rng;
use decode_core::{
    Decoder, Mode,
    encode::{EncodeOptions, encode},
};

use crate::{
    curves::{Chart, Line},
    decode::{
        corpus::Corpus,
        native::{self, Way},
    },
    report,
};

/// What to measure, and how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Growth {
    /// Repetitions of each figure, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds for each figure in a round.
    #[arg(long, default_value_t = 0.2)]
    seconds: f64,
    /// Where the picture goes.
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Document whose table is to be replaced.
    #[arg(long)]
    document: Option<PathBuf>,
}

/// Microseconds for one payload.
struct Point {
    /// Bytes of the checkpoint's text, or events of the batch.
    size: usize,
    /// Bytes on Kafka.
    bytes: usize,
    admission: f64,
    floor: f64,
}

pub(crate) fn run(options: &Growth) {
    let by_size = |packed| move |size, n| checkpoint(size, n, packed);
    let plain = measured(options, &SIZES, by_size(false));
    let packed = measured(options, &SIZES, by_size(true));
    let batches = measured(options, &EVENTS, batch);
    let mut text = report::origin();
    let payloads = "bytes of the text";
    section(&mut text, "of a payload, uncompressed", payloads, &plain);
    section(&mut text, "of a payload, compressed", payloads, &packed);
    section(&mut text, "of a batch, compressed", "events", &batches);
    println!("{text}");
    if let Some(path) = &options.picture {
        let picture = picture(&plain, &packed, &batches);
        std::fs::write(path, picture).expect("the picture can be written");
        println!("written to {}", path.display());
    }
    if let Some(document) = &options.document {
        report::replace_in(document, "growth", &text);
        println!("written to {}", document.display());
    }
}

fn measured<const N: usize>(
    options: &Growth,
    sizes: &[usize; N],
    payload: impl Fn(usize, u64) -> Vec<u8>,
) -> Vec<Point> {
    let points = sizes.iter().map(|&size| {
        let first = payload(size, 0);
        let bytes = first.len();
        let decoded = Decoder::new(Mode::Strict).decode(&first, &mut ()).is_ok();
        assert!(decoded, "what is refused costs less");
        let count = (CORPUS_BYTES / bytes).clamp(2, PAYLOADS_MAX) as u64;
        let payloads = (0..count).map(|n| payload(size, n)).collect();
        let corpus = Corpus::of("growth", payloads);
        let micros = |way| {
            let (passes, cpu) = native::run(way, &corpus, options.seconds);
            cpu * 1e6 / (passes * corpus.payloads.len()) as f64
        };
        let rounds: Vec<_> = (0..options.rounds.max(1))
            .map(|_| (micros(Way::Admission), micros(Way::WalkLibzstd)))
            .collect();
        eprintln!("{size}: {rounds:.1?}");
        Point {
            size,
            bytes,
            admission: report::middle(rounds.iter().map(|round| round.0)),
            floor: report::middle(rounds.iter().map(|round| round.1)),
        }
    });
    points.collect()
}

/// A checkpoint whose text, which is cut and like JSON, has that many bytes.
fn checkpoint(text_bytes: usize, n: u64, packed: bool) -> Vec<u8> {
    let mut rng = Rng::new(n + 1);
    let mut state = String::from("{");
    while state.len() < text_bytes {
        let (key, value) = (rng.hex(6), rng.range(0, 1_000_000));
        write!(
            state,
            "\"field_{key}\":{{\"value\":{value},\"kind\":\"measured\"}},"
        )
        .expect("a string can be written to");
    }
    state.truncate(text_bytes);
    let message = Message::Checkpoint(Checkpoint {
        header: Some(header(n)),
        state: state.into_bytes(),
        state_type: "json".to_owned(),
        ..Checkpoint::default()
    });
    framed(message, packed)
}

fn batch(events: usize, n: u64) -> Vec<u8> {
    let events = (0..events as u64).map(|at| Event {
        header: Some(header(n * 1_000_000 + at)),
        event_type: EventType::NodeEnd.into(),
        node_id: format!("node_{}", at % 7),
        duration_us: 1_000 + at as i64,
        ..Event::default()
    });
    let message = Message::EventBatch(EventBatch {
        header: Some(header(n)),
        events: events.collect(),
    });
    framed(message, true)
}

fn header(sequence: u64) -> Header {
    let mut rng = Rng::new(sequence ^ 0x5EED);
    Header {
        message_id: (0..16).map(|_| rng.range(0, 256) as u8).collect(),
        timestamp_us: 1_767_225_600_000_000 + sequence as i64 * 1_000,
        tenant_id: "default".to_owned(),
        thread_id: "thread-growth".to_owned(),
        sequence,
        schema_version: 1,
        ..Header::default()
    }
}

fn framed(message: Message, packed: bool) -> Vec<u8> {
    let message = DashStreamMessage {
        message: Some(message),
    };
    let options = EncodeOptions {
        threshold_bytes: if packed { 0 } else { usize::MAX },
        message_bytes_max: usize::MAX,
    };
    let mut compress = |bytes: &[u8]| Some(zstd(bytes));
    encode(&message, &options, &mut compress).expect("a message within the limits")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    zstd_safe::compress(&mut out, bytes, LEVEL).expect("room for the frame");
    out
}

fn section(text: &mut String, what: &str, unit: &str, points: &[Point]) {
    let head = format!(
        "\n\n| {unit} | bytes on Kafka | admission {what}, us | floor, us | ratio | ns {} |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        if unit == "events" {
            "an event"
        } else {
            "a byte"
        }
    );
    text.push_str(&head);
    for one in points {
        // The floor of an uncompressed payload touches a few of its bytes only.
        let ratio = if what.ends_with("uncompressed") {
            String::new()
        } else {
            format!("{:.2} ", one.admission / one.floor)
        };
        let line = format!(
            "| {} | {} | {:.2} | {:.2} | {ratio}| {:.2} |\n",
            one.size,
            one.bytes,
            one.admission,
            one.floor,
            one.admission * 1e3 / one.size as f64,
        );
        text.push_str(&line);
    }
    text.truncate(text.trim_end().len());
}

fn picture(plain: &[Point], packed: &[Point], batches: &[Point]) -> String {
    let line = |name, points: &[Point]| Line {
        name,
        points: points
            .iter()
            .map(|one| (one.size as f64, one.admission))
            .collect(),
    };
    let lines = [
        line("payload, uncompressed, by bytes", plain),
        line("payload, compressed, by bytes", packed),
        line("batch, compressed, by events", batches),
    ];
    Chart {
        title: "Admission of a record",
        x: "bytes of the text, or events of the batch",
        y: "us",
        lines: &lines,
    }
    .svg()
}

/// Up to what an encoder and the relay's own limits let through.
const SIZES: [usize; 8] = [
    256,
    1 << 10,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
];
const EVENTS: [usize; 6] = [1, 10, 100, 1_000, 10_000, 50_000];
/// Of payloads that take turns in a figure.
const CORPUS_BYTES: usize = 8 << 20;
const PAYLOADS_MAX: usize = 2_000;
/// The default of zstd, and of DashFlow's producers.
const LEVEL: i32 = 3;
