//! What all parts of the relay count, each in its own struct.

use std::sync::Arc;

use dashstream_serve::ClientCounters;

use crate::{checkpoint, dlq, ingest};

/// Cloned freely; all copies count in the same place.
#[derive(Clone, Debug)]
pub struct Counts {
    pub ingest: Arc<ingest::Counts>,
    pub dlq: Arc<dlq::Counts>,
    pub checkpoints: Arc<checkpoint::Counts>,
    pub clients: Arc<ClientCounters>,
}

impl Counts {
    /// With what the server of clients counts already.
    pub fn new(clients: Arc<ClientCounters>) -> Self {
        Self {
            ingest: Arc::default(),
            dlq: Arc::default(),
            checkpoints: Arc::default(),
            clients,
        }
    }
}
