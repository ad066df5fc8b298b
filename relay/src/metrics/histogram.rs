//! Histograms for the registry: a collector of our own gives them to it, so that every series is there
//! at 0 before the first value, as with the other metrics.

use std::sync::Arc;

use dashstream_counters::Snapshot;
use prometheus::{
    core::{Collector, Desc},
    proto,
};

use super::{
    row::{EmitHistogram, Metric},
    sources::Sources,
};

fn metric(snapshot: Snapshot, labels: Vec<proto::LabelPair>) -> proto::Metric {
    let buckets = snapshot.buckets.into_iter().map(|(end, count)| {
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(end);
        bucket.set_cumulative_count(count);
        bucket
    });
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(snapshot.count);
    histogram.set_sample_sum(snapshot.sum);
    let mut metric = proto::Metric::from_label(labels);
    metric.set_histogram(histogram);
    metric
}

/// Gives one row of the table to the registry.
pub(super) struct HistogramRow {
    metric: &'static Metric,
    read: fn(&Sources, EmitHistogram<'_>),
    sources: Arc<Sources>,
    description: Desc,
}

impl HistogramRow {
    pub(super) fn new(
        metric: &'static Metric,
        read: fn(&Sources, EmitHistogram<'_>),
        sources: Arc<Sources>,
    ) -> prometheus::Result<Self> {
        let labels = metric
            .labels
            .iter()
            .map(|&label| label.to_owned())
            .collect();
        let (name, help) = (metric.name.to_owned(), metric.help.to_owned());
        Ok(Self {
            metric,
            read,
            sources,
            description: Desc::new(name, help, labels, std::collections::HashMap::new())?,
        })
    }
}

impl Collector for HistogramRow {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let mut metrics = Vec::new();
        (self.read)(&self.sources, &mut |snapshot, values| {
            let labels = self.metric.labels.iter().zip(values);
            let labels = labels.map(|(&name, &value)| {
                let mut pair = proto::LabelPair::default();
                pair.set_name(name.to_owned());
                pair.set_value(value.to_owned());
                pair
            });
            metrics.push(metric(snapshot, labels.collect()));
        });
        let mut family = proto::MetricFamily::default();
        family.set_name(self.metric.name.to_owned());
        family.set_help(self.metric.help.to_owned());
        family.set_field_type(proto::MetricType::HISTOGRAM);
        family.set_metric(metrics);
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use dashstream_counters::{Bounds as _, Latencies};
    use dashstream_serve::counters::Backlogs;

    use crate::ingest::GapSizes;

    /// MET-18: the buckets of DashFlow are all there; MET-24: the smallest is far below 1 ms.
    #[test]
    fn ends_rise_and_include_those_of_dashflow() {
        for bounds in [GapSizes::BOUNDS, Backlogs::BOUNDS, Latencies::BOUNDS] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
        let theirs = [100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4];
        assert!(theirs.iter().all(|end| Latencies::BOUNDS.contains(end)));
        assert!(Latencies::BOUNDS[0] < 0.2);
    }
}
