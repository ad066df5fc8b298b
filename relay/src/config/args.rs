//! The command line: every option with its flag, environment variable and default, as text. Turning
//! text into typed values is [`super::Config::from_args`], so that all mistakes are told at once.

use clap::{Args, Parser, Subcommand};

use super::{
    auth::AuthOptions,
    dlq::DlqOptions,
    ingest::IngestOptions,
    security::{Secret, SecurityOptions},
};

/// Serves a Kafka topic of DashStream records to browsers and tools over WebSocket.
#[derive(Debug, Parser)]
#[command(name = "dashstream-relay", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve simulated agent runs instead of a topic; no Kafka is needed.
    #[cfg(feature = "demo")]
    Demo {
        /// Records a second, on average.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rate: u32,
        /// Another seed gives other runs.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Print the effective configuration as JSON and exit: 0 if it is usable, 2 if it is not.
    CheckConfig,
    /// Release a paused partition of the relay that runs here with this configuration.
    Release {
        /// The partition.
        partition: u32,
        /// Only if it is paused at this offset.
        #[arg(long)]
        offset: Option<u64>,
        /// A token with the role admin, where the relay listens on one address that is not loopback, or asks for
        /// tokens on loopback too. Prefer the variable: others on the machine can read the arguments of a process.
        #[arg(
            long,
            env = "DASHSTREAM_TOKEN",
            default_value = "",
            hide_env_values = true,
            hide_default_value = true
        )]
        token: Secret,
    },
}

/// Each field is one row of `docs/configuration.md`; a test compares the two.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Bootstrap brokers, host:port, separated by commas.
    #[arg(
        long,
        env,
        global = true,
        default_value = "127.0.0.1:9092",
        hide_env_values = true
    )]
    pub kafka_brokers: String,

    /// Topic to serve. It is never created by the relay.
    #[arg(long, env, global = true, default_value = "dashstream-quality")]
    pub kafka_topic: String,

    /// Name of the cluster, for the cursor namespace; without it the broker list stands for it.
    #[arg(long, env, global = true, default_value = "")]
    pub kafka_cluster_id: String,

    /// Where reading starts: earliest, latest, or a duration before now such as 30m, 2h or 7d.
    #[arg(long, env, global = true, default_value = "earliest")]
    pub kafka_auto_offset_reset: String,

    /// Longest wait for one answer of a broker.
    #[arg(long, env, global = true, default_value = "30")]
    pub kafka_operation_timeout_secs: String,

    /// Longest time a broker may delay a fetch when it has nothing to send.
    #[arg(long, env, global = true, default_value = "100")]
    pub kafka_fetch_wait_ms: String,

    /// Bytes requested of one partition in one fetch.
    #[arg(long, env, global = true, default_value = "4M")]
    pub kafka_fetch_bytes_max: String,

    /// How often new partitions are looked for.
    #[arg(long, env, global = true, default_value = "30")]
    pub kafka_metadata_interval_secs: String,

    /// How often the end offset of each partition is requested, for the lag and as a probe of brokers.
    #[arg(long, env, global = true, default_value = "10")]
    pub kafka_lag_check_interval_secs: String,

    #[command(flatten)]
    pub security: SecurityOptions,

    #[command(flatten)]
    pub dlq: DlqOptions,

    #[command(flatten)]
    pub ingest: IngestOptions,

    #[command(flatten)]
    pub auth: AuthOptions,

    /// Address to listen on. Any but loopback needs tokens, or --insecure-allow-anyone.
    #[arg(
        long,
        env = "WEBSOCKET_HOST",
        global = true,
        default_value = "127.0.0.1"
    )]
    pub host: String,

    /// Port to listen on; 0 for any free one. Unset: the first free one of 3002 to 3005.
    #[arg(long, env = "WEBSOCKET_PORT", global = true, default_value = "")]
    pub port: String,

    /// Largest record body served; larger records become gaps.
    #[arg(
        long,
        env = "WEBSOCKET_MAX_PAYLOAD_BYTES",
        global = true,
        default_value = "10M"
    )]
    pub max_payload_bytes: String,

    /// A send without progress for this long closes the connection.
    #[arg(
        long,
        env = "WEBSOCKET_SEND_TIMEOUT_SECS",
        global = true,
        default_value = "5"
    )]
    pub send_timeout_secs: String,

    /// Largest number of WebSocket connections in total.
    #[arg(
        long,
        env = "WEBSOCKET_MAX_CONNECTIONS",
        global = true,
        default_value = "4096"
    )]
    pub max_connections: String,

    /// Largest number of WebSocket connections from one address.
    #[arg(
        long,
        env = "WEBSOCKET_MAX_CONNECTIONS_PER_IP",
        global = true,
        default_value = "10"
    )]
    pub max_connections_per_ip: String,

    /// Origins of pages that may connect in addition to the relay's own, separated by commas.
    #[arg(
        long,
        env = "WEBSOCKET_ALLOWED_ORIGINS",
        global = true,
        default_value = ""
    )]
    pub allowed_origin: String,

    /// Host names by which the relay is reached, in addition to IP addresses, localhost and the hosts of
    /// allowed origins, separated by commas.
    #[arg(
        long,
        env = "WEBSOCKET_ALLOWED_HOSTS",
        global = true,
        default_value = ""
    )]
    pub allowed_host: String,

    /// Proxies whose forwarded headers are believed: addresses or networks such as 10.0.0.0/8, separated by commas.
    #[arg(
        long,
        env = "WEBSOCKET_TRUSTED_PROXY_IPS",
        global = true,
        default_value = ""
    )]
    pub trusted_proxies: String,

    /// Path under which a proxy puts the relay, if the proxy leaves it in requests.
    #[arg(long, env = "WEBSOCKET_BASE_PATH", global = true, default_value = "")]
    pub base_path: String,

    /// What a Kafka value may be: strict (framed only) or compatible (unframed too).
    #[arg(
        long,
        env = "DASHSTREAM_DECODE_MODE",
        global = true,
        default_value = "strict"
    )]
    pub decode_mode: String,

    /// Memory of the log over all partitions, in bytes.
    #[arg(
        long,
        env = "DASHSTREAM_LOG_BYTES_MAX",
        global = true,
        default_value = "256M"
    )]
    pub log_bytes_max: String,

    /// Bytes that one client may leave unacknowledged.
    #[arg(
        long,
        env = "DASHSTREAM_WINDOW_BYTES",
        global = true,
        default_value = "16M"
    )]
    pub window_bytes: String,

    /// Time a client has to send its resume.
    #[arg(
        long,
        env = "DASHSTREAM_RESUME_DEADLINE_SECS",
        global = true,
        default_value = "10"
    )]
    pub resume_deadline_secs: String,

    /// Time that clients have to leave at shutdown.
    #[arg(
        long,
        env = "DASHSTREAM_DRAIN_SECS",
        global = true,
        default_value = "5"
    )]
    pub drain_secs: String,

    /// Text that every page shows, for example that the data is simulated.
    #[arg(long, env = "DASHSTREAM_NOTICE", global = true, default_value = "")]
    pub notice: String,
}

impl Options {
    /// Names of what is served when it is no topic. `run` tells the cursors of one demo from those of another.
    #[cfg(feature = "demo")]
    pub fn for_demo(&mut self, run: &str) {
        "dashstream-demo".clone_into(&mut self.kafka_topic);
        self.kafka_cluster_id = format!("demo-{run}");
        if self.notice.is_empty() {
            "Simulated data".clone_into(&mut self.notice);
        }
    }
}
