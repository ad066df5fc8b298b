//! The way from the source to the partitions, and the account of what arrived.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::dump::DumpFile;
use crate::error::Error;
use crate::kafka::{self, Delivered, QUEUE_RECORDS_MAX, Target};
use crate::source::{Outgoing, Source};
use crate::summary::Summary;

/// Time to send what waits, once it is to stop.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Batches that may wait to be accounted for.
const DELIVERED_BATCHES_MAX: usize = 64;

/// The partitions' workers and the account of what they delivered.
pub(crate) struct Delivery {
    queues: Vec<mpsc::Sender<Outgoing>>,
    workers: JoinSet<Result<(), Error>>,
    delivered: mpsc::Receiver<Delivered>,
    dump: Option<DumpFile>,
}

impl Delivery {
    pub(crate) fn new(
        target: &Arc<Target>,
        partitions: u32,
        dump: Option<&Path>,
    ) -> Result<Self, Error> {
        let (sender, delivered) = mpsc::channel(DELIVERED_BATCHES_MAX);
        let mut workers = JoinSet::new();
        let mut queues = Vec::new();
        for partition in 0..partitions {
            let (queue, records) = mpsc::channel(QUEUE_RECORDS_MAX);
            let target = Arc::clone(target);
            workers.spawn(kafka::run_partition(
                target,
                partition,
                records,
                sender.clone(),
            ));
            queues.push(queue);
        }
        let dump = dump.map(DumpFile::create).transpose()?;
        Ok(Self {
            queues,
            workers,
            delivered,
            dump,
        })
    }

    /// Sends until there is nothing more or it is to stop, then what still waits.
    pub(crate) async fn run(
        mut self,
        source: Source,
        count: Option<u64>,
        mut stop: Stop,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let queues = std::mem::take(&mut self.queues);
        let mut feeding = tokio::spawn(async move {
            tokio::select! {
                () = feed(source, count, queues) => {}
                () = stop.wait() => {}
            }
            stop
        });
        // Whoever asked for an end does not want to wait for a Kafka that is gone.
        let mut stop = None;
        let mut deadline = None;
        let outcome = loop {
            tokio::select! {
                batch = self.delivered.recv() => match batch {
                    Some(batch) => self.account(&batch, summary)?,
                    None => break Ok(()),
                },
                Some(ended) = self.workers.join_next() => {
                    if let Err(error) = ended.unwrap_or_else(|e| Err(Error::Runtime(e.into()))) {
                        break Err(error);
                    }
                }
                ended = &mut feeding, if stop.is_none() => {
                    let ended: Stop = ended.map_err(|e| Error::Runtime(e.into()))?;
                    deadline = ended.is_over.then(|| Instant::now() + DRAIN_MAX);
                    stop = Some(ended);
                }
                () = stop_wait(&mut stop), if deadline.is_none() => {
                    deadline = Some(Instant::now() + DRAIN_MAX);
                }
                () = sleep_until(deadline) => break Ok(()),
            }
        };
        feeding.abort();
        self.workers.abort_all();
        while let Ok(batch) = self.delivered.try_recv() {
            self.account(&batch, summary)?;
        }
        outcome?;
        self.dump.map_or(Ok(()), DumpFile::finish)
    }

    fn account(&mut self, batch: &Delivered, summary: &mut Summary) -> Result<(), Error> {
        summary.retried_batches += u64::from(batch.attempts > 1);
        for (record, offset) in batch.records.iter().zip(&batch.offsets) {
            summary.add(record, *offset);
            if let Some(file) = &mut self.dump {
                file.write(record, u64::try_from(*offset).unwrap_or(0))?;
            }
        }
        Ok(())
    }
}

/// Hands each record to its partition when it is due.
async fn feed(source: Source, count: Option<u64>, queues: Vec<mpsc::Sender<Outgoing>>) {
    let since = tokio::time::Instant::now();
    for (number, record) in (0_u64..).zip(source) {
        if count.is_some_and(|count| number >= count) {
            return;
        }
        if let Some(due) = record.due {
            tokio::time::sleep_until(since + due).await;
        }
        let queue = usize::try_from(record.partition)
            .ok()
            .and_then(|at| queues.get(at));
        let Some(queue) = queue else { continue };
        if queue.send(record).await.is_err() {
            return;
        }
    }
}

/// Waits for a stop that comes while the rest is being sent.
async fn stop_wait(stop: &mut Option<Stop>) {
    match stop {
        Some(stop) => stop.wait().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// SIGTERM, Ctrl-C or the end of the time given.
pub(crate) struct Stop {
    is_over: bool,
    terminate: Signal,
    interrupt: Signal,
    length: Option<Duration>,
    since: tokio::time::Instant,
}

impl Stop {
    pub(crate) fn new(length: Option<Duration>) -> Result<Self, Error> {
        Ok(Self {
            is_over: false,
            terminate: signal(SignalKind::terminate()).map_err(Error::Runtime)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Error::Runtime)?,
            length,
            since: tokio::time::Instant::now(),
        })
    }

    pub(crate) async fn wait(&mut self) {
        let timer = async {
            match self.length {
                Some(length) => tokio::time::sleep_until(self.since + length).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = timer => {}
        }
        self.is_over = true;
    }
}
