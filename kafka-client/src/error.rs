//! What can go wrong, told apart by what somebody can do about it.

use std::fmt;

use kafka_wire::Malformed;

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A name could not be resolved; the text names it.
    Dns(String),
    /// No connection: each address with its reason.
    Connect(String),
    /// The TLS handshake failed.
    Tls(String),
    /// The broker did not accept the login.
    Login(String),
    /// Nothing came within the time allowed; the text says what was waited for.
    Timeout(String),
    /// The connection broke.
    Broken(String),
    /// The broker speaks no version of a call that this client speaks.
    Version(String),
    /// An answer that makes no sense.
    Malformed(Malformed),
    /// A permission is missing: operation and resource as Kafka's ACLs name them.
    NotAuthorized {
        /// `Read` or `Describe`.
        operation: &'static str,
        /// The topic.
        topic: String,
    },
    /// The topic or partition does not exist.
    Absent,
    /// There is a topic of that name, but not the one that was asked for: it was deleted and created again.
    AnotherTopic,
    /// The broker holds nothing at the offset.
    OutOfRange,
    /// Records that were read exist no more: since `epoch`, the log ends at `end` for them.
    Truncated {
        /// Largest leader epoch that both sides know.
        epoch: i32,
        /// End offset of that epoch: the first that differs from what was read.
        end: u64,
    },
    /// The partition has no leader at the moment.
    NoLeader,
    /// The broker asked is not the leader, or no longer: look again.
    NotLeader,
    /// Any other error code.
    Broker(i16),
    /// The task that reads from that broker ended; it is started again with the next call.
    Ended,
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Error {
    /// The error of a code about a topic or partition; `None` for 0. `operation` is the permission that the
    /// call needs.
    pub(crate) fn of_code(code: i16, operation: &'static str, topic: &str) -> Option<Self> {
        Some(match code {
            0 => return None,
            1 => Self::OutOfRange,
            3 => Self::Absent,
            5 => Self::NoLeader,
            // Not leader, fenced and unknown leader epoch, offset not available, and the leader is about to
            // be another one.
            6 | 74 | 75 | 78 => Self::NotLeader,
            29 => Self::NotAuthorized {
                operation,
                topic: topic.to_owned(),
            },
            100 | 103 => Self::AnotherTopic,
            code => Self::Broker(code),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text)
            | Self::Connect(text)
            | Self::Tls(text)
            | Self::Login(text)
            | Self::Timeout(text)
            | Self::Broken(text)
            | Self::Version(text) => f.write_str(text),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::NotAuthorized { operation, topic } => {
                write!(f, "the permission {operation} on topic {topic} is missing")
            }
            Self::Absent => f.write_str("the topic or partition does not exist"),
            Self::AnotherTopic => f.write_str("the topic was recreated"),
            Self::OutOfRange => f.write_str("offset out of range"),
            Self::Truncated { end, .. } => write!(f, "the log was truncated to offset {end}"),
            Self::NoLeader => f.write_str("the partition has no leader"),
            Self::NotLeader => f.write_str("the broker is not the partition's leader"),
            Self::Broker(code) => write!(f, "broker error {} ({code})", name(*code)),
            Self::Ended => f.write_str("the connection's task ended"),
        }
    }
}

impl std::error::Error for Error {}

/// Kafka's name for codes that a reader may meet.
const fn name(code: i16) -> &'static str {
    match code {
        -1 => "UNKNOWN_SERVER_ERROR",
        2 => "CORRUPT_MESSAGE",
        7 => "REQUEST_TIMED_OUT",
        8 => "BROKER_NOT_AVAILABLE",
        9 => "REPLICA_NOT_AVAILABLE",
        10 => "MESSAGE_TOO_LARGE",
        13 => "NETWORK_EXCEPTION",
        17 => "INVALID_TOPIC_EXCEPTION",
        31 => "CLUSTER_AUTHORIZATION_FAILED",
        33 => "UNSUPPORTED_SASL_MECHANISM",
        34 => "ILLEGAL_SASL_STATE",
        35 => "UNSUPPORTED_VERSION",
        42 => "INVALID_REQUEST",
        43 => "UNSUPPORTED_FOR_MESSAGE_FORMAT",
        56 => "KAFKA_STORAGE_ERROR",
        58 => "SASL_AUTHENTICATION_FAILED",
        70 => "FETCH_SESSION_ID_NOT_FOUND",
        71 => "INVALID_FETCH_SESSION_EPOCH",
        72 => "LISTENER_NOT_FOUND",
        76 => "UNSUPPORTED_COMPRESSION_TYPE",
        89 => "THROTTLING_QUOTA_EXCEEDED",
        _ => "unknown code",
    }
}
