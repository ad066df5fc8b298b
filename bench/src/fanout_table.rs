//! Fan-out as a section of docs/performance.md.

use std::fmt::Write as _;

use crate::{
    curves::{Chart, Line},
    live::Live,
    process::Cost,
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
    if !figures.live.is_empty() {
        text.push('\n');
    }
    for line in figures.live.first().map_or(&[][..], |_| LIVE_HEAD) {
        add(&mut text, line);
    }
    for one in &figures.live {
        add(&mut text, &live(one));
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
        &format!(
            "Bar (every row at most 1.1 times the floor, live records at most 1.5 times as old as with rskafka): \
             {bar}."
        ),
    );
    text
}

fn live(one: &Live) -> String {
    let ages = |(p50, p99): (f64, f64)| format!("| {p50:.1} | {p99:.1} ");
    let rskafka = one.rskafka_age_ms.map_or_else(|| "| | ".to_owned(), ages);
    format!(
        "| {} B | {} | {:.0} | {:.2} | {:.2} | {:.2} {}{}|",
        one.payload_bytes,
        one.clients,
        one.rate,
        one.relay_cpu,
        one.floor_cpu,
        one.ratio(),
        ages(one.age_ms),
        rskafka,
    )
}

fn fan_out(row: &Row) -> String {
    let deliveries = row.deliveries as f64;
    let per_million = |seconds: f64| seconds / deliveries * 1e6;
    format!(
        "| {} B | {} | {:.0} | {:.2} | {:.2} | {} KiB | {:.2} | {:.0} |",
        row.payload_bytes,
        row.clients,
        deliveries / row.relay.wall_seconds,
        per_million(row.relay.cpu_seconds),
        per_million(row.floor.cpu_seconds),
        row.floor_write_bytes / 1024,
        row.ratio(),
        deliveries / row.floor.wall_seconds,
    )
}

/// Processor time of a delivery over the number of clients.
pub(crate) fn picture(rows: &[Row]) -> String {
    let line = |name, payload_bytes, cost: fn(&Row) -> Cost| {
        let of_size = rows.iter().filter(|row| row.payload_bytes == payload_bytes);
        let micros = |row: &Row| cost(row).cpu_seconds / row.deliveries as f64 * 1e6;
        let points = of_size.map(|row| (row.clients as f64, micros(row)));
        Line {
            name,
            points: points.collect(),
        }
    };
    let lines = [
        line("relay, 300 B", 300, |row| row.relay),
        line("floor, 300 B", 300, |row| row.floor),
        line("relay, 2 KB", 2048, |row| row.relay),
        line("floor, 2 KB", 2048, |row| row.floor),
    ];
    Chart {
        title: "Processor time of a delivery",
        x: "clients",
        y: "us",
        lines: &lines,
    }
    .svg()
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string can be written to");
}

const HEAD: &[&str] = &[
    "| payload | clients | deliveries/s | relay CPU s per million | floor CPU s per million | the floor's writes | ratio | floor deliveries/s |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
];
const LIVE_HEAD: &[&str] = &[
    "| live | clients | records a second | relay CPU s per million | floor CPU s per million | ratio | p50 ms | p99 ms | rskafka p50 ms | rskafka p99 ms |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
];
