//! One checkpoint on disk: what is in the file, how it is read whatever is in it, and how it is
//! written so that a kill at any moment leaves the old file or the new one, never a part of one.
//!
//! Everything here blocks; callers keep it off the runtime's threads.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use dashstream_counters::labels;
use serde::Serialize;
use serde_json::{Map, Value};

use super::pause::StoredPause;
use crate::{kafka::TopicId, limits::CHECKPOINT_BYTES_MAX};

/// A record by which a partition is known again: a topic of the same name that was recreated has
/// another one at this offset, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fingerprint {
    pub offset: u64,
    pub timestamp_ms: i64,
}

impl From<Fingerprint> for session::control::Fingerprint {
    fn from(record: Fingerprint) -> Self {
        Self {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
        }
    }
}

/// DashFlow's three fields, and what this relay knows besides.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    topic: &'a str,
    partition: u32,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    boundary: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    /// 32 hex digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader_epoch: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<Value>,
}

/// Which of Kafka's logs was read, as far as brokers say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KafkaLog {
    /// Of the topic: one that is created again has another one.
    pub topic_id: Option<TopicId>,
    /// Leader epoch of the record read last: by it a broker notices that the log was cut since.
    pub leader_epoch: Option<i32>,
}

impl KafkaLog {
    fn of_object(object: &Map<String, Value>) -> Self {
        let id = object.get("topicId").and_then(Value::as_str);
        let epoch = object.get("leaderEpoch").and_then(Value::as_i64);
        Self {
            topic_id: id.and_then(|id| u128::from_str_radix(id, 16).ok().map(TopicId)),
            leader_epoch: epoch.and_then(|epoch| i32::try_from(epoch).ok()),
        }
    }
}

/// How far the relay has come in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The next offset: everything before it has its outcome.
    pub offset: u64,
    /// Records below this one were history already, also those that are still to be read.
    pub boundary: u64,
    pub fingerprint: Option<Fingerprint>,
    pub log: KafkaLog,
    /// What the partition waits at, at or behind `offset`.
    pub pause: Option<StoredPause>,
}

impl Checkpoint {
    /// At an offset, with the record that was read last.
    pub fn at(offset: u64, boundary: u64, fingerprint: Option<Fingerprint>) -> Self {
        Self {
            offset,
            boundary,
            fingerprint,
            log: KafkaLog::default(),
            pause: None,
        }
    }

    /// The same, of that log.
    pub fn of_log(self, log: KafkaLog) -> Self {
        Self { log, ..self }
    }

    /// The same for a log that ends at `end`.
    pub fn cut_at(self, end: u64) -> Self {
        let is_cut = self.old_below() > end;
        Self {
            offset: self.offset.min(end),
            boundary: self.boundary.min(end),
            fingerprint: self.fingerprint.filter(|_| !is_cut),
            pause: self.pause.filter(|pause| pause.offset < end),
            ..self
        }
    }

    /// The same, waiting.
    pub fn paused(self, pause: Option<StoredPause>) -> Self {
        Self { pause, ..self }
    }

    /// Records below this offset are old to whoever starts here.
    pub fn old_below(self) -> u64 {
        self.boundary.max(self.offset)
    }

    /// The file's text.
    fn to_text(self, topic: &str, partition: u32) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&Written {
            topic,
            partition,
            offset: self.offset,
            boundary: Some(self.boundary).filter(|&boundary| boundary > self.offset),
            fingerprint: self.fingerprint,
            topic_id: self.log.topic_id.map(|id| format!("{:032x}", id.0)),
            leader_epoch: self.log.leader_epoch,
            pause: self.pause.map(StoredPause::to_json),
        })?;
        text.push('\n');
        Ok(text)
    }

    fn of_object(object: &Map<String, Value>, place: FileKey<'_>) -> Result<Self, Fault> {
        let topic = object.get("topic").and_then(Value::as_str);
        let partition = object.get("partition").and_then(Value::as_u64);
        if topic.is_none() || partition.is_none() {
            return Err(Fault::Garbage);
        }
        if topic != Some(place.topic) || partition != Some(place.partition.into()) {
            return Err(Fault::Foreign);
        }
        let offset = offset(object.get("offset").ok_or(Fault::Garbage)?)?;
        let boundary = object.get("boundary").map_or(Ok(0), self::offset)?;
        let fingerprint = match object.get("fingerprint") {
            Some(record) => Some(Fingerprint {
                offset: self::offset(&record["offset"])?,
                timestamp_ms: record["timestampMs"].as_i64().ok_or(Fault::Garbage)?,
            }),
            None => None,
        };
        let pause = object.get("pause");
        let pause = pause.and_then(|pause| StoredPause::of(pause, offset));
        Ok(Self {
            offset,
            boundary,
            fingerprint,
            log: KafkaLog::of_object(object),
            pause,
        })
    }
}

/// Kafka counts offsets in 63 bits.
fn offset(value: &Value) -> Result<u64, Fault> {
    match value.as_i64() {
        Some(offset) => u64::try_from(offset).map_err(|_| Fault::Negative),
        None => Err(Fault::Garbage),
    }
}

labels! {
    /// Why a file is not a checkpoint of its partition.
    pub enum Fault {
        /// Nothing in it but white space.
        Empty = "empty",
        /// Of another topic or partition.
        Foreign = "foreign",
        /// An offset below zero.
        Negative = "negative",
        /// Neither of the two forms.
        Garbage = "garbage",
        /// It cannot be read at all.
        Unreadable = "unreadable",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the file is empty",
            Self::Foreign => "the file belongs to another topic or partition",
            Self::Negative => "the offset is negative",
            Self::Garbage => "the file is not a checkpoint",
            Self::Unreadable => "the file cannot be read",
        })
    }
}

/// Whose checkpoint it is.
#[derive(Clone, Copy, Debug)]
pub struct FileKey<'a> {
    pub topic: &'a str,
    pub partition: u32,
}

impl FileKey<'_> {
    /// The file, below the configured directory.
    pub fn file(self, dir: &Path) -> PathBuf {
        dir.join(self.topic)
            .join(format!("{}.json", self.partition))
    }
}

/// What the bytes of a file say.
#[expect(clippy::wildcard_enum_match_arm, reason = "JSON has no further types")]
pub fn parse(bytes: &[u8], place: FileKey<'_>) -> Result<Checkpoint, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::Garbage)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    match serde_json::from_str(text).map_err(|_| Fault::Garbage)? {
        Value::Object(object) => Checkpoint::of_object(&object, place),
        // The older form: topic and partition are those it was configured for.
        number @ Value::Number(_) => offset(&number).map(|offset| Checkpoint::at(offset, 0, None)),
        _ => Err(Fault::Garbage),
    }
}

/// Reads a checkpoint; `None` where there is none.
pub fn load(dir: &Path, place: FileKey<'_>) -> Result<Option<Checkpoint>, Fault> {
    let path = place.file(dir);
    // Opening a pipe waits until somebody writes into it.
    if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
        return Err(Fault::Unreadable);
    }
    let mut bytes = Vec::new();
    let read = File::open(&path)
        .and_then(|file| file.take(CHECKPOINT_BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > CHECKPOINT_BYTES_MAX => Err(Fault::Garbage),
        Ok(_) => parse(&bytes, place).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(_) => Err(Fault::Unreadable),
    }
}

/// Puts a file that is no checkpoint out of the way, for people to look at. One such file is kept.
pub fn set_aside(dir: &Path, place: FileKey<'_>) -> io::Result<PathBuf> {
    let path = place.file(dir);
    let aside = path.with_extension("unusable");
    fs::rename(&path, &aside)?;
    Ok(aside)
}

/// Writes a checkpoint: complete and on the disk when this returns, or the former one still there.
pub fn store(dir: &Path, place: FileKey<'_>, checkpoint: Checkpoint) -> io::Result<()> {
    let path = place.file(dir);
    let parent = path.parent().unwrap_or(dir);
    fs::create_dir_all(parent)?;
    let temporary = temporary(&path);
    let text = checkpoint.to_text(place.topic, place.partition)?;
    let written = write_new(&temporary, text.as_bytes())
        .and_then(|()| fs::rename(&temporary, &path))
        .and_then(|()| sync_directory(parent));
    if written.is_err() {
        // Whatever is wrong with the disk may keep it from going, too; the next start tries again.
        let _left: io::Result<()> = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A rename is on the disk when its directory is.
#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> io::Result<()> {
    Ok(())
}

const TEMPORARY: &str = "tmp";

/// A name nobody else writes to: another process has another id, this one another number.
fn temporary(path: &Path) -> PathBuf {
    static NONCE: AtomicU64 = AtomicU64::new(0);
    let count = NONCE.fetch_add(1, Ordering::Relaxed);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let nonce = format!("{:x}-{count}", since.as_nanos());
    let process = std::process::id();
    path.with_extension(format!("{TEMPORARY}.{process}.{nonce}"))
}

/// Removes what killed writes left in a folder. Of use to whoever is alone in it.
pub(super) fn remove_leftovers(folder: &Path) {
    let middle = format!(".{TEMPORARY}.");
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let partition = name.split_once(&middle).map(|(partition, _)| partition);
        if partition.is_some_and(|partition| partition.parse::<u32>().is_ok()) {
            // It is litter and no more; the next start finds it again.
            let _left: io::Result<()> = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
