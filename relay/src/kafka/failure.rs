//! Why a call to Kafka gave no answer: the few kinds that callers act on.

use std::fmt;

use dashstream_counters::labels;
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
    /// The answer holds a control batch, which rskafka takes for damage.
    Control,
    /// The answer holds a batch that cannot be read.
    Damaged(String),
    /// The broker holds nothing at the offset asked for.
    OutOfRange,
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
            Self::Damaged(_) => KafkaError::DecodeError,
            Self::Control | Self::OutOfRange | Self::Absent | Self::TooLarge => KafkaError::Unknown,
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

    /// In the answer to a fetch, what cannot be parsed is a batch.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "another crate's, open to additions"
    )]
    pub(super) fn of_fetch(error: Error) -> Self {
        let damaged = match &error {
            Error::Request(
                RequestError::ReadVersionedError(_)
                | RequestError::ReadError(_)
                | RequestError::TooMuchData { .. },
            ) => true,
            // rskafka reports impossible timestamps under the same kind as answers about the
            // wrong topic; only the text tells them apart.
            Error::InvalidResponse(text) => text.to_ascii_lowercase().contains("timestamp"),
            _ => false,
        };
        if !damaged {
            return Self::of(error);
        }
        // rskafka reads the record of a control batch without its envelope and so always finds an
        // unknown version. The words come from that one place, reached only for control batches.
        let text = error.to_string();
        if text.contains("control batch record") || text.contains("control record") {
            return Self::Control;
        }
        Self::Damaged(text)
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
    let text = text.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&["lookup", "dns", "resolve", "name or service"]) {
        KafkaError::DnsFailure
    } else if has(&["authorizationfailed", "authorization failed"]) {
        KafkaError::NotAuthorized
    } else if has(&["leadernotavailable", "leader not available"]) {
        KafkaError::NoLeader
    } else if has(&["sasl"]) {
        KafkaError::AuthenticationFailed
    } else if has(&["certificate", "tls", "invaliddata", "corrupt message"]) {
        KafkaError::TlsFailure
    } else if has(&["timed out", "timeout"]) {
        KafkaError::ConnectionTimeout
    } else if has(&["refused", "reset", "broken pipe", "unreachable", "broker"]) {
        KafkaError::BrokerDown
    } else {
        KafkaError::Unknown
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(text) | Self::Other { text, .. } => f.write_str(text),
            Self::Control => f.write_str("control batch"),
            Self::OutOfRange => f.write_str("offset out of range"),
            Self::Absent => f.write_str("the topic or partition does not exist"),
            Self::TooLarge => f.write_str("the broker takes no record of this size"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_cannot_be_read_is_told_from_a_wrong_answer() {
        let timestamp = Error::InvalidResponse("Not a valid timestamp (-99999999999999)".into());
        assert!(matches!(Failure::of_fetch(timestamp), Failure::Damaged(_)));
        let metadata = Error::InvalidResponse("Could not find metadata for partition 3".into());
        assert!(matches!(Failure::of_fetch(metadata), Failure::Other { .. }));
        let lost = Error::Request(RequestError::IO(std::io::ErrorKind::ConnectionReset.into()));
        assert_eq!(Failure::of_fetch(lost).kind(), KafkaError::BrokerDown);
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
        check("who knows", KafkaError::Unknown);
    }
}
