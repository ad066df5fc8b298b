//! Checkpoints: how far each partition is settled, in a local file per topic and partition, so that
//! a relay that starts again knows what it has dealt with. Off unless a directory is configured.
//!
//! A checkpoint says that everything before it has its outcome: it was put into the log, or refused
//! with its dead letter stored or given up. It is no promise to clients, who have cursors of their
//! own. Files are written at an interval and at the end, never on the way of a record, and nothing
//! that is wrong with one stops the relay.

mod file;
mod pause;
mod progress;

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::Notify;

pub use file::{Checkpoint, Fault, Fingerprint, Place, load, parse, set_aside, store};
pub use pause::{PauseCause, StoredPause};
pub use progress::Progress;

use crate::{config::Config, metrics::Counters};

/// The checkpoints of one topic. Cloned freely.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    dir: PathBuf,
    topic: String,
    interval: Duration,
    counters: Arc<Counters>,
    partitions: Mutex<BTreeMap<u32, Arc<Progress>>>,
    writing: Mutex<()>,
    /// Something is to be written that does not wait for the interval.
    urgent: Arc<Notify>,
}

impl Checkpoints {
    /// The checkpoints, where the configuration has a directory for them.
    pub fn new(config: &Config, counters: Arc<Counters>) -> Option<Self> {
        let checkpoint = config.ingest.checkpoint.as_ref()?;
        Some(Self {
            parts: Arc::new(Parts {
                dir: checkpoint.dir.clone(),
                topic: config.kafka.topic.as_str().to_owned(),
                interval: checkpoint.interval,
                counters,
                partitions: Mutex::default(),
                writing: Mutex::default(),
                urgent: Arc::default(),
            }),
        })
    }

    /// Where a partition's loop says how far it is.
    pub fn progress(&self, partition: u32) -> Arc<Progress> {
        let mut partitions = self.parts.partitions.lock();
        let progress = partitions.entry(partition);
        let made = || Arc::new(Progress::new(Arc::clone(&self.parts.urgent)));
        Arc::clone(progress.or_insert_with(made))
    }

    /// The offset on the disk, for each partition that has one.
    pub fn stored(&self) -> Vec<(u32, u64)> {
        let partitions = self.parts.partitions.lock();
        let stored = |(&partition, progress): (&u32, &Arc<Progress>)| {
            Some((partition, progress.stored_offset()?))
        };
        partitions.iter().filter_map(stored).collect()
    }

    /// The checkpoint that is there. A file that is of no use is counted, told and moved aside.
    pub async fn load(&self, partition: u32) -> Option<Checkpoint> {
        let parts = Arc::clone(&self.parts);
        let loaded = tokio::task::spawn_blocking(move || parts.load(partition));
        loaded.await.unwrap_or_default()
    }

    /// Writes what has changed, at the interval or where a partition stops or goes on, until it is
    /// dropped.
    pub async fn run(self) {
        tracing::info!(dir = %self.parts.dir.display(), "checkpoints");
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.parts.interval) => {}
                () = self.parts.urgent.notified() => {}
            }
            self.write().await;
        }
    }

    /// Writes what has changed since the last time.
    pub async fn write(&self) {
        let parts = Arc::clone(&self.parts);
        let written = tokio::task::spawn_blocking(move || parts.write());
        // It fails only where the runtime ends, and then nobody is left to tell.
        let _ended: Result<(), tokio::task::JoinError> = written.await;
    }
}

impl Parts {
    fn place(&self, partition: u32) -> Place<'_> {
        Place {
            topic: &self.topic,
            partition,
        }
    }

    fn load(&self, partition: u32) -> Option<Checkpoint> {
        let place = self.place(partition);
        let fault = match load(&self.dir, place) {
            Ok(found) => return found,
            Err(fault) => fault,
        };
        self.counters.checkpoint_faults.inc(fault);
        let file = place.file(&self.dir);
        let file = file.display();
        match set_aside(&self.dir, place) {
            Ok(aside) => {
                let aside = aside.display();
                tracing::warn!(partition, %file, %aside, "ignored and moved aside: {fault}");
            }
            Err(error) => {
                tracing::warn!(partition, %file, %error, "ignored: {fault}");
            }
        }
        None
    }

    fn write(&self) {
        // A write that nobody waits for any more may still be going on.
        let _alone = self.writing.lock();
        let partitions = self.partitions.lock().clone();
        for (partition, progress) in partitions {
            if let Some(checkpoint) = progress.due() {
                self.store(partition, &progress, checkpoint);
            }
        }
    }

    fn store(&self, partition: u32, progress: &Progress, checkpoint: Checkpoint) {
        let place = self.place(partition);
        match store(&self.dir, place, checkpoint) {
            Ok(()) => {
                self.counters.checkpoint_writes.inc();
                progress.stored(checkpoint);
            }
            Err(error) => self.failed(partition, &error),
        }
    }

    /// The interval bounds how often this is said.
    fn failed(&self, partition: u32, error: &io::Error) {
        self.counters.checkpoint_failures.inc();
        tracing::warn!(partition, %error, "the checkpoint cannot be written");
    }
}

#[cfg(test)]
mod tests;
