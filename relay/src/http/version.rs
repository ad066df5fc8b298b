//! What `/version` says: which build this is, what it speaks, and its effective configuration.

use decode_core::wire;
use serde_json::{Value, json};

use crate::config::Config;

/// What whoever may not see is told: that a relay answers.
pub(super) fn of_anybody() -> Value {
    json!({ "component": "dashstream-relay", "protocol": wire::PROTOCOL_VERSION })
}

pub(super) fn version(config: &Config) -> Value {
    json!({
        "component": "dashstream-relay",
        "version": env!("CARGO_PKG_VERSION"),
        "commit": option_env!("GIT_COMMIT_SHA"),
        "protocol": wire::PROTOCOL_VERSION,
        "subprotocol": wire::SUBPROTOCOL,
        "schemaVersion": wire::SCHEMA_VERSION,
        "namespace": config.kafka.namespace.as_str(),
        "topic": config.kafka.topic.as_str(),
        "pageBuilt": super::is_built(),
        "limits": {
            "payloadBytesMax": config.serve.payload_bytes_max,
            "decompressedBytesMax": wire::DECOMPRESSED_BYTES_MAX,
            "controlBytesMax": wire::CONTROL_BYTES_MAX,
            "windowBytes": config.serve.window_bytes,
            "logBytesMax": config.serve.log_bytes_max,
            "resumePartitionsMax": wire::RESUME_PARTITIONS_MAX,
        },
        "config": config,
    })
}
