//! Histograms. Written with relaxed atomics on hot paths; a collector of our own gives them to the
//! registry, so that every series is there at 0 before the first value, as with the other metrics.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus::{
    core::{Collector, Desc},
    proto,
};

use super::{Sources, table::Metric};

/// The upper ends of a histogram's buckets, ascending.
pub trait Bounds: Send + Sync + 'static {
    const BOUNDS: &'static [f64];
}

/// Gap sizes, with the ends that DashFlow uses.
#[derive(Debug)]
pub struct GapSizes;

impl Bounds for GapSizes {
    const BOUNDS: &'static [f64] = &[
        1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 5e3, 1e4,
    ];
}

/// Frames that wait for a client to take them.
#[derive(Debug)]
pub struct Backlogs;

impl Bounds for Backlogs {
    const BOUNDS: &'static [f64] = &[0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5];
}

/// Milliseconds from well below one on; from 100 with the ends that DashFlow uses.
#[derive(Debug)]
pub struct Latencies;

impl Bounds for Latencies {
    const BOUNDS: &'static [f64] = &[
        0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4,
        2.5e4, 5e4,
    ];
}

/// How often values fell where.
#[derive(Debug)]
pub struct Histogram<B: Bounds> {
    /// One per bound and one for what is above all of them.
    counts: Box<[AtomicU64]>,
    /// Bits of a float.
    sum: AtomicU64,
    bounds: PhantomData<B>,
}

impl<B: Bounds> Default for Histogram<B> {
    fn default() -> Self {
        Self {
            counts: (0..=B::BOUNDS.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0.0_f64.to_bits()),
            bounds: PhantomData,
        }
    }
}

impl<B: Bounds> Histogram<B> {
    pub fn observe(&self, value: f64) {
        let at = B::BOUNDS.partition_point(|&bound| bound < value);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // Never fails: the closure always gives a value.
        let _ = self
            .sum
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut cumulated = 0;
        let mut cumulative = |count: &AtomicU64| {
            cumulated += count.load(Ordering::Relaxed);
            cumulated
        };
        let counts: Vec<u64> = self.counts.iter().map(&mut cumulative).collect();
        Snapshot {
            count: counts.last().copied().unwrap_or(0),
            buckets: B::BOUNDS.iter().copied().zip(counts).collect(),
            sum: f64::from_bits(self.sum.load(Ordering::Relaxed)),
        }
    }
}

/// The values of one moment. The count is that of the buckets, so that the two always agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Upper end, and the number of values up to it.
    pub buckets: Vec<(f64, u64)>,
    pub count: u64,
    pub sum: f64,
}

impl Snapshot {
    fn metric(self, labels: Vec<proto::LabelPair>) -> proto::Metric {
        let buckets = self.buckets.into_iter().map(|(end, count)| {
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(end);
            bucket.set_cumulative_count(count);
            bucket
        });
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(self.count);
        histogram.set_sample_sum(self.sum);
        let mut metric = proto::Metric::from_label(labels);
        metric.set_histogram(histogram);
        metric
    }
}

/// Takes one histogram and the values of its labels.
pub(super) type EmitHistogram<'a> = &'a mut dyn FnMut(Snapshot, &[&str]);

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
            metrics.push(snapshot.metric(labels.collect()));
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
    use super::*;

    #[test]
    fn a_value_counts_in_every_bucket_that_holds_it() {
        let histogram = Histogram::<GapSizes>::default();
        for value in [1.0, 2.0, 3.0, 1e4, 1e5] {
            histogram.observe(value);
        }
        let snapshot = histogram.snapshot();
        let upto = |end: f64| {
            let bucket = snapshot.buckets.iter().find(|bucket| bucket.0 == end);
            bucket.expect("a bucket").1
        };
        assert_eq!((upto(1.0), upto(2.0), upto(5.0), upto(1e4)), (1, 2, 3, 4));
        assert_eq!((snapshot.count, snapshot.sum), (5, 110_006.0));
    }

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
