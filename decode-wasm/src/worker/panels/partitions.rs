//! Where the page stands in each partition.

use js_sys::{Array, JsString, Object};
use session::client::PartitionPosition;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::file::Counted;
use crate::worker::js::{Columns, Fields};

pub(super) struct Partitions;

asked! {
    /// The partitions have no questions of their own.
    PartitionsQuery {}
}

columns! {
    /// Parallel columns, one entry a partition, ascending. 64-bit values are exact.
    PartitionColumns as fill_columns(_engine: &Engine, p => Line) {
        /// Kafka partition.
        partition: ColumnU32 = p.partition,
        /// Next offset expected.
        position: ColumnU64 = p.position,
        /// The relay's end when the connection resumed, or what was received since.
        head: ColumnU64 = p.head,
        /// Records received.
        records: ColumnF64 = p.records,
        /// Records that could not be read.
        rejects: ColumnF64 = p.rejects,
        /// Gaps.
        gaps: ColumnF64 = p.gaps,
    }
}

object! {
    /// The partitions.
    PartitionsView as fill(columns: &Object, digests: Array) {
        /// A line each.
        partitions: Any as "PartitionColumns" = columns,
        /// Lower-case hex SHA-256 per partition, empty strings unless `digest` was asked for.
        digests: Any as "readonly string[]" = digests,
    }
}

impl Panel for Partitions {
    type Query = PartitionsQuery;

    fn read(fields: &Fields) -> Result<PartitionsQuery, String> {
        PartitionsQuery::read(fields)
    }

    fn version(_: &PartitionsQuery, engine: &Engine, _: u64) -> f64 {
        engine.revision as f64
    }

    fn answer(
        _: &PartitionsQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let all: Vec<Line> = match &engine.file {
            None => engine.session.positions().map(Line::of_relay).collect(),
            Some(file) => file.partitions.iter().map(Line::of_file).collect(),
        };
        let digest = |partition: u32| match &engine.digest {
            Some(digest) => JsString::from(digest.hex(partition)),
            None => JsString::from(""),
        };
        let digests = all.iter().map(|p| digest(p.partition)).collect();
        fill(out, &fill_columns(columns, engine, &all), digests);
    }
}

/// One partition, of the relay or of a file.
struct Line {
    partition: u32,
    position: u64,
    head: u64,
    records: u64,
    rejects: u64,
    gaps: u64,
}

impl Line {
    fn of_relay(p: PartitionPosition) -> Self {
        Self {
            partition: p.partition,
            position: p.committed,
            head: p.head.max(p.expected),
            records: p.records,
            rejects: p.rejects,
            gaps: p.gaps,
        }
    }

    const fn of_file(counted: &Counted) -> Self {
        Self {
            partition: counted.partition,
            position: counted.next,
            head: counted.next,
            records: counted.records,
            rejects: counted.rejects,
            gaps: counted.gaps,
        }
    }
}
