//! Admission by itself, for `bench decode`: what the relay does with records between Kafka's client and its
//! log. Behind a feature that no shipped build has.

use std::sync::Arc;

use clap::Parser as _;

use super::{
    admission::{Admission, Place},
    counts::Counts,
    sequence::Sequences,
};
use crate::{
    config::{Cli, Config},
    kafka::Record,
};

/// Records of one partition, to be admitted again and again.
#[derive(Debug)]
pub struct MeasuredAdmission {
    config: Config,
    values: Vec<Vec<u8>>,
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
        Self { config, values }
    }

    /// Admits all records once as new ones; returns the bytes of the segments built.
    #[must_use]
    pub fn pass(&self) -> usize {
        let counts = Counts::default();
        let sequences = Arc::new(Sequences::new(self.config.ingest.sequence_policy));
        let mut admission = Admission::new(0, &self.config, sequences);
        let values = self.values.iter().map(Vec::as_slice);
        let records: Vec<_> = (0..).zip(values).map(of_value).collect();
        let mut rest = records.as_slice();
        let mut place = Place {
            end: 0,
            boundary: 0,
            now_ms: 1,
            wall_us: 1,
            released: None,
            letters_max: usize::MAX,
        };
        let mut bytes = 0;
        while !rest.is_empty() {
            let admitted = admission.segment(place, rest, &counts);
            if let Some(segment) = &admitted.segment {
                place.end = segment.end();
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

fn of_value((offset, value): (u64, &[u8])) -> Record<'_> {
    Record {
        offset,
        timestamp_ms: 0,
        key: None,
        value: Some(value),
    }
}
