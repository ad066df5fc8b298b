//! Checkpoints: how far each partition is settled, in a local file per topic and partition, so that
//! a relay that starts again knows what it has dealt with. Off unless a directory is configured.
//!
//! A checkpoint says that everything before it has its outcome: it was put into the log, or refused
//! with its dead letter stored or given up. It is no promise to clients, who have cursors of their
//! own. Files are written at an interval and at the end, never on the way of a record, and nothing
//! that is wrong with one stops the relay.

mod counts;
mod file;
mod lock;
mod pause;
mod progress;

use std::{
    collections::BTreeMap,
    fs::{File, TryLockError},
    io,
    panic::resume_unwind,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinError};

pub use counts::Counts;
pub use file::{Checkpoint, Fault, FileKey, Fingerprint, KafkaLog, load, parse, set_aside, store};
pub use pause::{PauseCause, StoredPause};
pub use progress::Progress;

use dashstream_serve::{Clock, LogLimit};

use crate::{config::Config, limits};

/// The checkpoints of one topic. Cloned freely.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    topic: String,
    interval: Duration,
    counts: Arc<Counts>,
    partitions: Mutex<BTreeMap<u32, Arc<Progress>>>,
    writing: Mutex<()>,
    /// Held until the end, where the file system can.
    lock: Mutex<Option<File>>,
    /// Partitions without a checkpoint that is up to date, and why.
    troubles: Mutex<BTreeMap<u32, Trouble>>,
    clock: Clock,
    log: Mutex<LogLimit>,
    /// Something is to be written that does not wait for the interval.
    urgent: Arc<Notify>,
}

/// What keeps a partition from having a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The last write failed.
    Unwritten,
    /// There is a file, and nobody knows what it says. It may be a good one, so none replaces it.
    Unread,
}

impl Trouble {
    /// For people.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unwritten => "its checkpoint cannot be written",
            Self::Unread => "its checkpoint could not be read at start and is left in place",
        }
    }
}

impl Checkpoints {
    /// The checkpoints, where the configuration has a directory for them.
    pub fn new(config: &Config, counts: Arc<Counts>) -> Option<Self> {
        let checkpoint = config.ingest.checkpoint.as_ref()?;
        Some(Self {
            inner: Arc::new(Inner {
                dir: checkpoint.dir.clone(),
                topic: config.kafka.topic.as_str().to_owned(),
                interval: checkpoint.interval,
                counts,
                partitions: Mutex::default(),
                writing: Mutex::default(),
                lock: Mutex::default(),
                troubles: Mutex::default(),
                clock: Clock::start(),
                log: Mutex::default(),
                urgent: Arc::default(),
            }),
        })
    }

    /// Where a partition's loop says how far it is.
    pub fn progress(&self, partition: u32) -> Arc<Progress> {
        let mut partitions = self.inner.partitions.lock();
        let progress = partitions.entry(partition);
        let made = || Arc::new(Progress::new(Arc::clone(&self.inner.urgent)));
        Arc::clone(progress.or_insert_with(made))
    }

    /// The offset on the disk, for each partition that has one.
    pub fn stored(&self) -> Vec<(u32, u64)> {
        let partitions = self.inner.partitions.lock();
        let stored = |(&partition, progress): (&u32, &Arc<Progress>)| {
            Some((partition, progress.stored_offset()?))
        };
        partitions.iter().filter_map(stored).collect()
    }

    /// Partitions whose checkpoint is not what it should be.
    pub fn troubles(&self) -> Vec<(u32, Trouble)> {
        let troubles = self.inner.troubles.lock();
        let troubles = troubles.iter();
        troubles
            .map(|(&partition, &why)| (partition, why))
            .collect()
    }

    /// Takes the folder; fails where another relay has it. Where nobody can tell, it is used all the same.
    pub async fn claim(&self) -> io::Result<()> {
        let folder = self.inner.dir.join(&self.inner.topic);
        let shown = folder.display().to_string();
        let error = match in_time(move || lock::claim(&folder)).await {
            Some(Ok(lock)) => {
                *self.inner.lock.lock() = Some(lock);
                return Ok(());
            }
            Some(Err(TryLockError::WouldBlock)) => {
                return Err(io::Error::other(format!(
                    "DASHSTREAM_CHECKPOINT_DIR: another relay uses {shown}; each needs a directory of its own"
                )));
            }
            Some(Err(TryLockError::Error(error))) => error,
            None => io::ErrorKind::TimedOut.into(),
        };
        tracing::warn!(folder = shown, %error, "cannot be locked: a second relay using it would not be detected");
        Ok(())
    }

    /// The checkpoint that is there. A file that is of no use is counted, told and moved aside; one that
    /// cannot be read is left where it is.
    pub async fn load(&self, partition: u32) -> Option<Checkpoint> {
        let inner = Arc::clone(&self.inner);
        match in_time(move || load(&inner.dir, inner.place(partition))).await {
            Some(Ok(found)) => found,
            Some(Err(Fault::Unreadable)) | None => {
                self.inner.unread(partition);
                None
            }
            Some(Err(fault)) => {
                let inner = Arc::clone(&self.inner);
                in_time(move || inner.set_aside(partition, fault)).await;
                None
            }
        }
    }

    /// Writes what has changed, at the interval or where a partition stops or goes on, until it is
    /// dropped.
    pub async fn run(self) {
        tracing::info!(dir = %self.inner.dir.display(), "checkpoints");
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.inner.interval) => {}
                () = self.inner.urgent.notified() => {}
            }
            self.write().await;
        }
    }

    /// Writes what has changed since the last time.
    pub async fn write(&self) {
        let inner = Arc::clone(&self.inner);
        let written = tokio::task::spawn_blocking(move || inner.write()).await;
        // Without a result only where the runtime ends, and then nobody is left to tell.
        let _written: Option<()> = result_of(written);
    }
}

impl Inner {
    fn place(&self, partition: u32) -> FileKey<'_> {
        FileKey {
            topic: &self.topic,
            partition,
        }
    }

    fn unread(&self, partition: u32) {
        let fault = Fault::Unreadable;
        self.counts.faults.inc(fault);
        self.troubles.lock().insert(partition, Trouble::Unread);
        let file = self.place(partition).file(&self.dir);
        let file = file.display();
        tracing::warn!(partition, %file, "checkpoint file ignored and left in place: {fault}");
    }

    fn set_aside(&self, partition: u32, fault: Fault) {
        let place = self.place(partition);
        self.counts.faults.inc(fault);
        let file = place.file(&self.dir);
        let file = file.display();
        match set_aside(&self.dir, place) {
            Ok(aside) => {
                let aside = aside.display();
                tracing::warn!(partition, %file, %aside, "checkpoint file ignored and moved aside: {fault}");
            }
            Err(error) => {
                tracing::warn!(partition, %file, %error, "checkpoint file ignored: {fault}");
            }
        }
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
        let is_unread =
            |troubles: &BTreeMap<_, _>| troubles.get(&partition) == Some(&Trouble::Unread);
        if is_unread(&self.troubles.lock()) {
            self.counts.failures.inc();
            return;
        }
        let place = self.place(partition);
        match store(&self.dir, place, checkpoint) {
            Ok(()) => {
                self.counts.writes.inc();
                self.troubles.lock().remove(&partition);
                progress.stored(checkpoint);
            }
            Err(error) => self.failed(partition, &error),
        }
    }

    fn failed(&self, partition: u32, error: &io::Error) {
        self.counts.failures.inc();
        self.troubles.lock().insert(partition, Trouble::Unwritten);
        if let Some(unsaid) = self.log.lock().allow(self.clock.now_ms()) {
            let file = self.place(partition).file(&self.dir);
            let file = file.display();
            tracing::warn!(partition, %file, %error, unsaid, "the checkpoint cannot be written");
        }
    }
}

/// What a call of the file system says, off the runtime's threads. `None` where it takes too long; it
/// then keeps a thread for as long as it takes.
async fn in_time<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let limit = Duration::from_millis(limits::CHECKPOINT_START_MS_MAX);
    let called = tokio::time::timeout(limit, tokio::task::spawn_blocking(call)).await;
    called.ok().and_then(result_of)
}

/// What a call gave; a fault in it is a fault of whoever waits for it. `None` where it was never made.
fn result_of<T>(called: Result<T, JoinError>) -> Option<T> {
    match called.map_err(JoinError::try_into_panic) {
        Ok(result) => Some(result),
        Err(Ok(panicked)) => resume_unwind(panicked),
        Err(Err(_cancelled)) => None,
    }
}

#[cfg(test)]
mod tests;
