//! The sums that `docs/metrics.md` promises, taken from `/metrics` alone.

use std::{collections::BTreeMap, time::Duration};

use crate::relay::{Metrics, Relay};

/// Waits until the relay has read so many records, and checks that every record has one outcome and one
/// age, whichever metrics are asked.
///
/// # Panics
/// When the records do not come, or a sum differs.
pub fn reconcile(relay: &mut Relay, records: u64) -> Metrics {
    relay.wait_for("all records counted", PATIENCE, |relay| {
        relay.metrics().sum(RECEIVED, &[]) >= records as f64
    });
    let metrics = relay.metrics();
    let of = |name: &str, labels: &[(&str, &str)]| metrics.sum(name, labels) as u64;
    let accepted = of("dashstream_relay_records_accepted_total", &[]);
    let (new, old) = (
        of("dashstream_relay_refused_total", &[("age", "new")]),
        of("dashstream_relay_refused_total", &[("age", "old")]),
    );
    let sums = [
        ("received", of(RECEIVED, &[]), records),
        (
            "outcomes",
            of("dashstream_relay_records_total", &[]),
            records,
        ),
        (
            "statuses",
            of("websocket_kafka_messages_total", &[]),
            records,
        ),
        ("accepted and refused", accepted + new + old, records),
        (
            "success",
            of("websocket_kafka_messages_total", &[("status", "success")]),
            accepted,
        ),
        (
            "outcome accepted",
            of("dashstream_relay_records_total", &[("outcome", "accepted")]),
            accepted,
        ),
        (
            "status error",
            of("websocket_kafka_messages_total", &[("status", "error")]),
            new,
        ),
        (
            "decode failures",
            of("dashstream_decode_failures_total", &[]),
            new,
        ),
        (
            "status old_data_error",
            of(
                "websocket_kafka_messages_total",
                &[("status", "old_data_error")],
            ),
            old,
        ),
        (
            "old failures",
            of("websocket_old_data_decode_errors_total", &[]),
            old,
        ),
        (
            "rejects and gaps",
            of("dashstream_relay_rejects_total", &[])
                + of("dashstream_relay_gaps_total", &[("cause", "oversized")])
                + of("dashstream_relay_gaps_total", &[("cause", "null_value")]),
            new + old,
        ),
    ];
    for (what, got, wanted) in sums {
        assert_eq!(got, wanted, "{what}");
    }
    metrics
}

/// Checks that no counter has gone back or gone away.
///
/// # Panics
/// When one has.
pub fn assert_grown(before: &Metrics, after: &Metrics) {
    let after: BTreeMap<&str, f64> = after.counters().collect();
    for (sample, was) in before.counters() {
        let is = after.get(sample).copied();
        assert!(
            is.is_some_and(|is| is >= was),
            "{sample}: {was}, then {is:?}"
        );
    }
}

const RECEIVED: &str = "dashstream_messages_received_total";
const PATIENCE: Duration = Duration::from_secs(60);
