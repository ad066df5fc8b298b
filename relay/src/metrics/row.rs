//! What a row of the table is.

use dashstream_counters::Snapshot;

use super::sources::Sources;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Takes one value and the values of its labels.
pub(super) type Emit<'a> = &'a mut dyn FnMut(f64, &[&str]);

pub(super) type ReadValues = fn(&Sources, Emit<'_>);

/// Where the values come from.
#[derive(Clone, Copy)]
pub(super) enum Read {
    Counter(ReadValues),
    Gauge(ReadValues),
    Histogram(fn(&Sources, EmitHistogram<'_>)),
}

/// One row.
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    pub(super) read: Read,
}

/// Takes one histogram and the values of its labels.
pub(super) type EmitHistogram<'a> = &'a mut dyn FnMut(Snapshot, &[&str]);
