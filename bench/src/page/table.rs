//! The section of the document: figures, each with its bar.

use std::fmt::Write as _;

use super::{Applied, Figures, Opened, live::Load};
use crate::report;

/// A figure with what is demanded of it.
struct Bar {
    what: String,
    figure: String,
    demanded: &'static str,
    is_met: bool,
}

pub(super) fn section(figures: &Figures) -> String {
    let mut text = format!("{}\n\n", report::origin());
    if let Some([ours, theirs]) = &figures.applied {
        apply(&mut text, ours, theirs, figures.million.as_ref());
    }
    if !figures.opened.is_empty() {
        opened(&mut text, &figures.opened);
    }
    if !figures.loads.is_empty() {
        loads(&mut text, &figures.loads);
    }
    row(&mut text, &["figure", "measured", "bar", ""]);
    row(&mut text, &["---", "---:", "---:", "---"]);
    for Bar {
        what,
        figure,
        demanded,
        is_met,
    } in bars(figures)
    {
        let verdict = if is_met { "met" } else { "MISSED" };
        row(&mut text, &[&what, &figure, demanded, verdict]);
    }
    text
}

fn apply(text: &mut String, ours: &Applied, theirs: &Applied, many: Option<&Applied>) {
    let each = ours.wire_bytes as f64 / ours.records as f64;
    add(
        text,
        &format!("A record has {each:.0} bytes on the wire.\n"),
    );
    let heads = [
        "page",
        "records",
        "records per CPU s",
        "module, bytes a record",
        "heaps, bytes a record",
    ];
    row(text, &heads);
    row(text, &["---", "---:", "---:", "---:", "---:"]);
    let pages = [
        Some(("this page's worker", ours)),
        Some(("protobufjs + fzstd + plain objects", theirs)),
        many.map(|many| ("this page's worker", many)),
    ];
    for (name, applied) in pages.into_iter().flatten() {
        let each = |bytes: f64| format!("{:.0}", bytes / applied.records as f64);
        let cells = [
            name.to_owned(),
            applied.records.to_string(),
            format!("{:.0}", rate(applied)),
            each(applied.module_bytes),
            each(applied.heap_bytes),
        ];
        row(text, &cells.each_ref().map(String::as_str));
    }
    add(text, "");
}

fn opened(text: &mut String, runs: &[Opened]) {
    let heads = [
        "spans of one run",
        "lines held",
        "open, ms",
        "frames while panning and zooming: p50, ms",
        "p99, ms",
        "longest, ms",
    ];
    row(text, &heads);
    row(text, &["---:"; 6]);
    for run in runs {
        let times = [
            run.open_ms,
            run.frame_p50_ms,
            run.frame_p99_ms,
            run.frame_max_ms,
        ];
        let [open, p50, p99, longest] = times.map(|ms| format!("{ms:.1}"));
        let (spans, held) = (run.spans.to_string(), format!("{:.0}", run.held));
        row(text, &[&spans, &held, &open, &p50, &p99, &longest]);
    }
    add(text, "");
}

fn loads(text: &mut String, loads: &[Load]) {
    let heads = [
        "records a second",
        "records",
        "updates",
        "main thread: CPU ms an update",
        "longest task, ms",
        "worker: CPU us a record",
        "longest slice, ms",
        "slices over 8 ms",
    ];
    row(text, &heads);
    row(text, &["---:"; 8]);
    for load in loads {
        let rate = match load.rate {
            0 => "all at once".to_owned(),
            rate => rate.to_string(),
        };
        let cells = [
            rate,
            format!("{:.0}", load.records),
            format!("{:.0}", load.updates),
            format!("{:.2}", main_per_update(load)),
            format!("{:.1}", load.main_longest_ms),
            format!("{:.1}", load.worker_cpu_ms * 1e3 / load.records.max(1.0)),
            format!("{:.1}", load.worker_longest_ms),
            format!("{:.0}", load.worker_long),
        ];
        row(text, &cells.each_ref().map(String::as_str));
    }
    add(text, "");
}

fn main_per_update(load: &Load) -> f64 {
    load.main_cpu_ms / load.updates.max(1.0)
}

pub(super) fn bars_are_met(figures: &Figures) -> bool {
    bars(figures).iter().all(|bar| bar.is_met)
}

fn bars(figures: &Figures) -> Vec<Bar> {
    let mut bars = Vec::new();
    if let Some([ours, theirs]) = &figures.applied {
        let ratio = rate(ours) / rate(theirs);
        bars.push(Bar {
            what: "records applied per CPU second, over the other page's".to_owned(),
            figure: format!("{ratio:.2}"),
            demanded: "2",
            is_met: ratio >= 2.0,
        });
    }
    if let Some(many) = &figures.million {
        let taken = many.module_bytes + many.heap_bytes;
        let most = 2.0 * many.wire_bytes as f64 + MEMORY_BESIDE;
        bars.push(Bar {
            what: format!("memory at {} records, MiB", many.records),
            figure: format!("{:.0} of {:.0}", taken / MIB, most / MIB),
            demanded: "2 x the wire + 64 MiB",
            is_met: taken <= most,
        });
    }
    let mut time = |what: String, ms: f64, demanded, most: f64| {
        bars.push(Bar {
            what,
            figure: format!("{ms:.0} ms"),
            demanded,
            is_met: ms <= most,
        });
    };
    if let Some(first) = figures.first {
        let what = format!("navigation to the first run, {} records", first.records);
        time(what, first.first_ms, "1 s", 1_000.0);
    }
    if let Some(capture) = figures.capture {
        let what = format!("capture of {} records: first run", capture.records);
        time(what, capture.first_ms, "1 s", 1_000.0);
        let what = format!("capture of {} records: whole", capture.records);
        time(what, capture.whole_ms, "15 s", 15_000.0);
    }
    if let Some(smallest) = figures.opened.first() {
        let what = format!("run of {} spans: open", smallest.spans);
        time(what, smallest.open_ms, "200 ms", 200.0);
    }
    if let Some(visible) = figures.visible {
        let what = format!("append to the screen, p99 (p50 {:.0} ms)", visible.p50_ms);
        time(what, visible.p99_ms, "100 ms", 100.0);
    }
    for load in &figures.loads {
        threads(&mut bars, load);
    }
    bars
}

/// What no thread of the page may do at any rate.
fn threads(bars: &mut Vec<Bar>, load: &Load) {
    let rate = match load.rate {
        0 => format!("{:.0} records at once", load.records),
        rate => format!("{rate} records a second"),
    };
    let mut most = |what: &str, ms: f64, demanded, most: f64| {
        bars.push(Bar {
            what: format!("{rate}: {what}"),
            figure: format!("{ms:.1} ms"),
            demanded,
            is_met: ms <= most,
        });
    };
    most("main thread an update", main_per_update(load), "4 ms", 4.0);
    most(
        "longest task of the page",
        load.main_longest_ms,
        "50 ms",
        50.0,
    );
    most(
        "longest slice of the worker",
        load.worker_longest_ms,
        "8 ms",
        8.0,
    );
}

fn rate(applied: &Applied) -> f64 {
    applied.records as f64 / applied.cpu_seconds
}

fn row(text: &mut String, cells: &[&str]) {
    add(text, &format!("| {} |", cells.join(" | ")));
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string can be written to");
}

const MIB: f64 = 1024.0 * 1024.0;
const MEMORY_BESIDE: f64 = 64.0 * MIB;
