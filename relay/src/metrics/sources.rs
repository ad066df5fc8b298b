//! What the metrics are read from.

use std::sync::Arc;

use dashstream_serve::{Clock, Hub};

use crate::{
    auth::Auth, counts::Counts, dlq::Dlq, ingest::IngestStatus, kafka::TopicReader, tasks::Tasks,
};

/// Read whenever somebody scrapes.
#[derive(Debug)]
pub struct Sources {
    pub clock: Clock,
    pub counts: Counts,
    pub hub: Arc<Hub>,
    pub ingest: Arc<IngestStatus>,
    pub tasks: Arc<Tasks>,
    pub kafka: Arc<TopicReader>,
    pub dlq: Option<Dlq>,
    pub auth: Arc<Auth>,
    pub log_bytes_max: usize,
}
