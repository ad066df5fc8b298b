//! Each scenario against the thread of the real capture it is modelled on: the same steps with the
//! same sequence numbers in the same order, wherever the real order is no matter of chance.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test looks at the cases it is about"
)]

mod support;

use std::collections::BTreeMap;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_simulator::Scenario;
use support::{messages, played, real_threads, step, unframed};

/// Scenarios whose steps are the same each time, with their thread in the capture.
const EXACT: &[(Scenario, &str)] = &[
    (Scenario::Loop, "cap-loop"),
    (Scenario::Parallel, "cap-parallel"),
    (Scenario::ParallelEnd, "cap-parallel-end"),
    (Scenario::Fail, "cap-fail"),
    (Scenario::ParallelFail, "cap-parallel-fail"),
    (Scenario::FailBatch, "cap-fail-batch"),
    (Scenario::Big, "cap-big"),
    (Scenario::BigRaw, "cap-big-raw"),
    (Scenario::Values, "cap-values"),
    (Scenario::FullState, "cap-fullstate"),
    (Scenario::Ints, "cap-ints"),
    (Scenario::NonAscii, "поток/α 1"),
    (Scenario::Restart, "cap-restart"),
    (Scenario::Reuse, "cap-reuse"),
    (Scenario::Batch, "cap-batch"),
    (Scenario::BatchNoDiff, "cap-batch-nodiff"),
    (Scenario::BatchParallel, "cap-batch-parallel"),
    (Scenario::NoDiff, "cap-nodiff"),
    (Scenario::Interrupt, "cap-interrupt"),
    (Scenario::Redact, "cap-redact"),
    (Scenario::RedactUrl, "cap-redact-url"),
    (Scenario::NoFlush, "cap-noflush"),
    (Scenario::Oversize, "cap-oversize"),
];

/// Scenarios in which messages overtake each other by chance, or whose texts decide how many
/// operations a difference has: there the steps of each series are compared.
const BY_SERIES: &[(Scenario, &str)] = &[
    (Scenario::Linear, "cap-linear"),
    (Scenario::Edit, "cap-edit"),
    (Scenario::Stream, "cap-stream"),
    (Scenario::StreamBatch, "cap-stream-batch"),
    (Scenario::StreamFail, "cap-stream-fail"),
    (Scenario::StreamWarm, "cap-stream-warm"),
];

fn real_messages(records: &[dashstream_simulator::capture::CapturedRecord]) -> Vec<Message> {
    records
        .iter()
        .map(|r| unframed(r.value.as_ref().expect("a value")).1)
        .collect()
}

#[test]
fn steps_are_those_of_the_real_library() {
    let Some(real) = real_threads() else { return };
    for (scenario, thread) in EXACT {
        let expected: Vec<_> = real_messages(&real[*thread]).iter().map(step).collect();
        for seed in [1, 2] {
            let actual: Vec<_> = messages(&played(*scenario, seed))
                .iter()
                .map(step)
                .collect();
            assert_eq!(actual, expected, "{} seed {seed}", scenario.name());
        }
    }
}

/// Steps by who counts them, each series by its numbers.
fn series(messages: &[Message]) -> BTreeMap<&'static str, Vec<(u64, String)>> {
    let mut out: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages {
        let inner: Vec<Message> = match message {
            Message::EventBatch(batch) => {
                batch.events.iter().cloned().map(Message::Event).collect()
            }
            other => vec![other.clone()],
        };
        for message in inner {
            let name = match &message {
                Message::Event(event) if event.event_type >= 80 => "node",
                Message::TokenChunk(_) | Message::ToolExecution(_) | Message::Error(_) => "node",
                Message::Metrics(metrics) if metrics.scope == "node" => "node",
                _ => "callback",
            };
            // How many operations a patch has depends on the words in the state.
            let step = step(&message);
            let step = step
                .split_once('<')
                .map_or(step.as_str(), |(step, _)| step)
                .to_owned();
            out.entry(name)
                .or_default()
                .push((support::header(&message).sequence, step));
        }
    }
    out.values_mut().for_each(|steps| steps.sort());
    out
}

#[test]
fn series_are_those_of_the_real_library() {
    let Some(real) = real_threads() else { return };
    for (scenario, thread) in BY_SERIES {
        let expected = series(&real_messages(&real[*thread]));
        for seed in [1, 2] {
            let actual = series(&messages(&played(*scenario, seed)));
            assert_eq!(actual, expected, "{} seed {seed}", scenario.name());
        }
    }
}

#[test]
fn two_runs_at_the_same_time_interleave() {
    let records = played(Scenario::Inter, 3);
    let threads: Vec<_> = records.iter().map(|r| r.thread.as_str()).collect();
    let changes = threads.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 4, "{threads:?}");
    let Some(real) = real_threads() else { return };
    for part in ["1", "2"] {
        let own: Vec<_> = records
            .iter()
            .filter(|r| r.thread.ends_with(part))
            .cloned()
            .collect();
        let expected: Vec<_> = real_messages(&real[&format!("cap-inter-{part}")])
            .iter()
            .map(step)
            .collect();
        assert_eq!(
            messages(&own).iter().map(step).collect::<Vec<_>>(),
            expected
        );
    }
}

#[test]
fn frames_are_chosen_as_by_the_real_library() {
    let Some(real) = real_threads() else { return };
    for (scenario, thread) in [
        (Scenario::Loop, "cap-loop"),
        (Scenario::BigRaw, "cap-big-raw"),
    ] {
        let frames = |values: Vec<Vec<u8>>| -> Vec<u8> { values.iter().map(|v| v[0]).collect() };
        let expected = frames(
            real[thread]
                .iter()
                .filter_map(|r| r.value.clone())
                .collect(),
        );
        let actual = frames(
            played(scenario, 1)
                .into_iter()
                .filter_map(|r| r.value)
                .collect(),
        );
        assert_eq!(actual, expected, "{thread}");
    }
}

#[test]
fn a_full_queue_loses_what_the_real_library_loses() {
    let records = played(Scenario::Drop, 1);
    let sequences: Vec<_> = messages(&records)
        .iter()
        .map(|m| support::header(m).sequence)
        .collect();
    assert!(sequences.is_sorted());
    assert_eq!(sequences.last(), Some(&221));
    // 65 fit: one under way, 64 waiting for the first acknowledgement.
    assert_eq!(sequences[..65], (1..=65).collect::<Vec<u64>>());
    assert!(sequences[65] > 150, "{sequences:?}");
    assert!(
        (100..120).contains(&(221 - sequences.len())),
        "{} lost",
        221 - sequences.len()
    );
}

#[test]
fn streaming_nodes_overtake_the_callback() {
    let steps: Vec<_> = messages(&played(Scenario::Stream, 1))
        .iter()
        .map(step)
        .collect();
    let place = |wanted: &str| {
        steps
            .iter()
            .position(|s| s == wanted)
            .unwrap_or_else(|| panic!("no {wanted}: {steps:?}"))
    };
    assert!(place("1:NODE_PROGRESS(think)") < place("2:NODE_START(prepare)"));
    let burst: Vec<_> = steps.iter().filter(|s| s.contains("req-8")).collect();
    assert_eq!(burst.len(), 12);
    let number = |s: &str| s.split(':').next().and_then(|n| n.parse::<u64>().ok());
    assert!(
        !burst.iter().map(|s| number(s)).is_sorted(),
        "a burst arrives out of order"
    );
}
