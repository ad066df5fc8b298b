//! Whether a relay on this machine does what it is for.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{http, output};

/// The page is there, the relay calls itself healthy, and records went through it.
pub(crate) fn check(port: u16) -> Result<()> {
    let page = http::get(port, "/")?;
    ensure!(
        page.status == 200 && page.body.contains("<html"),
        "the page is not served"
    );
    let health = http::get(port, "/health")?;
    ensure!(
        health.status == 200,
        "/health answers {}: {}",
        health.status,
        health.body
    );
    let metrics = http::get(port, "/metrics")?.body;
    let records = records_accepted(&metrics).context("/metrics counts no records")?;
    ensure!(records > 0, "the relay has accepted no record");
    output::say(&format!(
        "the page is served, the relay is healthy, {records} records accepted"
    ));
    Ok(())
}

/// The same, for a relay that has only just started.
pub(crate) fn check_within(port: u16, limit: Duration) -> Result<()> {
    let started = Instant::now();
    loop {
        match check(port) {
            Err(error) if started.elapsed() > limit => return Err(error),
            Err(_) => thread::sleep(POLL),
            Ok(()) => return Ok(()),
        }
    }
}

fn records_accepted(metrics: &str) -> Option<u64> {
    let success = |line: &&str| line.starts_with(RECORDS) && line.contains("status=\"success\"");
    let value = metrics.lines().find(success)?.split_whitespace().last()?;
    value.parse().ok()
}

const RECORDS: &str = "websocket_kafka_messages_total{";
const POLL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_accepted_records_count() {
        let metrics = "# TYPE websocket_kafka_messages_total counter\n\
                       websocket_kafka_messages_total{status=\"error\"} 3\n\
                       websocket_kafka_messages_total{status=\"success\"} 41\n";
        assert_eq!(records_accepted(metrics), Some(41));
        assert_eq!(records_accepted("websocket_uptime_seconds 3"), None);
    }
}
