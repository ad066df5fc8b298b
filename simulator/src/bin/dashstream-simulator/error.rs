//! Why the simulator gives up. Each names what a person can do something about.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use dashstream_simulator::capture::CaptureError;

#[derive(Debug)]
pub(crate) enum Error {
    /// A file cannot be read or written.
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    Capture {
        path: PathBuf,
        source: CaptureError,
    },
    /// Nobody answered as a Kafka broker.
    Unreachable {
        brokers: String,
        waited: Duration,
        reason: String,
    },
    NoTopic {
        topic: String,
        waited: Duration,
    },
    /// The topic has another number of partitions than was asked for.
    Partitions {
        topic: String,
        asked: u32,
        found: u32,
    },
    /// A partition took no records for too long.
    GaveUp {
        partition: u32,
        waited: Duration,
        reason: String,
    },
    /// Kafka will never take this batch.
    Refused {
        partition: u32,
        reason: String,
    },
    Runtime(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Capture { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Unreachable {
                brokers,
                waited,
                reason,
            } => {
                write!(f, "no Kafka at {brokers} within {waited:?}: {reason}")
            }
            Self::NoTopic { topic, waited } => {
                write!(
                    f,
                    "topic {topic} did not appear within {waited:?}; create it first"
                )
            }
            Self::Partitions {
                topic,
                asked,
                found,
            } => {
                write!(f, "topic {topic} has {found} partitions, not {asked}")
            }
            Self::GaveUp {
                partition,
                waited,
                reason,
            } => {
                write!(
                    f,
                    "partition {partition} accepted no records for {waited:?}: {reason}"
                )
            }
            Self::Refused { partition, reason } => {
                write!(
                    f,
                    "Kafka refused records for partition {partition}: {reason}"
                )
            }
            Self::Runtime(source) => write!(f, "cannot start: {source}"),
        }
    }
}

impl std::error::Error for Error {}
