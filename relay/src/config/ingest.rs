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
}

impl Reader {
    pub(super) fn ingest(&mut self, o: &IngestOptions) -> Option<IngestConfig> {
        let sequence_policy = SequencePolicy::parse(&o.sequence_policy);
        Some(IngestConfig {
            sequence_policy: self.read("sequence_policy", sequence_policy)?,
        })
    }
}
