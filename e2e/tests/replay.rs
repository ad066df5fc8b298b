//! `dashstream replay` and `record` on the real thing: a capture goes into a Kafka and comes out of a relay
//! as it was, and what a relay delivered is served again from a file.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use dashstream_e2e::{
    capture::{self, Captured},
    child::until,
    cli::{Cli, Finished},
    digest::{Expected, Verdict},
    kafka::Kafka,
    payload, place,
    producer::{Input, Produced, Topic, now_ms},
    relay::Relay,
    requirement::{Tool, need},
};
use decode_core::wire::{GapCause, RejectCode};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const PARTITIONS: u32 = 4;

#[test]
fn the_real_capture_goes_through_kafka_and_back_unchanged() {
    let Some(corpus) = need(Tool::Capture) else {
        return;
    };
    let Some(kafka) = Kafka::shared() else { return };
    let file = corpus.join("dashflow-real.capture");
    let captured = capture::read(&file);
    let topic = kafka.topic("replayed", PARTITIONS);
    let Some(report) = into_kafka(&file, kafka, &topic) else {
        return;
    };
    assert_eq!(report["records"], captured.len());
    assert_eq!(report["leftOut"], 0);
    assert_eq!(report["sentAgain"], 0);
    same(&topic, &captured);

    let expected = Expected::of(&produced(&captured));
    let Some(relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    let dir = place::fresh_dir("replay");
    let recording = dir.join("recorded.dscap");
    check(&record(&relay.ws_url(), &recording), &expected, 0);
    serve(&recording, &expected, 0);
    // Its offsets are from 0 on and without holes, so that Kafka gives them again.
    serve(&file, &expected, 0);

    // A recording has no keys: the thread is one, as for the producer.
    let again = kafka.topic("again", PARTITIONS);
    let report = into_kafka(&recording, kafka, &again).expect("the tool ran before");
    assert_eq!(report["records"], captured.len());
    same(&again, &captured);
    fs::remove_dir_all(dir).expect("a folder of ours");
}

#[test]
fn what_a_relay_could_not_deliver_is_recorded_and_served_as_such() {
    let Some(kafka) = Kafka::shared() else { return };
    let topic = kafka.topic("troubled", 2);
    let letters = kafka.topic("letters", 1);
    let flags = ["--kafka-dlq-topic", letters.name()];
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &flags) else {
        return;
    };
    let long = vec![b'{'; 5_000];
    let values = (0..200).map(|number| match number {
        20 => (None, Verdict::Gap(GapCause::NullValue)),
        40 => (Some(b"{}".to_vec()), Verdict::Reject(RejectCode::BadFrame)),
        60 => (Some(long.clone()), Verdict::Reject(RejectCode::BadFrame)),
        _ => (Some(payload::event("t", "node", number)), Verdict::Record),
    });
    let (inputs, verdicts): (Vec<_>, Vec<_>) = values
        .map(|(value, verdict)| {
            let key = b"t".to_vec();
            let timestamp_ms = now_ms();
            (
                Input {
                    key,
                    value,
                    timestamp_ms,
                },
                verdict,
            )
        })
        .unzip();
    let mut pairs = topic.produce(inputs);
    pairs.sort_by_key(|one| one.offset);
    let pairs: Vec<_> = pairs.into_iter().zip(verdicts).collect();
    let expected = Expected::of(&pairs);
    let url = relay.ws_url();
    let all = Cli::start(
        "all",
        &[
            "tail",
            &url,
            "--until-records",
            "199",
            "--timeout",
            "60",
            "--quiet",
        ],
    );
    let Some(all) = all else { return };
    assert_eq!(all.wait(PATIENCE).status.code(), Some(3));

    let dir = place::fresh_dir("troubled");
    let recording = dir.join("recorded.dscap");
    check(&record(&url, &recording), &expected, 3);
    serve(&recording, &expected, 3);
    let other = kafka.topic("whole", 2);
    let finished = replay(&recording, kafka, &other).expect("the tool ran before");
    assert_eq!(finished.status.code(), Some(3), "{}", finished.errors);
    let report: Value = serde_json::from_str(&finished.output).expect("one object");
    // The gap, and the reject of which a relay delivers only the beginning.
    assert_eq!(
        (&report["records"], &report["leftOut"]),
        (&json!(198), &json!(2))
    );
    relay.wait_for("three letters", PATIENCE, |_| letters.end(0) == 3);
    letters_are_judged(&letters, &dir.join("letters.jsonl"));
    fs::remove_dir_all(dir).expect("a folder of ours");
}

/// What the relay writes about a record is enough for the tool to reach the relay's verdict.
fn letters_are_judged(letters: &Topic, file: &Path) {
    let mut lines = Vec::new();
    for letter in letters.read(0) {
        lines.extend(letter.record.value.expect("a value"));
        lines.push(b'\n');
    }
    fs::write(file, lines).expect("a folder of ours");
    let tool = Cli::start("validate", &["validate", "--json", text(file)]);
    let finished = tool.expect("the tool ran before").wait(PATIENCE);
    assert_eq!(finished.status.code(), Some(3), "{}", finished.errors);
    let mut codes: Vec<_> = finished
        .output
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|line| line["verdict"] == "rejected")
        .map(|line| line["code"].clone())
        .collect();
    codes.sort_by_key(Value::to_string);
    assert_eq!(codes, ["bad_frame", "bad_frame", "empty"]);
}

fn replay(file: &Path, kafka: &Kafka, topic: &Topic) -> Option<Finished> {
    let file = text(file);
    let arguments = [
        "replay",
        file,
        "--brokers",
        kafka.brokers(),
        "--topic",
        topic.name(),
    ];
    Some(Cli::start(topic.name(), &arguments)?.wait(PATIENCE))
}

/// Sends all of a capture; what the tool reports.
fn into_kafka(file: &Path, kafka: &Kafka, topic: &Topic) -> Option<Value> {
    let finished = replay(file, kafka, topic)?;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.errors);
    Some(serde_json::from_str(&finished.output).expect("one object"))
}

/// The topic holds exactly this: each record once, with its key, its time and every byte.
fn same(topic: &Topic, captured: &[Captured]) {
    for partition in 0..PARTITIONS {
        let wanted: Vec<_> = captured
            .iter()
            .filter(|one| one.partition == partition)
            .collect();
        let read = topic.read(partition);
        assert_eq!(read.len(), wanted.len(), "partition {partition}");
        for (read, wanted) in read.iter().zip(wanted) {
            assert_eq!(u64::try_from(read.offset), Ok(wanted.offset));
            assert_eq!(read.record.key.as_ref(), Some(&wanted.key));
            assert_eq!(read.record.value.as_ref(), Some(&wanted.value));
            let time = read.record.timestamp.timestamp_millis();
            assert_eq!(time, wanted.timestamp_ms);
        }
    }
}

fn produced(captured: &[Captured]) -> Vec<(Produced, Verdict)> {
    let one = |one: &Captured| Produced {
        partition: one.partition,
        offset: one.offset,
        input: Input {
            key: one.key.clone(),
            value: Some(one.value.clone()),
            timestamp_ms: one.timestamp_ms,
        },
    };
    captured
        .iter()
        .map(|captured| (one(captured), Verdict::Record))
        .collect()
}

fn record(url: &str, file: &Path) -> Finished {
    let arguments = [
        "record",
        url,
        "--until-complete",
        "--timeout",
        "60",
        "--digest",
        "-o",
    ];
    let arguments = [&arguments[..], &[text(file)]].concat();
    let record = Cli::start("record", &arguments).expect("the tool ran before");
    record.wait(PATIENCE)
}

/// Serves a file and tails it.
fn serve(file: &Path, expected: &Expected, status: i32) {
    let arguments = ["replay", text(file), "--serve", "0", "--for", "60"];
    // Whatever has a name of its own has an output of its own.
    let name = file.file_stem().and_then(|stem| stem.to_str());
    let name = name.expect("UTF-8");
    let serving = Cli::start(&format!("serve-{name}"), &arguments).expect("the tool ran before");
    let url = until("the address it serves at", PATIENCE, || {
        let output = serving.output();
        let url = output.strip_suffix("/\n")?.strip_prefix("http://")?;
        Some(url.to_owned())
    });
    let arguments = [
        "tail",
        &url,
        "--until-complete",
        "--timeout",
        "60",
        "--quiet",
        "--digest",
    ];
    let tail = Cli::start(&format!("tail-{name}"), &arguments).expect("the tool ran before");
    check(&tail.wait(PATIENCE), expected, status);
}

/// Counts and digests are those of what was produced.
fn check(finished: &Finished, expected: &Expected, status: i32) {
    assert_eq!(finished.status.code(), Some(status), "{}", finished.errors);
    let totals: Value = serde_json::from_str(&finished.output).expect("one object");
    let counts = ["records", "rejects", "gaps"].map(|name| totals[name].as_u64());
    let wanted = [expected.records, expected.rejects, expected.gaps].map(Some);
    assert_eq!(counts, wanted, "{totals}");
    let partitions = totals["partitions"].as_object().expect("partitions");
    let digests: BTreeMap<u32, String> = partitions
        .iter()
        .filter_map(|(partition, one)| {
            let digest = one["digest"].as_str().filter(|digest| !digest.is_empty())?;
            Some((partition.parse().expect("a number"), digest.to_owned()))
        })
        .collect();
    assert_eq!(digests, expected.digests);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
