//! Histograms, written with relaxed atomics on hot paths.

use std::{
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

/// The upper ends of a histogram's buckets, ascending.
pub trait Bounds: Send + Sync + 'static {
    /// At least one; what lies above the last has a bucket of its own.
    const BOUNDS: &'static [f64];
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
    /// Counts a value.
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

    /// What was counted so far.
    #[must_use]
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
    /// Of all buckets and of what lies above them.
    pub count: u64,
    /// Of all values.
    pub sum: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Powers;

    impl Bounds for Powers {
        const BOUNDS: &'static [f64] = &[0.0, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5];
    }

    #[test]
    fn a_value_counts_in_every_bucket_that_holds_it() {
        let histogram = Histogram::<Powers>::default();
        for value in [1.0, 2.0, 3.0, 1e5, 1e6] {
            histogram.observe(value);
        }
        let snapshot = histogram.snapshot();
        let upto = |end: f64| {
            let bucket = snapshot.buckets.iter().find(|bucket| bucket.0 == end);
            bucket.expect("a bucket").1
        };
        assert_eq!((upto(0.0), upto(1.0), upto(10.0), upto(1e5)), (0, 1, 3, 4));
        assert_eq!((snapshot.count, snapshot.sum), (5, 1_100_006.0));
    }
}
