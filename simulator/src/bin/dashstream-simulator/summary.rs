//! What was delivered, as one line of JSON at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::source::Outgoing;

#[derive(Debug, Default)]
pub(crate) struct Summary {
    records: u64,
    /// Of keys and values.
    bytes: u64,
    /// Batches that had to be sent again, so that records may be there twice.
    pub(crate) retried_batches: u64,
    by_kind: BTreeMap<String, u64>,
    by_scenario: BTreeMap<String, u64>,
    by_partition: BTreeMap<u32, Range>,
}

#[derive(Debug)]
struct Range {
    records: u64,
    first: i64,
    last: i64,
}

impl Summary {
    pub(crate) fn add(&mut self, record: &Outgoing, offset: i64) {
        self.records += 1;
        let len = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, |b| b.len() as u64);
        self.bytes += len(&record.key) + len(&record.value);
        for (counts, name) in [
            (&mut self.by_kind, record.kind),
            (&mut self.by_scenario, record.scenario),
        ] {
            match counts.get_mut(name) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(name.to_owned(), 1);
                }
            }
        }
        let range = Range {
            records: 0,
            first: offset,
            last: offset,
        };
        let range = self.by_partition.entry(record.partition).or_insert(range);
        range.records += 1;
        range.first = range.first.min(offset);
        range.last = range.last.max(offset);
    }

    /// Offsets as text, as everywhere where JSON may be read by JavaScript.
    pub(crate) fn json(&self, elapsed: Duration) -> Value {
        let partitions = self.by_partition.iter().map(|(partition, range)| {
            let range = json!({
                "records": range.records,
                "firstOffset": range.first.to_string(),
                "lastOffset": range.last.to_string(),
            });
            (partition.to_string(), range)
        });
        json!({
            "records": self.records,
            "bytes": self.bytes,
            "seconds": elapsed.as_secs_f64(),
            "retriedBatches": self.retried_batches,
            "byKind": self.by_kind,
            "byScenario": self.by_scenario,
            "byPartition": partitions.collect::<serde_json::Map<_, _>>(),
        })
    }
}
