//! The page's threads at steady rates and in a replay, and how soon a record is on the screen.

use std::time::{Duration, Instant};

use dashstream_e2e::{
    java::JavaClient,
    kafka::{Kafka, unique},
    payload,
    producer::{Input, Topic, now_ms},
    relay::Relay,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    corpus::Capture,
    script::{self, Served, number},
};
use crate::reader::Reader;

/// What the threads of the page did in a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Records a second that were sent; 0 where all came at once.
    pub(super) rate: u64,
    pub(super) records: f64,
    /// Answers of the worker that changed something on the page.
    pub(super) updates: f64,
    pub(super) main_cpu_ms: f64,
    pub(super) main_longest_ms: f64,
    pub(super) worker_cpu_ms: f64,
    pub(super) worker_longest_ms: f64,
    /// Slices of the worker over 8 ms.
    pub(super) worker_long: f64,
}

/// From Kafka's append to the frame that shows a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visible {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// A relay that sends so many records a second, watched for a while; 0 sends everything at once and is watched
/// until all is there.
pub(super) fn load(capture: &Capture, rate: u64, seconds: u64) -> Load {
    let served = Served::paced(&format!("live-{rate}"), capture, rate);
    let seconds = if rate == 0 { 0 } else { seconds };
    let options = json!({ "address": served.address, "view": "runs", "seconds": seconds });
    let seen = script::row("live", options);
    let of = |thread: &str, what: &str| number(&seen[thread][what]);
    Load {
        rate,
        records: number(&seen["records"]),
        updates: number(&seen["views"]),
        main_cpu_ms: of("main", "cpuMs"),
        main_longest_ms: of("main", "longestMs"),
        worker_cpu_ms: of("worker", "cpuMs"),
        worker_longest_ms: of("worker", "longestMs"),
        worker_long: of("worker", "over8"),
    }
}

/// Records produced one by one to a real Kafka behind a real relay; `None` where there is none.
pub(super) fn visible(seconds: u64) -> Option<Visible> {
    let kafka = Kafka::start("bench-web")?;
    let mut java = JavaClient::start(kafka.brokers())?;
    let name = unique("visible");
    java.create_topic(&name, 1, &["message.timestamp.type=LogAppendTime"]);
    let topic = Topic::open(kafka.brokers(), &name, 1);
    let relay = Relay::start(kafka.brokers(), &name, &[])?;
    let total = seconds * RATE_PER_SECOND;
    let address = format!("http://{}/", relay.address());
    let page = script::start("visible", json!({ "address": address, "last": total - 1 }));
    produce(&topic, total);
    let steps = page.wait();
    let appended = Runtime::new()
        .expect("a runtime can be started")
        .block_on(async {
            let mut reader = Reader::connect(relay.address()).await?;
            reader.resume(json!({"from": "earliest"})).await?;
            let mut times = Vec::new();
            reader
                .read_records(total, |time_ms| times.push(time_ms))
                .await?;
            std::io::Result::Ok(times)
        })
        .expect("the relay delivers");
    Some(delays(&steps, &appended))
}

/// What a frame shows is everything up to its newest record.
fn delays(steps: &Value, appended: &[i64]) -> Visible {
    let mut delays = Vec::new();
    let mut times = appended.iter();
    for step in steps.as_array().expect("a list of frames") {
        let (newest, shown_ms) = (number(&step[0]) as usize, number(&step[1]));
        let until = newest + 1 - delays.len().min(newest + 1);
        delays.extend(
            times
                .by_ref()
                .take(until)
                .map(|at_ms| shown_ms - *at_ms as f64),
        );
    }
    delays.sort_by(f64::total_cmp);
    let percentile = |percent: usize| delays[(delays.len() * percent).div_ceil(100) - 1];
    Visible {
        p50_ms: percentile(50),
        p99_ms: percentile(99),
    }
}

fn produce(topic: &Topic, total: u64) {
    let begun = Instant::now();
    for sent in (0..total).step_by(BATCH_RECORDS as usize) {
        let due = begun + Duration::from_micros(sent * 1_000_000 / RATE_PER_SECOND);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let batch = (sent..sent + BATCH_RECORDS).map(|n| Input {
            key: b"visible".to_vec(),
            value: Some(payload::event_of_len("visible", n, 300)),
            timestamp_ms: now_ms(),
        });
        let produced = topic.produce_batch(0, batch.collect());
        assert_eq!(produced.len() as u64, BATCH_RECORDS, "Kafka takes all");
    }
}

const RATE_PER_SECOND: u64 = 500;
const BATCH_RECORDS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_shows_everything_up_to_its_newest_record() {
        let appended = [1_000, 1_000, 1_010, 1_020];
        let steps = json!([[1, 1_030.0], [3, 1_040.0]]);
        let visible = delays(&steps, &appended);
        assert!((visible.p50_ms - 30.0).abs() < 1e-9, "{visible:?}");
        assert!((visible.p99_ms - 30.0).abs() < 1e-9, "{visible:?}");
    }
}
