//! Why a call to Kafka gave no answer: the few kinds that callers act on.

use std::fmt;

use dashstream_counters::labels;
use dashstream_kafka::Error as ReadError;
use rskafka::{
    ConnectionError,
    client::error::{Error, ProtocolError, RequestError},
};

labels! {
    /// Kinds of failed calls. `dns_failure`, `connection_timeout`, `broker_down`, `decode_error` and `unknown` are
    /// DashFlow's.
    pub enum KafkaError {
        /// The name of a broker has no address.
        DnsFailure = "dns_failure",
        ConnectionTimeout = "connection_timeout",
        BrokerDown = "broker_down",
        /// No common ground on TLS: certificates, names, versions.
        TlsFailure = "tls_failure",
        /// The broker does not accept the login.
        AuthenticationFailed = "authentication_failed",
        /// The login is accepted and lacks a permission.
        NotAuthorized = "not_authorized",
        /// No broker leads the partition.
        NoLeader = "no_leader",
        DecodeError = "decode_error",
        Unknown = "unknown",
    }
}

impl KafkaError {
    /// Whether trying again with another client can help: what an operator has to mend cannot be mended that way.
    pub(crate) const fn may_pass(self) -> bool {
        match self {
            Self::AuthenticationFailed | Self::NotAuthorized | Self::NoLeader => false,
            Self::DnsFailure
            | Self::ConnectionTimeout
            | Self::BrokerDown
            | Self::TlsFailure
            | Self::DecodeError
            | Self::Unknown => true,
        }
    }
}

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The broker holds nothing at the offset asked for.
    OutOfRange,
    /// The log lost its end: for what was read before, it ends at this offset.
    Truncated(u64),
    /// The topic was deleted and created again.
    Recreated,
    /// The topic or partition does not exist.
    Absent,
    /// The broker takes no record of this size.
    TooLarge,
    /// Anything else: its kind and the text.
    Other { kind: KafkaError, text: String },
}

impl Failure {
    pub(crate) fn kind(&self) -> KafkaError {
        match self {
            Self::OutOfRange
            | Self::Truncated(_)
            | Self::Recreated
            | Self::Absent
            | Self::TooLarge => KafkaError::Unknown,
            Self::Other { kind, .. } => *kind,
        }
    }

    pub(super) fn timeout() -> Self {
        Self::Other {
            kind: KafkaError::ConnectionTimeout,
            text: "no answer in time".to_owned(),
        }
    }

    /// The broker's or the library's word on a call that is no fetch.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "another crate's, open to additions"
    )]
    pub(super) fn of(error: Error) -> Self {
        match error {
            Error::ServerError {
                protocol_error: ProtocolError::OffsetOutOfRange,
                ..
            } => Self::OutOfRange,
            Error::ServerError {
                protocol_error: ProtocolError::UnknownTopicOrPartition,
                ..
            } => Self::Absent,
            Error::ServerError {
                protocol_error: ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge,
                ..
            } => Self::TooLarge,
            Error::ServerError {
                protocol_error:
                    error @ (ProtocolError::TopicAuthorizationFailed
                    | ProtocolError::ClusterAuthorizationFailed),
                ..
            } => Self::Other {
                kind: KafkaError::NotAuthorized,
                text: error.to_string(),
            },
            // Timeouts, refused connections and logins, all as text: rskafka retries inside its calls and keeps
            // only the words of the last error.
            Error::Connection(error) => Self::of_connection(&error),
            error @ Error::Request(RequestError::IO(_) | RequestError::Poisoned(_)) => {
                Self::Other {
                    kind: KafkaError::BrokerDown,
                    text: error.to_string(),
                }
            }
            error => Self::of_text(error.to_string()),
        }
    }

    fn of_connection(error: &ConnectionError) -> Self {
        let text = error.to_string();
        let kind = match kind_of_text(&text) {
            KafkaError::Unknown => KafkaError::BrokerDown,
            kind @ (KafkaError::DnsFailure
            | KafkaError::ConnectionTimeout
            | KafkaError::BrokerDown
            | KafkaError::TlsFailure
            | KafkaError::AuthenticationFailed
            | KafkaError::NotAuthorized
            | KafkaError::NoLeader
            | KafkaError::DecodeError) => kind,
        };
        Self::Other { kind, text }
    }

    fn of_text(text: String) -> Self {
        Self::Other {
            kind: kind_of_text(&text),
            text,
        }
    }
}

fn kind_of_text(text: &str) -> KafkaError {
    // Without what stands in quotes: names of brokers, which may have any of these words in them.
    let words: String = text.split('"').step_by(2).collect();
    let text = words.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&["certificate"]) {
        // Before all else, as it names what a certificate is valid for.
        KafkaError::TlsFailure
    } else if has(&["lookup", "dns", "resolve", "name or service"]) {
        KafkaError::DnsFailure
    } else if has(&["authorizationfailed", "authorization failed"]) {
        KafkaError::NotAuthorized
    } else if has(&["leadernotavailable", "leader not available"]) {
        KafkaError::NoLeader
    } else if has(&["sasl"]) {
        KafkaError::AuthenticationFailed
    } else if has(&["tls", "invaliddata", "corrupt message"]) {
        KafkaError::TlsFailure
    } else if has(&["timed out", "timeout"]) {
        KafkaError::ConnectionTimeout
    } else if has(&["refused", "reset", "broken pipe", "unreachable", "broker"]) {
        KafkaError::BrokerDown
    } else {
        KafkaError::Unknown
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let kind = match &error {
            ReadError::OutOfRange => return Self::OutOfRange,
            ReadError::Truncated { end, .. } => return Self::Truncated(*end),
            ReadError::AnotherTopic => return Self::Recreated,
            ReadError::Absent => return Self::Absent,
            ReadError::Dns(_) => KafkaError::DnsFailure,
            ReadError::Timeout(_) => KafkaError::ConnectionTimeout,
            ReadError::Connect(_) | ReadError::Broken(_) | ReadError::Ended => {
                KafkaError::BrokerDown
            }
            ReadError::Tls(_) => KafkaError::TlsFailure,
            ReadError::Login(_) => KafkaError::AuthenticationFailed,
            ReadError::NotAuthorized { .. } => KafkaError::NotAuthorized,
            ReadError::NoLeader => KafkaError::NoLeader,
            ReadError::Malformed(_) => KafkaError::DecodeError,
            ReadError::Version(_) | ReadError::NotLeader | ReadError::Broker(_) => {
                KafkaError::Unknown
            }
        };
        Self::Other {
            kind,
            text: error.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { text, .. } => f.write_str(text),
            Self::Truncated(end) => write!(f, "the log was truncated to offset {end}"),
            Self::Recreated => f.write_str("the topic was recreated"),
            Self::OutOfRange => f.write_str("offset out of range"),
            Self::Absent => f.write_str("the topic or partition does not exist"),
            Self::TooLarge => f.write_str("the broker does not accept a record of this size"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MET-21: what the client that reads says needs no words to be known by.
    #[test]
    fn failures_of_reading_have_their_kinds() {
        let check = |error, kind| assert_eq!(Failure::from(error).kind(), kind);
        let text = || "broker:9092: why".to_owned();
        check(ReadError::Dns(text()), KafkaError::DnsFailure);
        check(ReadError::Timeout(text()), KafkaError::ConnectionTimeout);
        check(ReadError::Broken(text()), KafkaError::BrokerDown);
        check(ReadError::Tls(text()), KafkaError::TlsFailure);
        check(ReadError::Login(text()), KafkaError::AuthenticationFailed);
        let denied = ReadError::NotAuthorized {
            operation: "Read",
            topic: "runs".to_owned(),
        };
        check(denied.clone(), KafkaError::NotAuthorized);
        assert!(
            Failure::from(denied)
                .to_string()
                .contains("Read on topic runs")
        );
        check(ReadError::NoLeader, KafkaError::NoLeader);
        assert_eq!(Failure::from(ReadError::AnotherTopic), Failure::Recreated);
    }

    /// MET-21: each kind is known by the words of the library.
    #[test]
    fn kinds_are_those_of_the_metric() {
        let check = |text: &str, kind| assert_eq!(kind_of_text(text), kind, "{text}");
        check(
            "failed to lookup address information",
            KafkaError::DnsFailure,
        );
        check("operation timed out", KafkaError::ConnectionTimeout);
        check("Connection refused (os error 111)", KafkaError::BrokerDown);
        check(
            "error connecting to broker \"a:9093\": IO Error: invalid peer certificate: UnknownIssuer",
            KafkaError::TlsFailure,
        );
        check(
            "Sasl handshake failed: API error: SaslAuthenticationFailed",
            KafkaError::AuthenticationFailed,
        );
        check(
            "Server error TopicAuthorizationFailed with message \"n/a\"",
            KafkaError::NotAuthorized,
        );
        // X15: whatever brokers are called.
        check(
            "error connecting to broker \"sasl-tls.dns.test:9093\": IO Error: Connection refused (os error 111)",
            KafkaError::BrokerDown,
        );
        check(
            "error connecting to broker \"a:9093\": IO Error: invalid peer certificate: certificate not valid for \
             name \"a\"; certificate is only valid for DnsName(\"b\")",
            KafkaError::TlsFailure,
        );
        check("who knows", KafkaError::Unknown);
    }
}
