//! Fan-out as a section of docs/performance.md.

use std::fmt::Write as _;

use crate::{
    report::origin,
    workload::{Figures, Row},
};

/// The whole section.
pub(crate) fn table(figures: &Figures) -> String {
    let mut text = String::new();
    add(&mut text, &origin());
    text.push('\n');
    for line in HEAD {
        add(&mut text, line);
    }
    for row in &figures.rows {
        add(&mut text, &fan_out(row));
    }
    add(
        &mut text,
        "\n| reading from Kafka | records a second | CPU s per million |",
    );
    add(&mut text, "| --- | ---: | ---: |");
    for ingest in &figures.ingest {
        let records = ingest.records as f64;
        let rate = records / ingest.cost.wall_seconds;
        let cpu = ingest.cost.cpu_seconds / records * 1e6;
        add(
            &mut text,
            &format!("| {} B | {rate:.0} | {cpu:.2} |", ingest.payload_bytes),
        );
    }
    add(
        &mut text,
        "\n| live, 300 B | records a second | p50 ms | p99 ms | relay CPU s per million |",
    );
    add(&mut text, "| --- | ---: | ---: | ---: | ---: |");
    for one in &figures.latencies {
        let line = format!(
            "| {} clients | {:.0} | {:.1} | {:.1} | {:.2} |",
            one.clients, one.rate, one.p50_ms, one.p99_ms, one.cpu_per_million
        );
        add(&mut text, &line);
    }
    let bar = if figures.bar_is_met() {
        "met"
    } else {
        "MISSED"
    };
    add(
        &mut text,
        &format!(
            "\nMemory of an idle client: {:.1} KB.",
            figures.idle_bytes / 1e3
        ),
    );
    add(
        &mut text,
        &format!("Bar (100 clients, 300 B, at most 3 times the floor): {bar}."),
    );
    text
}

fn fan_out(row: &Row) -> String {
    let deliveries = row.deliveries as f64;
    let per_million = |seconds: f64| seconds / deliveries * 1e6;
    format!(
        "| {} B | {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} |",
        row.payload_bytes,
        row.clients,
        deliveries / row.relay.wall_seconds,
        per_million(row.relay.cpu_seconds),
        per_million(row.floor.cpu_seconds),
        row.ratio(),
        deliveries / row.floor.wall_seconds,
    )
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string can be written to");
}

const HEAD: &[&str] = &[
    "| payload | clients | deliveries/s | relay CPU s per million | floor CPU s per million | ratio | floor deliveries/s |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
];
