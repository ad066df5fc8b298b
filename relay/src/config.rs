//! Configuration: text from flags and environment becomes typed values here, once. Inside the relay
//! nothing reads the environment and nothing is checked a second time.

mod args;
mod auth;
mod command_line;
mod dlq;
mod ingest;
mod namespace;
mod reader;
mod security;
mod value;
mod variables;

use std::{net::IpAddr, time::Duration};

use dashstream_serve::{BasePath, HostName, Origin, TrustedProxies};
use decode_core::wire;
use serde::Serialize;

pub use args::{Cli, Command, Options};
pub use auth::{AuthConfig, AuthOptions, TokensFrom};
pub use command_line::without_secrets;
pub use dlq::{DlqConfig, DlqOptions};
pub use ingest::{
    BackoffConfig, CheckpointConfig, IngestConfig, IngestOptions, SequencePolicy, UnusablePolicy,
};
pub use namespace::Namespace;
pub use security::{Login, Mechanism, Secret, Security, SecurityOptions};
pub use value::{Brokers, DecodeMode, Port, Start, Topic};
pub use variables::{ConfigError, undecodable_variables, unknown_variables};

use crate::limits;
use reader::Reader;
use value::as_millis;

/// The effective configuration. Serialised it is what `check-config` prints and `/version` serves;
/// it must therefore never hold a secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    pub kafka: KafkaConfig,
    pub ingest: IngestConfig,
    pub listen: ListenConfig,
    pub auth: AuthConfig,
    pub serve: ServeConfig,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaConfig {
    #[serde(skip)]
    pub brokers: Brokers,
    /// How many brokers the list names; the names themselves are nobody's business.
    pub broker_count: usize,
    pub topic: Topic,
    pub namespace: Namespace,
    pub start: Start,
    #[serde(rename = "operationTimeoutMs", serialize_with = "as_millis")]
    pub operation_timeout: Duration,
    #[serde(rename = "fetchWaitMs", serialize_with = "as_millis")]
    pub fetch_wait: Duration,
    pub fetch_bytes_max: u64,
    #[serde(rename = "metadataIntervalMs", serialize_with = "as_millis")]
    pub metadata_interval: Duration,
    #[serde(rename = "lagCheckIntervalMs", serialize_with = "as_millis")]
    pub lag_check_interval: Duration,
    pub security: Security,
    pub dlq: Option<DlqConfig>,
}

impl KafkaConfig {
    /// For this long what a broker said, or that none answered, serves all who ask.
    pub const ANSWER_AGE_MAX: Duration = Duration::from_millis(500);
}

/// Who may connect, and where.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenConfig {
    pub host: IpAddr,
    pub port: Port,
    pub connections_max: usize,
    pub connections_per_ip_max: usize,
    pub allowed_origins: Vec<Origin>,
    pub allowed_hosts: Vec<HostName>,
    pub trusted_proxies: TrustedProxies,
    pub base_path: BasePath,
    #[serde(rename = "drainMs", serialize_with = "as_millis")]
    pub drain: Duration,
}

/// What clients get.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServeConfig {
    pub decode_mode: DecodeMode,
    pub payload_bytes_max: usize,
    pub log_bytes_max: usize,
    pub window_bytes: usize,
    #[serde(rename = "sendTimeoutMs", serialize_with = "as_millis")]
    pub send_timeout: Duration,
    #[serde(rename = "resumeDeadlineMs", serialize_with = "as_millis")]
    pub resume_deadline: Duration,
    pub notice: String,
}

impl Config {
    /// Reads every option and reports every mistake, not only the first.
    pub fn from_args(options: &Options) -> Result<Self, Vec<ConfigError>> {
        let mut read = Reader::default();
        let kafka = read.kafka(options);
        let ingest = read.ingest(&options.ingest);
        let listen = read.listen(options);
        let auth = read.auth(&options.auth, value::host(&options.host).ok());
        let serve = read.serve(options);
        match (kafka, ingest, listen, auth, serve) {
            (Some(kafka), Some(ingest), Some(listen), Some(auth), Some(serve)) => Ok(Self {
                kafka,
                ingest,
                listen,
                auth,
                serve,
            }),
            _ => Err(read.mistakes.into_iter().map(ConfigError::of).collect()),
        }
    }

    /// Where tokens are needed on loopback, somebody forwards requests from elsewhere, and they may look like those
    /// of the operator.
    pub fn loopback_warning(&self) -> Option<&'static str> {
        let is_forwarded_to = self.listen.host.is_loopback() && !self.auth.tokens.is_empty();
        (is_forwarded_to && !self.auth.loopback_needs_token).then_some(
            "there are tokens, and the relay listens on loopback only: a proxy or forwarder on this machine that \
             rewrites Host and adds no forwarding header lets in everybody as the operator; where there is one, \
             set --loopback-needs-token",
        )
    }

    /// What a dead letter queue that is to lose nothing lacks, in words for the operator. Without
    /// checkpoints a record that waits for its letter counts as historical after a restart, and gets none.
    pub fn dlq_warning(&self) -> Option<&'static str> {
        let fails_closed = self.kafka.dlq.as_ref().is_some_and(|dlq| dlq.fail_closed);
        (fails_closed && self.ingest.checkpoint.is_none()).then_some(
            "the dead letter queue fails closed, but there is no --checkpoint-dir: a restart loses the \
             letters that partitions wait for",
        )
    }
}

/// The window must hold one frame of any legal size, or that frame could only ever go alone.
const WINDOW_BYTES_MIN: u64 =
    (wire::FRAME_HEADER_LEN + wire::PAYLOAD_BYTES_MAX + wire::FRAME_BYTE_LEN) as u64;

impl Reader {
    fn kafka(&mut self, o: &Options) -> Option<KafkaConfig> {
        let fetch_bytes_max = limits::FETCHED_BYTES_MAX as u64;
        let brokers = self.read("kafka_brokers", Brokers::parse(&o.kafka_brokers));
        let topic = self.read("kafka_topic", Topic::parse(&o.kafka_topic));
        let start = self.read(
            "kafka_auto_offset_reset",
            Start::parse(&o.kafka_auto_offset_reset),
        );
        let operation_timeout = value::seconds(&o.kafka_operation_timeout_secs, 1, 600);
        let operation_timeout = self.read("kafka_operation_timeout_secs", operation_timeout);
        let fetch_wait = value::millis(&o.kafka_fetch_wait_ms, 1, 30_000);
        let fetch_wait = self.read("kafka_fetch_wait_ms", fetch_wait);
        let fetch_bytes_max = value::bytes(&o.kafka_fetch_bytes_max, 1024, fetch_bytes_max);
        let fetch_bytes_max = self.read("kafka_fetch_bytes_max", fetch_bytes_max);
        let metadata_interval = value::seconds(&o.kafka_metadata_interval_secs, 1, 3600);
        let metadata_interval = self.read("kafka_metadata_interval_secs", metadata_interval);
        let lag_check_interval = value::seconds(&o.kafka_lag_check_interval_secs, 1, 3600);
        let lag_check_interval = self.read("kafka_lag_check_interval_secs", lag_check_interval);
        let security = self.security(&o.security, brokers.as_ref());
        let dlq = self.dlq(&o.dlq, topic.as_ref());
        let (brokers, topic) = (brokers?, topic?);
        Some(KafkaConfig {
            namespace: Namespace::new(topic.as_str(), o.kafka_cluster_id.trim(), &brokers),
            broker_count: brokers.as_slice().len(),
            brokers,
            topic,
            start: start?,
            operation_timeout: operation_timeout?,
            fetch_wait: fetch_wait?,
            fetch_bytes_max: fetch_bytes_max?,
            metadata_interval: metadata_interval?,
            lag_check_interval: lag_check_interval?,
            security: security?,
            dlq: dlq?,
        })
    }

    fn listen(&mut self, o: &Options) -> Option<ListenConfig> {
        let host = self.read("host", value::host(&o.host));
        let port = self.read("port", Port::parse(&o.port));
        let connections_max = value::count(&o.max_connections, 1, CONNECTIONS_MAX);
        let connections_max = self.read("max_connections", connections_max);
        let per_ip_max = value::count(&o.max_connections_per_ip, 1, CONNECTIONS_MAX);
        let per_ip_max = self.read("max_connections_per_ip", per_ip_max);
        let origins = self.read("allowed_origin", Origin::parse_list(&o.allowed_origin));
        let hosts = self.read("allowed_host", HostName::parse_list(&o.allowed_host));
        let proxies = TrustedProxies::parse_list(&o.trusted_proxies);
        let proxies = self.read("trusted_proxies", proxies);
        let base_path = self.read("base_path", BasePath::parse(&o.base_path));
        let drain = self.read("drain_secs", value::seconds(&o.drain_secs, 0, 600));
        Some(ListenConfig {
            host: host?,
            port: port?,
            connections_max: usize::try_from(connections_max?).ok()?,
            connections_per_ip_max: usize::try_from(per_ip_max?).ok()?,
            allowed_origins: origins?,
            allowed_hosts: hosts?,
            trusted_proxies: proxies?,
            base_path: base_path?,
            drain: drain?,
        })
    }

    fn serve(&mut self, o: &Options) -> Option<ServeConfig> {
        let payload_bytes_max = wire::PAYLOAD_BYTES_MAX as u64;
        let payload_bytes_max = value::bytes(&o.max_payload_bytes, 1024, payload_bytes_max);
        let payload_bytes_max = self.read("max_payload_bytes", payload_bytes_max);
        let send_timeout = value::seconds(&o.send_timeout_secs, 1, 600);
        let send_timeout = self.read("send_timeout_secs", send_timeout);
        let decode_mode = self.read("decode_mode", DecodeMode::parse(&o.decode_mode));
        let log_bytes_max = value::bytes(&o.log_bytes_max, limits::LOG_BYTES_MIN, 1 << 40);
        let log_bytes_max = self.read("log_bytes_max", log_bytes_max);
        let window_bytes = value::bytes(&o.window_bytes, WINDOW_BYTES_MIN, 1 << 30);
        let window_bytes = self.read("window_bytes", window_bytes);
        let resume_deadline = value::seconds(&o.resume_deadline_secs, 1, 600);
        let resume_deadline = self.read("resume_deadline_secs", resume_deadline);
        let notice = self.read("notice", value::notice(&o.notice));
        Some(ServeConfig {
            decode_mode: decode_mode?,
            payload_bytes_max: usize::try_from(payload_bytes_max?).ok()?,
            log_bytes_max: usize::try_from(log_bytes_max?).ok()?,
            window_bytes: usize::try_from(window_bytes?).ok()?,
            send_timeout: send_timeout?,
            resume_deadline: resume_deadline?,
            notice: notice?,
        })
    }
}

/// More connections than any one process can hold; a bound on mistakes.
const CONNECTIONS_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests;
