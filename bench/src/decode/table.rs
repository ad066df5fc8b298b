//! The section of the document.

use std::fmt::Write as _;

use super::{BARS, Contender, Figures, Script, native::Way};
use crate::process::{line_of, machine};

pub(super) fn section(figures: &Figures) -> String {
    let mut text = String::new();
    let commit = line_of("git", &["describe", "--always", "--dirty"]);
    let date = line_of("date", &["-u", "+%Y-%m-%d"]);
    let [node, chromium] = &figures.engines;
    add(
        &mut text,
        &format!(
            "Measured on {date}, commit {commit}, {},\n{node}, {chromium}.\n",
            machine()
        ),
    );
    inputs(&mut text, figures);
    rates(&mut text, figures);
    ratios(&mut text, figures);
    text
}

fn inputs(text: &mut String, figures: &Figures) {
    add(
        text,
        "| corpus | payloads | bytes a payload | WebSocket messages |",
    );
    add(text, "| --- | ---: | ---: | ---: |");
    for corpus in &figures.corpora {
        let count = corpus.payloads.len();
        let mean = corpus.payload_bytes() / count;
        add(
            text,
            &format!(
                "| {} | {count} | {mean} | {} |",
                corpus.name,
                corpus.messages.len()
            ),
        );
    }
}

fn rates(text: &mut String, figures: &Figures) {
    add(
        text,
        "\n| payloads per CPU second | small | batch | checkpoint |",
    );
    add(text, "| --- | ---: | ---: | ---: |");
    for (contender, row) in Contender::ALL.iter().zip(&figures.rates) {
        let cells: Vec<_> = row.iter().map(|rate| rounded(*rate)).collect();
        add(
            text,
            &format!("| {} | {} |", name(*contender), cells.join(" | ")),
        );
    }
}

fn ratios(text: &mut String, figures: &Figures) {
    add(text, "\n| ratio | small | batch | checkpoint |");
    add(text, "| --- | ---: | ---: | ---: |");
    let mut row = |label: &str, value: &dyn Fn(usize) -> String| {
        let cells: Vec<_> = (0..BARS.len()).map(value).collect();
        add(text, &format!("| {label} | {} |", cells.join(" | ")));
    };
    row("module over JavaScript, Chromium", &|corpus| {
        times(figures.gain(Contender::Chromium, corpus))
    });
    row("the bar", &|corpus| {
        let met = figures.gain(Contender::Chromium, corpus) >= BARS[corpus];
        format!(
            "{}: {}",
            times(BARS[corpus]),
            if met { "met" } else { "MISSED" }
        )
    });
    row("module over JavaScript, Node", &|corpus| {
        times(figures.gain(Contender::Node, corpus))
    });
    let native = |way, corpus| figures.rate(Contender::Native(way), corpus);
    row("floor over native columns", &|corpus| {
        times(native(Way::WalkLibzstd, corpus) / native(Way::Columns, corpus))
    });
    row("floor over the page's path", &|corpus| {
        times(native(Way::WalkLibzstd, corpus) / native(Way::Page, corpus))
    });
    row("floor over admission", &|corpus| {
        times(native(Way::WalkLibzstd, corpus) / native(Way::Admission, corpus))
    });
    row("native columns over the module in Chromium", &|corpus| {
        times(
            native(Way::Columns, corpus) / figures.rate(Contender::Chromium(Script::Wasm), corpus),
        )
    });
    row("share of decompression in native columns", &|corpus| {
        format!(
            "{:.0} %",
            100.0 * native(Way::Columns, corpus) / native(Way::Inflate, corpus)
        )
    });
}

fn name(contender: Contender) -> &'static str {
    match contender {
        Contender::Chromium(Script::JavaScript) => "Chromium worker: protobufjs + fzstd",
        Contender::Chromium(Script::Wasm) => "Chromium worker: the module, to columns",
        Contender::Node(Script::JavaScript) => "Node: protobufjs + fzstd",
        Contender::Node(Script::Wasm) => "Node: the module, to columns",
        Contender::Native(Way::Columns) => "native: the same, to columns",
        Contender::Native(Way::Page) => "native: the page's path, store and lists",
        Contender::Native(Way::Facts) => "native: decode-core, one payload at a time",
        Contender::Native(Way::Admission) => "native: the relay's admission, into segments",
        Contender::Native(Way::Inflate) => "native: decompression alone (zstd-rs)",
        Contender::Native(Way::ProstOurs) => "native: prost + zstd-rs",
        Contender::Native(Way::ProstLibzstd) => "native: prost + libzstd",
        Contender::Native(Way::WalkLibzstd) => "native floor: walk + libzstd",
    }
}

/// Three digits are more than the machine is steady for.
fn rounded(rate: f64) -> String {
    let digits = rate.log10().floor() as i32 - 2;
    let unit = 10f64.powi(digits.max(0));
    let number = ((rate / unit).round() * unit) as u64;
    let text = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn times(ratio: f64) -> String {
    format!("{ratio:.2}")
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string can be written to");
}
