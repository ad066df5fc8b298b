//! From the capture into Kafka: a thread reads, a task hands each record to its partition when it
//! is due, and each partition has a task that has one call under way at a time, so that order is
//! kept.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rskafka::record::Record;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::held::{self, Held, What};
use super::kafka::{self, Producer, Target};
use super::pace::Pace;
use crate::follow::interrupted;
use crate::input::{Reading, Source};
use crate::outcome::{Failure, Outcome, concluded};
use crate::output::write_line;

/// What was sent.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    records: u64,
    bytes: u64,
    /// Gaps, and records of which not all is in the capture.
    left_out: u64,
    /// Batches that were sent again because no answer came: their records may be there twice.
    sent_again: u64,
    partitions: BTreeMap<u32, PartitionReport>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartitionReport {
    records: u64,
    /// Decimal text: JavaScript would round the numbers.
    first_offset: String,
    last_offset: String,
}

/// A record on its way, and its share of the memory for that.
struct Outgoing {
    partition: u32,
    due: Duration,
    record: Record,
    bytes: usize,
    room: OwnedSemaphorePermit,
}

pub(super) fn run(
    target: Target,
    source: Source,
    reading: Reading,
    pace: Pace,
    memory_bytes_max: u64,
) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::Io(format!("runtime: {error}")))?;
    let report = Arc::new(Mutex::new(Report::default()));
    let needed = held::partitions(&source, reading)?;
    let sent = runtime.block_on(async {
        let partitions = target.partitions().await?;
        if needed > partitions {
            let topic = &target.topic;
            return Err(Failure::Io(format!(
                "topic {topic} has {partitions} partitions, the capture needs {needed}"
            )));
        }
        let (sender, incoming) = mpsc::channel(QUEUED_RECORDS_MAX);
        let reader = Reader {
            sender,
            room: Arc::new(Semaphore::new(QUEUED_BYTES_MAX)),
            runtime: Handle::current(),
            report: Arc::clone(&report),
            pace,
            number: 0,
        };
        let read = thread::spawn(move || reader.read(&source, reading, memory_bytes_max));
        send(Arc::new(target), partitions, incoming, &report).await?;
        // It has nobody left to send to, so it ends too.
        read.join()
            .unwrap_or_else(|_| Err(Failure::Io("the reader ended unexpectedly".into())))
    });
    // Whatever is still being read or sent belongs to nobody any more.
    runtime.shutdown_background();
    let report = std::mem::take(&mut *report.lock().unwrap_or_else(PoisonError::into_inner));
    let written = write_line(&mut io::stdout(), &report);
    let Report {
        records, left_out, ..
    } = report;
    say!("dashstream: sent {records} records, left out {left_out}");
    let outcome = match sent {
        Ok(()) if left_out > 0 => Outcome::Found,
        Ok(()) => Outcome::Clean,
        Err(Failure::ReaderGone) => {
            say!("dashstream: stopped before the end");
            Outcome::Unreadable
        }
        Err(failure) => return Err(failure),
    };
    concluded(written, outcome)
}

/// The thread that reads the capture.
struct Reader {
    sender: mpsc::Sender<Outgoing>,
    room: Arc<Semaphore>,
    runtime: Handle,
    report: Arc<Mutex<Report>>,
    pace: Pace,
    number: u64,
}

impl Reader {
    fn read(
        mut self,
        source: &Source,
        reading: Reading,
        memory_bytes_max: u64,
    ) -> Result<(), Failure> {
        if !self.pace.is_timed() {
            return held::each(source, reading, |held| self.give(held, 0));
        }
        let all = held::all(source, reading, memory_bytes_max)?;
        for (since_first_ms, held) in held::in_time(all) {
            self.give(held, since_first_ms)?;
        }
        Ok(())
    }

    fn give(&mut self, held: Held, since_first_ms: i64) -> Result<(), Failure> {
        if matches!(held.what, What::Mark) {
            return Ok(());
        }
        let partition = held.place.partition;
        let bytes = held.cost();
        let Some(record) = kafka::record(held)? else {
            lock(&self.report).left_out += 1;
            return Ok(());
        };
        let due = self.pace.due(self.number, since_first_ms);
        self.number += 1;
        // One larger than all the room takes all of it.
        let share = u32::try_from(bytes.min(QUEUED_BYTES_MAX)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(share);
        let gone = |_| Failure::ReaderGone;
        let room = self
            .runtime
            .block_on(room)
            .map_err(|_| Failure::ReaderGone)?;
        let outgoing = Outgoing {
            partition,
            due,
            record,
            bytes,
            room,
        };
        self.sender.blocking_send(outgoing).map_err(gone)
    }
}

/// Sends everything that comes; `ReaderGone` when it was told to stop.
async fn send(
    target: Arc<Target>,
    partitions: u32,
    incoming: mpsc::Receiver<Outgoing>,
    report: &Arc<Mutex<Report>>,
) -> Result<(), Failure> {
    let mut workers = JoinSet::new();
    let mut queues = Vec::new();
    for partition in 0..partitions {
        let (queue, records) = mpsc::channel(QUEUED_RECORDS_MAX);
        let (target, report) = (Arc::clone(&target), Arc::clone(report));
        workers.spawn(async move { run_partition(&target, partition, records, &report).await });
        queues.push(queue);
    }
    let mut interrupt = pin!(interrupted());
    let stopped = {
        let mut feeding = pin!(feed(incoming, queues));
        loop {
            tokio::select! {
                () = &mut feeding => break false,
                Some(ended) = workers.join_next() => checked(ended)?,
                () = &mut interrupt => break true,
            }
        }
    };
    let drained = async {
        while let Some(ended) = workers.join_next().await {
            checked(ended)?;
        }
        Ok(())
    };
    if stopped {
        // Whoever asked for an end does not want to wait for a Kafka that is gone.
        return match timeout(DRAIN_TIMEOUT, drained).await {
            Ok(Err(failure)) => Err(failure),
            _ => Err(Failure::ReaderGone),
        };
    }
    tokio::select! {
        drained = drained => drained,
        () = &mut interrupt => Err(Failure::ReaderGone),
    }
}

fn checked(ended: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    ended.unwrap_or_else(|error| Err(Failure::Io(format!("a task ended unexpectedly: {error}"))))
}

/// Hands each record to its partition when it is due.
async fn feed(mut incoming: mpsc::Receiver<Outgoing>, queues: Vec<mpsc::Sender<Outgoing>>) {
    let since = Instant::now();
    while let Some(outgoing) = incoming.recv().await {
        if !outgoing.due.is_zero() {
            sleep_until(since + outgoing.due).await;
        }
        let at = usize::try_from(outgoing.partition).ok();
        let Some(queue) = at.and_then(|at| queues.get(at)) else {
            return;
        };
        if queue.send(outgoing).await.is_err() {
            return;
        }
    }
}

async fn run_partition(
    target: &Target,
    partition: u32,
    mut records: mpsc::Receiver<Outgoing>,
    report: &Mutex<Report>,
) -> Result<(), Failure> {
    let mut producer = Producer::new(target, partition);
    let mut next = records.recv().await;
    while let Some(first) = next.take() {
        let mut bytes = first.bytes;
        let mut batch = vec![first.record];
        let mut rooms = vec![first.room];
        while batch.len() < BATCH_RECORDS_MAX {
            match records.try_recv() {
                Ok(more) if bytes + more.bytes <= BATCH_BYTES_TARGET => {
                    bytes += more.bytes;
                    batch.push(more.record);
                    rooms.push(more.room);
                }
                Ok(more) => {
                    next = Some(more);
                    break;
                }
                Err(_) => break,
            }
        }
        let (offsets, attempts) = producer.produce(&batch).await?;
        lock(report).add(partition, &batch, &offsets, attempts);
        drop(rooms);
        if next.is_none() {
            next = records.recv().await;
        }
    }
    Ok(())
}

impl Report {
    fn add(&mut self, partition: u32, batch: &[Record], offsets: &[i64], attempts: u32) {
        let bytes = batch.iter().filter_map(|record| record.value.as_ref());
        self.records += batch.len() as u64;
        self.bytes += bytes.map(|value| value.len() as u64).sum::<u64>();
        self.sent_again += u64::from(attempts > 1);
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else {
            return;
        };
        let partition = self.partitions.entry(partition).or_default();
        if partition.records == 0 {
            partition.first_offset = first.to_string();
        }
        partition.records += batch.len() as u64;
        partition.last_offset = last.to_string();
    }
}

fn lock(report: &Mutex<Report>) -> std::sync::MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records that may wait for one partition, and between reader and partitions.
const QUEUED_RECORDS_MAX: usize = 4096;
/// What is read and not acknowledged.
const QUEUED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A batch is sent when it holds this much: half of what brokers take unless told otherwise.
const BATCH_BYTES_TARGET: usize = 512 * 1024;
const BATCH_RECORDS_MAX: usize = 5_000;
/// Time to send what waits, once it is to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
