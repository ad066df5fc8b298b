//! How ingest deals with what it meets: sequence findings, records it cannot use, and restarts.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;

use super::{
    reader::Reader,
    value::{self, as_millis},
};
use crate::limits;

/// Options of ingest, as text.
#[derive(Clone, Debug, Args)]
pub struct IngestOptions {
    /// Action on a gap in the sequence numbers of new records: continue, warn or halt.
    #[arg(
        long,
        env = "DASHSTREAM_SEQUENCE_POLICY",
        global = true,
        default_value = "warn"
    )]
    pub sequence_policy: String,

    /// Action on a new record that cannot be decoded, is too large or has no value: skip or pause.
    #[arg(long, env, global = true, default_value = "skip")]
    pub kafka_on_decode_error: String,

    /// Wait after a failed call to Kafka; doubles with each further failure.
    #[arg(long, env, global = true, default_value = "100")]
    pub kafka_backoff_min_ms: String,

    /// Longest such wait.
    #[arg(long, env, global = true, default_value = "5000")]
    pub kafka_backoff_max_ms: String,

    /// Directory for checkpoints; each relay needs its own. Unset: no checkpoints.
    #[arg(
        long,
        env = "DASHSTREAM_CHECKPOINT_DIR",
        global = true,
        default_value = ""
    )]
    pub checkpoint_dir: String,

    /// How often checkpoints are written.
    #[arg(
        long,
        env = "DASHSTREAM_CHECKPOINT_INTERVAL_MS",
        global = true,
        default_value = "5000"
    )]
    pub checkpoint_interval_ms: String,
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
    pub backoff: BackoffConfig,
    pub checkpoint: Option<CheckpointConfig>,
}

/// Waiting between failed calls to Kafka: doubling from the smallest delay to the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BackoffConfig {
    #[serde(rename = "minMs", serialize_with = "as_millis")]
    pub min: Duration,
    #[serde(rename = "maxMs", serialize_with = "as_millis")]
    pub max: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            min: Duration::from_millis(limits::BACKOFF_MS_MIN),
            max: Duration::from_millis(limits::BACKOFF_MS_MAX),
        }
    }
}

/// Where and how often checkpoints are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointConfig {
    /// Not for everybody: `/version` serves the configuration.
    #[serde(skip)]
    pub dir: PathBuf,
    #[serde(rename = "intervalMs", serialize_with = "as_millis")]
    pub interval: Duration,
}

impl Reader {
    pub(super) fn ingest(&mut self, o: &IngestOptions) -> Option<IngestConfig> {
        let sequence_policy = SequencePolicy::parse(&o.sequence_policy);
        let sequence_policy = self.read("sequence_policy", sequence_policy);
        let unusable_policy = UnusablePolicy::parse(&o.kafka_on_decode_error);
        let unusable_policy = self.read("kafka_on_decode_error", unusable_policy);
        let backoff = self.backoff(o);
        let checkpoint = self.checkpoint(o);
        Some(IngestConfig {
            sequence_policy: sequence_policy?,
            unusable_policy: unusable_policy?,
            backoff: backoff?,
            checkpoint: checkpoint?,
        })
    }

    fn backoff(&mut self, o: &IngestOptions) -> Option<BackoffConfig> {
        let min = value::millis(&o.kafka_backoff_min_ms, 1, BACKOFF_MS_MAX);
        let min = self.read("kafka_backoff_min_ms", min);
        let least = min.map_or(1, |min| u64::try_from(min.as_millis()).unwrap_or(u64::MAX));
        let max = value::millis(&o.kafka_backoff_max_ms, least, BACKOFF_MS_MAX);
        let max = self.read("kafka_backoff_max_ms", max);
        Some(BackoffConfig {
            min: min?,
            max: max?,
        })
    }

    /// `Some(None)` where there are to be none.
    fn checkpoint(&mut self, o: &IngestOptions) -> Option<Option<CheckpointConfig>> {
        let dir = self.read("checkpoint_dir", directory(&o.checkpoint_dir));
        let interval = value::millis(&o.checkpoint_interval_ms, 10, 600_000);
        let interval = self.read("checkpoint_interval_ms", interval)?;
        Some(dir?.map(|dir| CheckpointConfig { dir, interval }))
    }
}

/// An operator who waits longer than this for a broker wants to be asked.
const BACKOFF_MS_MAX: u64 = 600_000;

/// It is made when the first file is written; what is something else already can never be one.
fn directory(text: &str) -> Result<Option<PathBuf>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let dir = PathBuf::from(text);
    if dir.exists() && !dir.is_dir() {
        return Err(format!("{} is not a directory", dir.display()));
    }
    Ok(Some(dir))
}
