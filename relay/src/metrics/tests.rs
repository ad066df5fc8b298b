use std::collections::BTreeMap;

use decode_core::wire::{CloseCode, GapCause, RejectCode};

use dashstream_serve::{Clock, Hub};

use super::*;
use crate::{
    age::Age,
    auth::{Admission, Auth},
    config::{Cli, Config},
    counts::Counts,
    ingest::IngestStatus,
    kafka::TopicReader,
};
use clap::Parser as _;

fn sources() -> Arc<Sources> {
    let hub = Arc::new(Hub::new(1 << 20));
    hub.add_partition(3, 10, 12);
    let mut builder = session::SegmentBuilder::new(3, 10);
    builder.record(10, 1, b"x");
    hub.append(builder.finish().expect("one frame"))
        .expect("continues");
    let ingest = Arc::new(IngestStatus::default());
    let partition = ingest.partition(3);
    partition.set_position(11);
    partition.set_end(12);
    partition.pause(crate::ingest::Pause {
        offset: 11,
        code: "sequence",
        reason: String::new(),
    });
    let cli = Cli::try_parse_from(["dashstream-relay"]).expect("no options are usable options");
    let config = Config::from_args(&cli.options).expect("defaults are usable");
    Arc::new(Sources {
        kafka: Arc::new(TopicReader::new(&config.kafka)),
        clock: Clock::start(),
        counts: Counts::new(Arc::default()),
        hub,
        ingest,
        tasks: Arc::default(),
        dlq: None,
        auth: Arc::new(Auth::new(Admission {
            tokens: Vec::new(),
            file: None,
            allows_anyone: false,
            loopback_needs_token: false,
            session: std::time::Duration::ZERO,
            namespace: String::new(),
        })),
        log_bytes_max: 1 << 20,
    })
}

/// Name to type and label names, as a scrape shows them.
fn scraped(text: &str) -> BTreeMap<String, (String, Vec<String>)> {
    let mut metrics = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("name and type");
            metrics.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().expect("a name");
            let part = ["_bucket", "_sum", "_count"];
            let part = part.iter().find_map(|part| name.strip_suffix(part));
            let name = part
                .filter(|name| metrics.contains_key(*name))
                .unwrap_or(name);
            let labels = line.split_once('{').map_or("", |(_, rest)| rest);
            let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
            let names = labels.split(',').filter_map(|label| label.split_once('='));
            let names = names.map(|(name, _)| name.to_owned());
            let names = names.filter(|name| name != "le").collect();
            metrics.get_mut(name).expect("typed before").1 = names;
        }
    }
    metrics
}

// holds MET-17 and OPS-11 for metrics: scrape, table and documentation are the same.
#[test]
fn scrape_table_and_documentation_agree() {
    let text = Metrics::new(sources())
        .expect("registers")
        .render()
        .expect("renders");
    let scraped = scraped(&text);
    let table: BTreeMap<_, _> = TABLE
        .iter()
        .map(|m| {
            let labels = m.labels.iter().map(|&label| label.to_owned()).collect();
            (m.name.to_owned(), (m.kind.name().to_owned(), labels))
        })
        .collect();
    assert_eq!(table.len(), TABLE.len(), "a name is there twice");
    assert_eq!(scraped, table);

    let documentation = include_str!("../../../docs/metrics.md");
    let documented: Vec<Vec<String>> = documentation
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|c| c.trim().replace('`', ""))
                .collect()
        })
        .collect();
    let rows: Vec<Vec<String>> = TABLE
        .iter()
        .map(|m| {
            let labels = if m.labels.is_empty() {
                "none".to_owned()
            } else {
                m.labels.join(", ")
            };
            vec![
                m.name.to_owned(),
                m.kind.name().to_owned(),
                labels,
                m.help.to_owned(),
            ]
        })
        .collect();
    assert_eq!(documented, rows);
}

/// MET-19, MET-20
#[test]
fn names_follow_the_rules() {
    for metric in TABLE {
        for label in metric.labels {
            assert!(BOUNDED_LABELS.contains(label), "{}: {label}", metric.name);
        }
        // What got lost between two ends cannot be told from one of them.
        assert!(!metric.name.contains("loss"), "{}", metric.name);
        let name = metric.name;
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{name}"
        );
        assert!(!name.ends_with("_total_total"), "{name}");
        let ours = name.starts_with("dashstream_") || name.starts_with("websocket_");
        assert!(ours, "{name}");
        assert!(metric.help.ends_with('.'), "{name}");
    }
}

/// MET-18: what is measured in milliseconds has the same buckets everywhere.
#[test]
fn one_unit_has_one_layout_of_buckets() {
    let text = Metrics::new(sources())
        .expect("registers")
        .render()
        .expect("renders");
    let milliseconds = TABLE
        .iter()
        .filter(|metric| metric.kind == Kind::Histogram && metric.name.ends_with("_ms"));
    let mut layouts: Vec<Vec<&str>> = Vec::new();
    for metric in milliseconds {
        let bucket = format!("{}_bucket{{", metric.name);
        let lines = text.lines().filter(|line| line.starts_with(&bucket));
        let ends = lines.filter_map(|line| line.split_once("le=\"")?.1.split('"').next());
        let mut ends: Vec<_> = ends.collect();
        ends.sort_unstable();
        ends.dedup();
        assert!(ends.len() > 10, "{}: {ends:?}", metric.name);
        layouts.push(ends);
    }
    assert!(layouts.len() >= 3, "{layouts:?}");
    layouts.dedup();
    assert_eq!(layouts.len(), 1, "{layouts:?}");
}

/// TIM-05: a time between two places says which: from the producer to the relay's log, from a client's request to
/// the end of its replay, and from a client's receipt to what it has applied. None is called the whole way.
#[test]
fn a_time_says_from_where_to_where() {
    let between = |name: &str| {
        let metric = TABLE.iter().find(|metric| metric.name == name);
        metric.expect("known").help
    };
    for (name, from, to) in [
        (
            "websocket_e2e_latency_ms",
            "the producer's clock",
            "to the relay's log",
        ),
        (
            "dashstream_relay_replay_duration_ms",
            "resume",
            "until a replay was complete",
        ),
        (
            "dashstream_relay_client_apply_lag_ms",
            "receiving",
            "to having decoded and applied",
        ),
    ] {
        let help = between(name);
        assert!(
            help.contains(&format!("from {from} {to}")),
            "{name}: {help}"
        );
    }
    let times = TABLE
        .iter()
        .filter(|metric| metric.kind == Kind::Histogram && metric.name.ends_with("_ms"));
    assert_eq!(
        times.count(),
        3,
        "another time: say above from where to where"
    );
    let text = Metrics::new(sources())
        .expect("registers")
        .render()
        .expect("renders");
    // The stage is DashFlow's name for it: the relay is the consumer.
    let stages = text
        .lines()
        .filter(|line| line.starts_with("websocket_e2e_latency_ms_count{"));
    let stages: Vec<_> = stages.collect();
    assert!(
        matches!(stages[..], [one] if one.contains("stage=\"producer_to_consumer\"")),
        "{stages:?}"
    );
}

// Dashboards need the series before the first event.
#[test]
fn labels_are_there_before_anything_happened() {
    let text = Metrics::new(sources())
        .expect("registers")
        .render()
        .expect("renders");
    let zero = |series: &str| assert!(text.lines().any(|line| line == series), "{series}");
    for code in RejectCode::ALL {
        zero(&format!(
            "dashstream_relay_rejects_total{{code=\"{code}\"}} 0"
        ));
    }
    for cause in GapCause::ALL {
        zero(&format!(
            "dashstream_relay_gaps_total{{cause=\"{cause}\"}} 0"
        ));
    }
    for code in CloseCode::ALL {
        zero(&format!(
            "dashstream_relay_session_closes_total{{code=\"{code}\"}} 0"
        ));
    }
    zero("websocket_kafka_messages_total{status=\"success\"} 0");
    zero("websocket_decode_errors_total{error_type=\"invalid_protobuf\"} 0");
    zero("websocket_dlq_sends_total{error_type=\"invalid_protobuf\"} 0");
    zero("websocket_dlq_send_failures_total{reason=\"backpressure\"} 0");
    zero("websocket_kafka_consumer_lag{partition=\"3\"} 1");
    zero("websocket_last_kafka_message_age_seconds -1");
    zero("dashstream_relay_log_head_offset{partition=\"3\"} 11");
    assert!(!text.contains("otel_scope") && !text.contains("target_info"));
}

// holds MET-02: outcomes add up.
#[test]
fn outcomes_add_up() {
    let sources = sources();
    let counters = &sources.counts.ingest;
    counters.accepted_empty.add(5);
    let rejects = counters.rejects.of(Age::New);
    rejects.add(RejectCode::Decompress, 2);
    rejects.add(RejectCode::Utf8, 1);
    counters
        .rejects
        .of(Age::Historical)
        .add(RejectCode::Utf8, 7);
    for cause in [GapCause::NullValue, GapCause::Oversized] {
        counters.unusable.of(Age::New).inc(cause);
        counters.gaps.inc(cause);
    }
    counters.gaps.inc(GapCause::Evicted);
    let text = Metrics::new(Arc::clone(&sources))
        .expect("registers")
        .render()
        .expect("renders");
    let has = |series: &str| assert!(text.lines().any(|line| line == series), "{series}");
    has("websocket_kafka_messages_total{status=\"success\"} 5");
    has("websocket_kafka_messages_total{status=\"error\"} 5");
    has("websocket_kafka_messages_total{status=\"old_data_error\"} 7");
    has("websocket_decode_errors_total{error_type=\"payload_too_large\"} 1");
    has("websocket_decode_errors_total{error_type=\"unknown_decode_error\"} 2");
    has("websocket_decode_errors_total{error_type=\"invalid_protobuf\"} 1");
    has("websocket_kafka_payload_missing_total 1");
}

/// Labels whose values are a fixed list, or the partitions of one topic.
const BOUNDED_LABELS: &[&str] = &[
    "age",
    "cause",
    "code",
    "error_type",
    "fault",
    "finding",
    "how",
    "kind",
    "mode",
    // Few, and named in docs/metrics.md.
    "part",
    "outcome",
    "role",
    "partition",
    "reason",
    "stage",
    "status",
    "type",
];
