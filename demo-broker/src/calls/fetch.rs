//! Records for a reader. One who has everything waits until there is more, or for as long as it wants to.

use std::time::Duration;

use bytes::Bytes;
use kafka_wire::Malformed;
use tokio::time::{Instant, timeout_at};

use crate::{
    broker::{Broker, Key},
    codec::{Code, Input, Output},
    log::Log,
};

#[derive(Debug)]
pub(super) struct Fetch {
    wait: Duration,
    bytes_min: usize,
    bytes_max: usize,
    topics: Vec<(Key, Vec<Asked>)>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    partition: i32,
    offset: i64,
    bytes_max: usize,
}

/// What a partition is answered: outcome, its start and end, and batches.
struct Found {
    code: Code,
    start: i64,
    end: i64,
    batches: Vec<Bytes>,
}

/// Records of one answer, unless a single batch is larger.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// No client waits longer than this without asking again.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// The first version that names topics by id.
const FIRST_WITH_IDS: i16 = 13;

impl Fetch {
    pub(super) fn read(version: i16, from: &mut Input) -> Result<Self, Malformed> {
        if version <= 14 {
            from.i32()?;
        }
        let wait = u64::try_from(from.i32()?).unwrap_or(0);
        let (bytes_min, bytes_max) = (size(from.i32()?), size(from.i32()?));
        // Isolation: without transactions every record is committed.
        from.i8()?;
        if version >= 7 {
            // No session is kept, so that every request names all it wants.
            from.i32()?;
            from.i32()?;
        }
        let topics = from.list(|from| {
            let key = if version >= FIRST_WITH_IDS {
                Key::Id(from.topic_id()?)
            } else {
                Key::Name(from.text()?.unwrap_or_default())
            };
            let asked = from.list(|from| Asked::read(version, from))?;
            from.end()?;
            Ok((key, asked.unwrap_or_default()))
        })?;
        Ok(Self {
            wait: Duration::from_millis(wait).min(WAIT_MAX),
            bytes_min,
            bytes_max: bytes_max.min(ANSWER_BYTES_MAX),
            topics: topics.unwrap_or_default(),
        })
    }

    /// Waits until there is something to tell.
    pub(super) async fn wait(&self, broker: &Broker) {
        let mut appended = broker.appended();
        let deadline = Instant::now() + self.wait;
        while !self.is_ready(broker) {
            match timeout_at(deadline, appended.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// Whether there are as many bytes as it wants, or something is wrong.
    fn is_ready(&self, broker: &Broker) -> bool {
        let mut bytes = 0;
        for (key, asked) in self.each() {
            let Ok(log) = broker.log(key, asked.partition) else {
                return true;
            };
            let Ok(batches) = log.from(asked.offset) else {
                return true;
            };
            for batch in batches {
                bytes += batch.len();
                if bytes >= self.bytes_min {
                    return true;
                }
            }
        }
        bytes >= self.bytes_min
    }

    fn each(&self) -> impl Iterator<Item = (&Key, &Asked)> {
        self.topics
            .iter()
            .flat_map(|(key, asked)| asked.iter().map(move |asked| (key, asked)))
    }

    pub(super) fn answer(&self, version: i16, broker: &Broker, to: &mut Output) {
        to.i32(0);
        if version >= 7 {
            to.code(Code::NONE);
            // No session.
            to.i32(0);
        }
        let mut left = self.bytes_max;
        let mut is_first = true;
        to.len(self.topics.len());
        for (key, asked) in &self.topics {
            match key {
                Key::Name(name) => to.text(name),
                Key::Id(id) => to.topic_id(*id),
            }
            to.len(asked.len());
            for asked in asked {
                let found = match broker.log(key, asked.partition) {
                    Ok(log) => asked.find(&log, left, is_first),
                    Err(code) => Found::nothing(code, -1, -1),
                };
                let bytes: usize = found.batches.iter().map(Bytes::len).sum();
                left = left.saturating_sub(bytes);
                is_first &= bytes == 0;
                found.write(version, asked.partition, to);
            }
            to.end();
        }
        to.end();
    }
}

impl Asked {
    fn read(version: i16, from: &mut Input) -> Result<Self, Malformed> {
        let partition = from.i32()?;
        if version >= 9 {
            from.i32()?;
        }
        let offset = from.i64()?;
        if version >= 12 {
            // There is one leader epoch, so nothing was ever truncated.
            from.i32()?;
        }
        if version >= 5 {
            from.i64()?;
        }
        let bytes_max = size(from.i32()?);
        from.end()?;
        Ok(Self {
            partition,
            offset,
            bytes_max,
        })
    }

    /// The batches that fit. The first one of an answer comes whatever its size: nobody would ever get it else.
    fn find(self, log: &Log, left: usize, is_first: bool) -> Found {
        let (start, end) = (log.start(), log.end());
        let Ok(batches) = log.from(self.offset) else {
            return Found::nothing(Code::OFFSET_OUT_OF_RANGE, start, end);
        };
        let mut found = Found::nothing(Code::NONE, start, end);
        let mut left = left.min(self.bytes_max);
        for batch in batches {
            let is_free = is_first && found.batches.is_empty();
            if batch.len() > left && !is_free {
                break;
            }
            left = left.saturating_sub(batch.len());
            found.batches.push(batch.clone());
        }
        found
    }
}

impl Found {
    fn nothing(code: Code, start: i64, end: i64) -> Self {
        Self {
            code,
            start,
            end,
            batches: Vec::new(),
        }
    }

    fn write(&self, version: i16, partition: i32, to: &mut Output) {
        to.i32(partition);
        to.code(self.code);
        // High watermark and end of what is committed.
        to.i64(self.end);
        to.i64(self.end);
        if version >= 5 {
            to.i64(self.start);
        }
        // No transaction was aborted.
        to.len(0);
        if version >= 11 {
            // No other replica is closer.
            to.i32(-1);
        }
        to.data(&self.batches);
        to.end();
    }
}

fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}
