//! The cursor namespace: cursors stored by a client are valid within one namespace only.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::value::Brokers;

/// A short digest of topic and cluster. One way, because every browser gets it and broker names are
/// nobody's business; independent of the order in which brokers are listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Namespace(String);

/// 96 bits: far more than the number of clusters anyone has, short enough for a storage key.
const DIGEST_BYTES: usize = 12;

impl Namespace {
    /// The cluster id names the cluster where it is given, so that brokers can be added and moved.
    pub fn new(topic: &str, cluster_id: &str, brokers: &Brokers) -> Self {
        let mut digest = Sha256::new();
        let mut part = |text: &str| {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text.as_bytes());
        };
        part(topic);
        if cluster_id.is_empty() {
            part("brokers");
            brokers.as_slice().iter().for_each(|broker| part(broker));
        } else {
            part("cluster");
            part(cluster_id);
        }
        let digest = digest.finalize();
        let hex = digest
            .iter()
            .take(DIGEST_BYTES)
            .map(|byte| format!("{byte:02x}"));
        Self(hex.collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace(topic: &str, cluster: &str, brokers: &str) -> String {
        let brokers = Brokers::parse(brokers).expect("legal brokers");
        Namespace::new(topic, cluster, &brokers).to_string()
    }

    #[test]
    fn names_topic_and_cluster_only() {
        let base = namespace("t", "", "a:1,b:2");
        assert_eq!(base.len(), 2 * DIGEST_BYTES);
        assert_eq!(base, namespace("t", "", "b:2, a:1,a:1"));
        assert_ne!(base, namespace("u", "", "a:1,b:2"));
        assert_ne!(base, namespace("t", "", "a:1"));
        assert_ne!(base, namespace("t", "c", "a:1,b:2"));
        assert_eq!(namespace("t", "c", "a:1"), namespace("t", "c", "z:9"));
        assert_ne!(namespace("t", "c", "a:1"), namespace("t", "d", "a:1"));
    }
}
