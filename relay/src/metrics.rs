//! `/metrics`: one table of metrics, each read from plain atomics when somebody scrapes.
//!
//! The instruments are observable ones of OpenTelemetry, rendered by its Prometheus exporter with
//! scope and target labels off and names used as they are written in the table.

mod histogram;
mod memory;
mod row;
mod sources;
mod table;

use std::sync::Arc;

use opentelemetry::{KeyValue, metrics::MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Registry, TextEncoder};

pub use memory::MemoryPart;
pub use row::{Kind, Metric};
pub use sources::Sources;
pub use table::TABLE;

use histogram::HistogramRow;
use row::{Read, ReadValues};

/// The registry with all metrics of the table in it.
pub struct Metrics {
    registry: Registry,
    /// Dropping the provider would unregister the callbacks.
    _provider: SdkMeterProvider,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// A registry or a scrape failed.
#[derive(Debug)]
pub struct MetricsError(String);

impl std::fmt::Display for MetricsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "metrics: {}", self.0)
    }
}

impl std::error::Error for MetricsError {}

impl Metrics {
    /// Registers every metric; one that cannot be registered is an error at start.
    pub fn new(sources: Arc<Sources>) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .without_units()
            .without_counter_suffixes()
            .build()
            .map_err(|error| MetricsError(error.to_string()))?;
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let meter = provider.meter("dashstream-relay");
        for metric in TABLE {
            let sources = Arc::clone(&sources);
            match metric.read {
                Read::Counter(read) => drop(
                    meter
                        .u64_observable_counter(metric.name)
                        .with_description(metric.help)
                        .with_callback(move |observer| {
                            each(metric, &sources, read, |value, labels| {
                                // Counters are read from u64 and stay below 2^53 for centuries.
                                observer.observe(value as u64, labels);
                            });
                        })
                        .build(),
                ),
                Read::Gauge(read) => drop(
                    meter
                        .f64_observable_gauge(metric.name)
                        .with_description(metric.help)
                        .with_callback(move |observer| {
                            each(metric, &sources, read, |value, labels| {
                                observer.observe(value, labels);
                            });
                        })
                        .build(),
                ),
                Read::Histogram(read) => HistogramRow::new(metric, read, sources)
                    .and_then(|row| registry.register(Box::new(row)))
                    .map_err(|error| MetricsError(error.to_string()))?,
            }
        }
        Ok(Self {
            registry,
            _provider: provider,
        })
    }

    /// The text a scrape gets.
    pub fn render(&self) -> Result<String, MetricsError> {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .map_err(|error| MetricsError(error.to_string()))
    }
}

/// Every value of a row, with its labels.
fn each(
    metric: &Metric,
    sources: &Sources,
    read: ReadValues,
    mut observe: impl FnMut(f64, &[KeyValue]),
) {
    read(sources, &mut |value, labels: &[&str]| {
        let labels: Vec<_> = metric
            .labels
            .iter()
            .zip(labels)
            .map(|(&name, &value)| KeyValue::new(name, value.to_owned()))
            .collect();
        observe(value, &labels);
    });
}

#[cfg(test)]
mod tests;
