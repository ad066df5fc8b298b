//! What is known of the incarnation of the topic that is read.

use crate::{
    checkpoint::{Checkpoint, Fingerprint},
    kafka::TopicId,
};

/// By it a recreated topic is told from the one read before.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ingest) struct Known {
    /// How far it was settled when the relay was started.
    pub checkpoint: Option<Checkpoint>,
    /// The record read last.
    pub fingerprint: Option<Fingerprint>,
    /// The topic's identity, where brokers give one.
    pub topic_id: Option<TopicId>,
    /// Leader epoch of the batch read last.
    pub epoch: Option<i32>,
    /// Whether this source was asked for that record.
    pub is_sure: bool,
    /// When it was last asked for anything. Its last answer says less: that may have lain in the socket
    /// while the process was stopped.
    pub asked_ms: Option<u64>,
    /// Answers in a row by which the end went back.
    pub went_back: u32,
    /// It is another one than that of the log.
    pub is_recreated: bool,
}
