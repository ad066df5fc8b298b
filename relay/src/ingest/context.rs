//! What ingest is given of the whole.

use std::sync::Arc;

use dashstream_serve::{Clock, Hub};

use super::{counts::Counts, status::IngestStatus};
use crate::{checkpoint::Checkpoints, dlq::Dlq, tasks::Tasks};

/// Cloned freely: one per partition.
#[derive(Clone, Debug)]
pub struct Context {
    pub clock: Clock,
    pub counts: Arc<Counts>,
    pub hub: Arc<Hub>,
    pub status: Arc<IngestStatus>,
    pub tasks: Arc<Tasks>,
    /// Where records go that cannot be used, if anywhere.
    pub dlq: Option<Dlq>,
    /// What is remembered over restarts, if anything.
    pub checkpoints: Option<Checkpoints>,
}
