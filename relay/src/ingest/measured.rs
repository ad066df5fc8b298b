//! Admission by itself, for `bench decode`: what the relay does with records between Kafka's client and its
//! log. Nothing else uses it.

use std::sync::Arc;

use clap::Parser as _;

use super::{
    admit::{Admission, Place},
    sequence::Sequences,
    source::Record,
};
use crate::{
    config::{Cli, Config},
    metrics::Counters,
};

/// Records of one partition, to be admitted again and again.
#[derive(Debug)]
pub struct MeasuredAdmission {
    config: Config,
    records: Vec<Record>,
}

impl MeasuredAdmission {
    /// Values at the offsets from 0 on, and a relay with default settings.
    ///
    /// # Panics
    /// Never: default settings are usable.
    #[must_use]
    pub fn new(values: Vec<Vec<u8>>) -> Self {
        let cli = Cli::try_parse_from(["dashstream-relay"]).expect("no options are usable options");
        let config = Config::from_args(&cli.options).expect("default settings are usable");
        let record = |(offset, value)| Record {
            offset,
            timestamp_ms: 0,
            key: None,
            value: Some(value),
        };
        Self {
            config,
            records: (0..).zip(values).map(record).collect(),
        }
    }

    /// Admits all records once as new ones; returns the bytes of the segments built.
    #[must_use]
    pub fn pass(&self) -> usize {
        let counters = Counters::default();
        let sequences = Arc::new(Sequences::new(self.config.ingest.sequence_policy));
        let mut admission = Admission::new(0, &self.config, sequences);
        let mut rest = self.records.as_slice();
        let mut place = Place {
            position: 0,
            boundary: 0,
            now_ms: 1,
            wall_us: 1,
            released: None,
        };
        let mut bytes = 0;
        while !rest.is_empty() {
            let admitted = admission.segment(place, rest, &counters);
            if let Some(segment) = &admitted.segment {
                place.position = segment.end();
                bytes += segment.bytes().len();
            }
            match rest.get(admitted.taken..) {
                Some(after) if admitted.taken > 0 => rest = after,
                _ => break,
            }
        }
        bytes
    }
}
