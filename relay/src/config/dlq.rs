//! The dead letter queue's options. It is on when it has a topic.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{
    reader::Reader,
    value::{self, Topic, as_millis},
};

/// The options, under the names of DashFlow's variables where it has them.
#[derive(Clone, Debug, Args)]
pub struct DlqOptions {
    /// Topic for unusable new records. Unset: no dead letter queue.
    #[arg(long, env, global = true, default_value = "")]
    pub kafka_dlq_topic: String,

    /// Dead letters in flight at the same time; reading waits for a free slot, up to 5 s if it fails open.
    #[arg(
        long,
        env = "MAX_CONCURRENT_DLQ_SENDS",
        global = true,
        default_value = "100"
    )]
    pub dlq_concurrent_sends_max: String,

    /// Longest time for one dead letter, retries included; if the queue fails closed, for each attempt.
    #[arg(long, env, global = true, default_value = "5")]
    pub dlq_send_timeout_secs: String,

    /// Whether dead letters include payloads over 512 KiB whole, if they fit: true or false.
    #[arg(long, env, global = true, default_value = "false")]
    pub dlq_include_full_payload: String,

    /// Whether a partition waits until its dead letter is stored: true or false.
    #[arg(long, env, global = true, default_value = "false")]
    pub dlq_fail_closed: String,

    /// Largest dead letter, key and value; at most what the brokers accept in the topic.
    #[arg(long, env, global = true, default_value = "1000000")]
    pub dlq_record_bytes_max: String,
}

/// The dead letter queue, where there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DlqConfig {
    pub topic: Topic,
    pub concurrent_sends_max: usize,
    #[serde(rename = "sendTimeoutMs", serialize_with = "as_millis")]
    pub send_timeout: Duration,
    pub include_full_payload: bool,
    pub fail_closed: bool,
    pub record_bytes_max: usize,
}

/// Below this a record without any payload would not fit.
const RECORD_BYTES_MIN: u64 = 16 * 1024;
/// The largest batch that Kafka's settings make sensible.
const RECORD_BYTES_MAX: u64 = 64 << 20;
/// Each may hold a payload in memory.
const SENDS_MAX: u64 = 10_000;

impl Reader {
    /// Checked as a whole even where it is off, so that turning it on later is no surprise.
    pub(super) fn dlq(
        &mut self,
        o: &DlqOptions,
        source: Option<&Topic>,
    ) -> Option<Option<DlqConfig>> {
        let sends = value::count(&o.dlq_concurrent_sends_max, 1, SENDS_MAX);
        let sends = self.read("dlq_concurrent_sends_max", sends);
        let timeout = value::seconds(&o.dlq_send_timeout_secs, 1, 600);
        let timeout = self.read("dlq_send_timeout_secs", timeout);
        let full = self.read(
            "dlq_include_full_payload",
            switch(&o.dlq_include_full_payload),
        );
        let closed = self.read("dlq_fail_closed", switch(&o.dlq_fail_closed));
        let bytes = value::bytes(&o.dlq_record_bytes_max, RECORD_BYTES_MIN, RECORD_BYTES_MAX);
        let bytes = self.read("dlq_record_bytes_max", bytes);
        let topic = if o.kafka_dlq_topic.is_empty() {
            let idle = "is not set, but the dead letter queue is set to fail closed";
            let off = if closed == Some(true) {
                Err(idle.to_owned())
            } else {
                Ok(None)
            };
            self.read("kafka_dlq_topic", off)
        } else {
            let topic = Topic::parse(&o.kafka_dlq_topic).and_then(|topic| {
                if Some(&topic) == source {
                    return Err(
                        "is the topic the relay reads: each dead letter would cause another"
                            .to_owned(),
                    );
                }
                Ok(Some(topic))
            });
            self.read("kafka_dlq_topic", topic)
        };
        let config = DlqConfig {
            concurrent_sends_max: usize::try_from(sends?).ok()?,
            send_timeout: timeout?,
            include_full_payload: full?,
            fail_closed: closed?,
            record_bytes_max: usize::try_from(bytes?).ok()?,
            topic: match topic? {
                Some(topic) => topic,
                None => return Some(None),
            },
        };
        Some(Some(config))
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("\"{text}\" is neither true nor false")),
    }
}
