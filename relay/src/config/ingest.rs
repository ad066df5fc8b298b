//! How ingest deals with what it meets: sequence findings, records it cannot use, and restarts.

use clap::Args;
use serde::Serialize;

use super::Reader;

/// Options of ingest, as text.
#[derive(Clone, Debug, Args)]
pub struct IngestOptions {
    /// What a gap in a sequence of new records does: continue, warn or halt.
    #[arg(
        long,
        env = "DASHSTREAM_SEQUENCE_POLICY",
        global = true,
        default_value = "warn"
    )]
    pub sequence_policy: String,

    /// What a new record does that cannot be decoded, is too large or has no value: skip or pause.
    #[arg(long, env, global = true, default_value = "skip")]
    pub kafka_on_decode_error: String,
}

/// What a new record that cannot be used does: undecodable, oversized or without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnusablePolicy {
    /// Its place in the log says so, and reading goes on.
    Skip,
    /// The partition stops before it until it is released.
    Pause,
}

impl UnusablePolicy {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "skip" => Ok(Self::Skip),
            "pause" => Ok(Self::Pause),
            other => Err(format!("\"{other}\" is neither skip nor pause")),
        }
    }
}

/// What a gap in a sequence does. Findings are counted with each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SequencePolicy {
    /// Nothing else.
    Continue,
    /// It is logged.
    Warn,
    /// It is logged, and the partition stops at the record until it is released.
    Halt,
}

impl SequencePolicy {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "continue" => Ok(Self::Continue),
            "warn" => Ok(Self::Warn),
            "halt" => Ok(Self::Halt),
            other => Err(format!("\"{other}\" is not continue, warn or halt")),
        }
    }
}

/// How ingest works.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IngestConfig {
    pub sequence_policy: SequencePolicy,
    pub unusable_policy: UnusablePolicy,
}

impl Reader {
    pub(super) fn ingest(&mut self, o: &IngestOptions) -> Option<IngestConfig> {
        let sequence_policy = SequencePolicy::parse(&o.sequence_policy);
        let sequence_policy = self.read("sequence_policy", sequence_policy);
        let unusable_policy = UnusablePolicy::parse(&o.kafka_on_decode_error);
        let unusable_policy = self.read("kafka_on_decode_error", unusable_policy);
        Some(IngestConfig {
            sequence_policy: sequence_policy?,
            unusable_policy: unusable_policy?,
        })
    }
}
