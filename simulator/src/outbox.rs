//! When a message leaves the producer.
//!
//! The callback puts its messages into a bounded queue that one worker empties, waiting for Kafka's
//! acknowledgement of each; what finds the queue full is dropped, its sequence number used up.
//! Messages of a node's own context and the quality metrics go past the queue. Between the two the
//! order on the wire is therefore not the order of events, which consumers have to live with.

use std::collections::VecDeque;

use dashstream_proto::v1::dash_stream_message::Message;
use dashstream_proto::v1::{Event, EventBatch, Header, MessageType};

use crate::rng::Rng;

/// Messages the queue holds.
const QUEUE_MAX: usize = 64;
/// A batch waits no longer than this for more events.
const BATCH_WAIT_US: u64 = 100_000;
/// Time from a send to its acknowledgement on a warm connection.
const ACK_US: (u64, u64) = (5_000, 6_000);
/// Time a message past the queue takes to leave: enough for a burst to change its order.
const DIRECT_US: (u64, u64) = (100, 250);

/// A message and when it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at_us: u64,
    pub(crate) message: Message,
}

/// Who sends.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) tenant: String,
    pub(crate) thread: String,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    identity: Identity,
    rng: Rng,
    batch_size: usize,
    first_ack_us: u64,
    connected: bool,
    /// When the worker can take the next message.
    free_us: u64,
    /// When each queued message was or will be taken.
    taken: VecDeque<u64>,
    batch: Vec<Event>,
    batch_since_us: u64,
    sent: Vec<Sent>,
    pub(crate) dropped: u64,
}

impl Outbox {
    pub(crate) fn new(identity: Identity, rng: Rng, batch_size: usize, first_ack_us: u64) -> Self {
        Self {
            identity,
            rng,
            batch_size,
            first_ack_us,
            connected: false,
            free_us: 0,
            taken: VecDeque::new(),
            batch: Vec::new(),
            batch_since_us: 0,
            sent: Vec::new(),
            dropped: 0,
        }
    }

    /// Queues a message of the callback.
    pub(crate) fn offer(&mut self, at_us: u64, message: Message) {
        while self.taken.front().is_some_and(|taken| *taken <= at_us) {
            self.taken.pop_front();
        }
        if self.taken.len() >= QUEUE_MAX {
            self.dropped += 1;
            return;
        }
        self.flush_if_due(at_us.max(self.free_us));
        let take_us = at_us.max(self.free_us);
        self.taken.push_back(take_us);
        if self.batch_size > 1
            && let Message::Event(event) = message
        {
            if self.batch.is_empty() {
                self.batch_since_us = take_us;
            }
            self.batch.push(event);
            if self.batch.len() >= self.batch_size {
                self.flush(take_us);
            }
        } else {
            self.flush(take_us);
            self.send(take_us.max(self.free_us), message);
        }
    }

    /// Sends a message past the queue.
    pub(crate) fn direct(&mut self, at_us: u64, message: Message) {
        let at_us = at_us + self.rng.range(DIRECT_US.0, DIRECT_US.1);
        self.sent.push(Sent { at_us, message });
    }

    /// Sends the events that wait for a full batch.
    pub(crate) fn flush(&mut self, at_us: u64) {
        if self.batch.is_empty() {
            return;
        }
        let at_us = at_us.max(self.free_us);
        let header = Header {
            message_id: self.rng.uuid().to_vec(),
            timestamp_us: i64::try_from(at_us).unwrap_or(i64::MAX),
            tenant_id: self.identity.tenant.clone(),
            thread_id: self.identity.thread.clone(),
            // Only the events inside are counted.
            sequence: 0,
            r#type: MessageType::EventBatch.into(),
            parent_id: Vec::new(),
            compression: 0,
            schema_version: 1,
        };
        let events = std::mem::take(&mut self.batch);
        self.send(
            at_us,
            Message::EventBatch(EventBatch {
                header: Some(header),
                events,
            }),
        );
    }

    /// Ends the producer in good order; the next message starts a new one.
    pub(crate) fn close(&mut self, at_us: u64) {
        self.flush(at_us);
        self.connected = false;
        self.taken.clear();
    }

    /// Ends the producer without a flush: what was not sent by then is lost.
    pub(crate) fn abort(&mut self, at_us: u64) {
        self.batch.clear();
        self.sent.retain(|sent| sent.at_us <= at_us);
    }

    /// Everything sent, in the order of sending.
    pub(crate) fn into_sent(mut self) -> Vec<Sent> {
        self.sent.sort_by_key(|sent| sent.at_us);
        self.sent
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    fn flush_if_due(&mut self, at_us: u64) {
        let due_us = self.batch_since_us + BATCH_WAIT_US;
        if !self.batch.is_empty() && at_us > due_us {
            self.flush(due_us);
        }
    }

    fn send(&mut self, at_us: u64, message: Message) {
        let ack_us = if self.connected {
            self.rng.range(ACK_US.0, ACK_US.1)
        } else {
            self.first_ack_us
        };
        self.connected = true;
        self.free_us = at_us + ack_us;
        self.sent.push(Sent { at_us, message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(sequence: u64) -> Message {
        let header = Header {
            sequence,
            ..Header::default()
        };
        Message::Event(Event {
            header: Some(header),
            ..Event::default()
        })
    }

    fn outbox(batch_size: usize) -> Outbox {
        let identity = Identity {
            tenant: "t".to_owned(),
            thread: "x".to_owned(),
        };
        Outbox::new(identity, Rng::new(1), batch_size, 50_000)
    }

    #[test]
    fn each_message_waits_for_the_one_before() {
        let mut outbox = outbox(1);
        (0..5).for_each(|n| outbox.offer(1000 + n, event(n)));
        let sent = outbox.into_sent();
        let times: Vec<_> = sent.iter().map(|s| s.at_us).collect();
        assert_eq!(times[0], 1000);
        assert_eq!(times[1], 51_000);
        assert!(
            times
                .windows(2)
                .skip(1)
                .all(|w| (5000..6000).contains(&(w[1] - w[0])))
        );
    }

    #[test]
    fn a_full_queue_drops() {
        let mut outbox = outbox(1);
        (0..100).for_each(|n| outbox.offer(n, event(n)));
        // One is being sent, 64 wait.
        assert_eq!(outbox.dropped, 35);
        assert_eq!(outbox.into_sent().len(), 65);
    }

    #[test]
    fn batches_fill_or_time_out() {
        let mut outbox = outbox(3);
        (0..4).for_each(|n| outbox.offer(n, event(n)));
        outbox.offer(400_000, event(4));
        outbox.close(400_001);
        let sizes: Vec<_> = outbox
            .into_sent()
            .into_iter()
            .map(|sent| match sent.message {
                Message::EventBatch(batch) => (batch.events.len(), sent.at_us),
                other => panic!("not a batch: {other:?}"),
            })
            .collect();
        assert_eq!(sizes.iter().map(|s| s.0).collect::<Vec<_>>(), [3, 1, 1]);
        // The fourth was taken when the first batch was acknowledged, and waited from then.
        assert_eq!(sizes[1].1, 2 + 50_000 + BATCH_WAIT_US);
    }
}
