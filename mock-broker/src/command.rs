//! The lines understood on standard input, for injecting faults while clients are connected.

use std::str::FromStr;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

pub(crate) type Cluster = MockCluster<'static, DefaultProducerContext>;

/// One line of input. Broker ids start at 1; -1 is every broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    BrokerDown(i32),
    BrokerUp(i32),
    /// `None` leaves the partition without a leader.
    Leader {
        topic: &'a str,
        partition: i32,
        broker: Option<i32>,
    },
    RoundTrip {
        broker: i32,
        delay: Duration,
    },
    /// The next `count` requests of this kind are answered with the error.
    Errors {
        api: Api,
        fault: Fault,
        count: usize,
    },
    ClearErrors(Api),
    Topic {
        name: &'a str,
        partitions: i32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Disconnect,
    OffsetOutOfRange,
    UnknownTopic,
    LeaderNotAvailable,
    NotLeader,
    TimedOut,
    NotAuthorized,
    Storage,
    FencedEpoch,
}

/// What a usage error answers with, so that a person at the terminal can go on.
pub(crate) const USAGE: &str = "commands: broker-down ID | broker-up ID | \
    leader TOPIC PARTITION BROKER|none | rtt ID MS | \
    errors produce|fetch|list-offsets|metadata FAULT [COUNT] | clear-errors API | \
    topic NAME PARTITIONS; faults: disconnect offset-out-of-range unknown-topic \
    leader-not-available not-leader timed-out not-authorized storage fenced-epoch";

/// More errors than any test needs at once; the library keeps them in a list.
const ERRORS_AT_ONCE_MAX: usize = 10_000;

impl<'a> Command<'a> {
    pub(crate) fn parse(line: &'a str) -> Result<Self, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        Ok(match words.as_slice() {
            ["broker-down", id] => Self::BrokerDown(number(id)?),
            ["broker-up", id] => Self::BrokerUp(number(id)?),
            ["leader", topic, partition, broker] => Self::Leader {
                topic,
                partition: number(partition)?,
                broker: if *broker == "none" {
                    None
                } else {
                    Some(number(broker)?)
                },
            },
            ["rtt", id, ms] => Self::RoundTrip {
                broker: number(id)?,
                delay: Duration::from_millis(number(ms)?),
            },
            ["errors", api, fault] => Self::Errors {
                api: api.parse()?,
                fault: fault.parse()?,
                count: 1,
            },
            ["errors", api, fault, count] => {
                let count = number(count)?;
                if count > ERRORS_AT_ONCE_MAX {
                    return Err(format!("at most {ERRORS_AT_ONCE_MAX} errors at once"));
                }
                Self::Errors {
                    api: api.parse()?,
                    fault: fault.parse()?,
                    count,
                }
            }
            ["clear-errors", api] => Self::ClearErrors(api.parse()?),
            ["topic", name, partitions] => Self::Topic {
                name,
                partitions: number(partitions)?,
            },
            _ => return Err(USAGE.to_owned()),
        })
    }

    pub(crate) fn apply(self, cluster: &Cluster, brokers: i32) -> Result<(), KafkaError> {
        match self {
            Self::BrokerDown(id) => cluster.broker_down(id),
            Self::BrokerUp(id) => cluster.broker_up(id),
            Self::Leader {
                topic,
                partition,
                broker,
            } => cluster.partition_leader(topic, partition, broker),
            Self::RoundTrip { broker, delay } => cluster.broker_round_trip_time(broker, delay),
            Self::Errors { api, fault, count } => {
                cluster.request_errors(api.key(), &vec![fault.code(); count]);
                Ok(())
            }
            Self::ClearErrors(api) => {
                cluster.clear_request_errors(api.key());
                Ok(())
            }
            Self::Topic { name, partitions } => {
                cluster.create_topic(name, partitions, brokers.min(3))
            }
        }
    }
}

impl FromStr for Api {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "produce" => Self::Produce,
            "fetch" => Self::Fetch,
            "list-offsets" => Self::ListOffsets,
            "metadata" => Self::Metadata,
            _ => return Err(format!("unknown api {text:?}")),
        })
    }
}

impl Api {
    fn key(self) -> RDKafkaApiKey {
        match self {
            Self::Produce => RDKafkaApiKey::Produce,
            Self::Fetch => RDKafkaApiKey::Fetch,
            Self::ListOffsets => RDKafkaApiKey::ListOffsets,
            Self::Metadata => RDKafkaApiKey::Metadata,
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "disconnect" => Self::Disconnect,
            "offset-out-of-range" => Self::OffsetOutOfRange,
            "unknown-topic" => Self::UnknownTopic,
            "leader-not-available" => Self::LeaderNotAvailable,
            "not-leader" => Self::NotLeader,
            "timed-out" => Self::TimedOut,
            "not-authorized" => Self::NotAuthorized,
            "storage" => Self::Storage,
            "fenced-epoch" => Self::FencedEpoch,
            _ => return Err(format!("unknown fault {text:?}")),
        })
    }
}

impl Fault {
    fn code(self) -> RDKafkaRespErr {
        match self {
            Self::Disconnect => RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
            Self::OffsetOutOfRange => RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
            Self::UnknownTopic => RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            Self::LeaderNotAvailable => RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            Self::NotLeader => RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            Self::TimedOut => RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            Self::NotAuthorized => RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            Self::Storage => RDKafkaRespErr::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
            Self::FencedEpoch => RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        }
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number in range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_parse() {
        let cases = [
            ("broker-down 1", Command::BrokerDown(1)),
            ("  broker-up   -1 ", Command::BrokerUp(-1)),
            (
                "leader t 3 2",
                Command::Leader {
                    topic: "t",
                    partition: 3,
                    broker: Some(2),
                },
            ),
            (
                "leader t 3 none",
                Command::Leader {
                    topic: "t",
                    partition: 3,
                    broker: None,
                },
            ),
            (
                "rtt 2 250",
                Command::RoundTrip {
                    broker: 2,
                    delay: Duration::from_millis(250),
                },
            ),
            (
                "topic late 6",
                Command::Topic {
                    name: "late",
                    partitions: 6,
                },
            ),
            (
                "errors fetch not-leader 3",
                Command::Errors {
                    api: Api::Fetch,
                    fault: Fault::NotLeader,
                    count: 3,
                },
            ),
            ("clear-errors metadata", Command::ClearErrors(Api::Metadata)),
        ];
        for (line, command) in cases {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn bad_lines_are_refused() {
        for line in [
            "",
            "broker-down",
            "broker-down x",
            "rtt 1 -5",
            "leader t 0",
            "errors x y",
        ] {
            assert!(Command::parse(line).is_err(), "{line}");
        }
        assert!(Command::parse("errors fetch storage 10001").is_err());
    }
}
