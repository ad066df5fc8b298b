//! Memory does not depend on what is in Kafka. A short part of `cargo xtask bench memory`.

use std::{fs, time::Duration};

use dashstream_e2e::{
    kafka::Kafka,
    memory::{BESIDES_BYTES, Case, LOG_BYTES, peak},
    relay::Relay,
};

/// X1: well compressed batches and many partitions cost a relay at most its log and 200 MB, and nearly all of what it
/// grows by has a name in its metrics.
#[test]
fn a_relay_takes_no_more_than_its_log_and_a_stated_amount() {
    let Some(kafka) = Kafka::shared() else { return };
    let case = |partitions, ratio, megabytes| Case {
        partitions,
        ratio,
        megabytes,
        log_bytes: LOG_BYTES,
    };
    for case in [case(1, 1_000, 500), case(50, 100, 300)] {
        let Some(peak) = peak(kafka, case) else {
            return;
        };
        let bound = case.log_bytes + BESIDES_BYTES;
        assert!(
            peak.bytes <= bound,
            "{case:?}: {} of {bound} bytes",
            peak.bytes
        );
        for (when, parts) in [("at most", peak.largest), ("afterwards", peak.after)] {
            let explained = parts.explained(peak.idle);
            eprintln!("{case:?} {when}: {explained:.2} of the growth, {peak:?}");
            assert!((0.8..1.2).contains(&explained), "{case:?} {when}: {peak:?}");
        }
    }
}

/// X12: partitions share the connections to their broker.
#[test]
fn many_partitions_take_few_descriptors() {
    let Some(kafka) = Kafka::shared() else { return };
    let partitions = 300;
    let topic = kafka.topic("descriptors", partitions);
    let Some(mut relay) = Relay::start(kafka.brokers(), topic.name(), &[]) else {
        return;
    };
    relay.wait_for("all partitions", Duration::from_secs(60), |relay| {
        relay.metrics().sum("dashstream_relay_partitions", &[]) >= f64::from(partitions)
    });
    let open = fs::read_dir(format!("/proc/{}/fd", relay.pid())).expect("the process lives");
    let count = open.count();
    assert!(
        count < 64,
        "{count} descriptors for {partitions} partitions"
    );
}
