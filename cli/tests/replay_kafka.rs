//! `replay` into a topic of a broker that is really there: librdkafka's mock cluster.

#[path = "support/broker.rs"]
mod broker;
mod support;

use std::time::{Duration, Instant};

use broker::Broker;
use decode_core::capture::CaptureWriter;
use decode_core::frame::FrameWriter;
use decode_core::wire::{GapCause, REJECT_PREFIX_BYTES_MAX, RejectCode};
use rskafka::client::ClientBuilder;
use rskafka::client::partition::UnknownTopicHandling;
use serde_json::{Value, json};
use support::{Folder, dashflow_record, dashstream, event};

/// Key, value and time of a record.
type Seen = (Option<Vec<u8>>, Option<Vec<u8>>, i64);

/// What a partition holds from its start, as another client reads it.
fn partition(broker: &Broker, topic: &str, partition: i32, count: usize) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let client = ClientBuilder::new(vec![broker.address.clone()])
            .build()
            .await;
        let client = client.expect("a broker");
        let client = client
            .partition_client(topic, partition, UnknownTopicHandling::Error)
            .await
            .expect("a partition");
        let mut seen = Vec::new();
        let since = Instant::now();
        while seen.len() < count {
            assert!(since.elapsed() < Duration::from_secs(20), "{seen:?}");
            let next = seen.len() as i64;
            let (records, _) = client
                .fetch_records(next, 1..10_000_000, 100)
                .await
                .expect("records");
            for (number, record) in records.into_iter().enumerate() {
                assert_eq!(record.offset, next + number as i64);
                let record = record.record;
                let time = record.timestamp.timestamp_millis();
                seen.push((record.key, record.value, time));
            }
        }
        seen
    })
}

fn report(stdout: &str) -> Value {
    serde_json::from_str(stdout).expect("one object")
}

#[test]
fn records_keep_partition_time_key_and_order() {
    let Some(broker) = Broker::start("kept:3") else {
        return;
    };
    let mut bytes = Vec::new();
    let mut expected: Vec<Vec<Seen>> = vec![Vec::new(); 3];
    for number in 0..3000_u32 {
        let at = (number * 7 % 3) as usize;
        // Times that go back, no key, no value.
        let time = 1_700_000_000_000 - i64::from(number % 11) * 1000;
        let key = (number % 5 != 0).then(|| format!("thread-{number}").into_bytes());
        let value = (number % 7 != 0).then(|| number.to_le_bytes().to_vec());
        let offset = u64::from(number) * 3;
        bytes.extend(dashflow_record(
            at as u32,
            offset,
            time,
            key.as_deref(),
            value.as_deref(),
        ));
        expected[at].push((key, value, time));
    }
    let folder = Folder::new("kept");
    let file = folder.file("capture", &bytes);
    let args = [
        "replay",
        &file,
        "--brokers",
        &broker.address,
        "--topic",
        "kept",
    ];
    let finished = dashstream(&args, b"");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for (number, expected) in expected.iter().enumerate() {
        let seen = partition(&broker, "kept", number as i32, expected.len());
        assert!(seen == *expected, "partition {number}");
    }
    let report = report(&finished.stdout);
    assert_eq!(
        (&report["records"], &report["leftOut"]),
        (&json!(3000), &json!(0))
    );
    assert_eq!(
        report["partitions"]["2"],
        json!({"records": 1000, "firstOffset": "0", "lastOffset": "999"})
    );
}

#[test]
fn of_a_recording_what_is_whole_goes_back() {
    let Some(broker) = Broker::start("whole:2") else {
        return;
    };
    let mut frames = Vec::new();
    let mut writer = FrameWriter::new(1, 5);
    writer.record(&mut frames, 5, 1_000, &event(1));
    writer.gap(&mut frames, 6, 8, GapCause::Retention);
    writer.reject(&mut frames, 9, 2_000, RejectCode::BadFrame, b"{}");
    let long = vec![b'{'; REJECT_PREFIX_BYTES_MAX];
    writer.reject(&mut frames, 10, 3_000, RejectCode::BadFrame, &long);
    writer.mark(&mut frames, 20);
    writer.record(&mut frames, 20, 4_000, &event(2));
    let mut capture = CaptureWriter::new("{}").expect("short metadata");
    capture.frames(&frames).expect("whole frames");
    let folder = Folder::new("whole");
    let file = folder.file("capture.dscap", &capture.finish().expect("room"));
    let args = [
        "replay",
        &file,
        "--brokers",
        &broker.address,
        "--topic",
        "whole",
    ];
    let finished = dashstream(&args, b"");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_eq!(report(&finished.stdout)["leftOut"], 2);
    // A relay delivers no keys; the thread is what producers use.
    let thread = Some(b"t".to_vec());
    assert_eq!(
        partition(&broker, "whole", 1, 3),
        [
            (thread.clone(), Some(event(1)), 1_000),
            (None, Some(b"{}".to_vec()), 2_000),
            (thread, Some(event(2)), 4_000),
        ]
    );
}

#[test]
fn the_pace_is_kept_and_partitions_are_mixed_by_time() {
    let Some(broker) = Broker::start("paced:2") else {
        return;
    };
    // Partition by partition in the file, in turn by time.
    let mut bytes = Vec::new();
    for at in 0..2_u32 {
        for number in 0..5_u64 {
            let time = 1_000_000 + (number as i64 * 2 + i64::from(at)) * 1000;
            bytes.extend(dashflow_record(at, number, time, None, Some(&event(1))));
        }
    }
    let folder = Folder::new("paced");
    let file = folder.file("capture", &bytes);
    for (flags, least) in [
        (["--speed", "10"], Duration::from_millis(900)),
        (["--rate", "20"], Duration::from_millis(450)),
    ] {
        let since = Instant::now();
        let to = ["--brokers", &broker.address, "--topic", "paced"];
        let format = ["replay", "--format", "dashflow", &file];
        let finished = dashstream(&[&format[..], &to, &flags].concat(), b"");
        let elapsed = since.elapsed();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(
            elapsed >= least && elapsed < 20 * least,
            "{flags:?} {elapsed:?}"
        );
    }
    let small = ["--memory-max", "100", "--rate", "1"];
    let to = [
        "replay",
        &file,
        "--format",
        "dashflow",
        "--brokers",
        &broker.address,
    ];
    let finished = dashstream(&[&to[..], &["--topic", "paced"], &small].concat(), b"");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("--memory-max"), "{finished:?}");
}

#[test]
fn what_cannot_be_sent_is_said_before_anything_is_sent() {
    let folder = Folder::new("refused");
    let record = dashflow_record(2, 0, 1_700_000_000_000, None, Some(&event(1)));
    let file = folder.file("capture", &record);
    let other = folder.file("payload", &event(1));
    let nowhere = "127.0.0.1:1";
    for (args, why) in [
        (
            vec![
                &*folder.path("missing"),
                "--brokers",
                nowhere,
                "--topic",
                "t",
            ],
            "missing",
        ),
        (
            vec![&other, "--brokers", nowhere, "--topic", "t"],
            "not a capture",
        ),
        (
            vec![
                &file,
                "--brokers",
                nowhere,
                "--topic",
                "t",
                "--timeout",
                "0.2",
            ],
            nowhere,
        ),
    ] {
        let finished = dashstream(&[&["replay"], &args[..]].concat(), b"");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains(why), "{finished:?}");
    }
    for args in [
        &[&*file][..],
        &[&file, "--brokers", nowhere],
        &[&file, "--topic", "t"],
        &[&file, "--brokers", nowhere, "--topic", "t", "--serve", "0"],
        &[&file, "--serve", "0", "--speed", "2", "--rate", "2"],
        &[&file, "--serve", "0", "--speed", "0"],
        &[&file, "--serve", "0", "--memory-max", "1X"],
        &[&file, "--serve", "0", "--format", "payload"],
        &[&file, "--serve", "nowhere"],
        &[],
    ] {
        let finished = dashstream(&[&["replay"], args].concat(), b"");
        assert_eq!(finished.code, Some(2), "{args:?}: {finished:?}");
    }
    let Some(broker) = Broker::start("two:2") else {
        return;
    };
    for (topic, patience, why) in [
        ("two", "0.5", "needs 3"),
        ("absent", "0.5", "create it first"),
        ("absent", "0", "create it first"),
    ] {
        let args = ["--topic", topic, "--timeout", patience];
        let to = ["replay", &file, "--brokers", &broker.address];
        let finished = dashstream(&[&to[..], &args].concat(), b"");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(finished.stderr.contains(why), "{finished:?}");
    }
}
