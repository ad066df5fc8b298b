//! `bench web`: what the page does in Chromium, beside a page that decodes with protobufjs and fzstd and keeps its
//! runs as plain objects.
//!
//! Each figure is taken in a browser of its own, started for it, so that nothing is cached or compiled before. Before
//! anything is timed, both pages must have found the same runs.

mod corpus;
mod live;
mod runs;
mod script;
mod table;

use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use crate::report;
use corpus::Capture;
use live::{Load, Visible};
use script::{Served, number};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Repetitions of each figure, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Share of the records, in percent. Less than 100 is for trying things out.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    percent: u64,
    /// Only the figures of this name; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Document whose section is to be replaced.
    #[arg(long)]
    document: Option<PathBuf>,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Records applied per CPU second, and memory.
    Apply,
    /// From navigation to the first run.
    First,
    /// A capture opened in the page.
    Capture,
    /// A large run: opened, panned, zoomed.
    Run,
    /// What the threads do at steady rates and in a replay.
    Live,
    /// From append to the screen.
    Visible,
}

/// One contender's readings of a capture.
#[derive(Clone, Debug)]
struct Applied {
    records: u64,
    wire_bytes: u64,
    cpu_seconds: f64,
    /// Of the module alone, and of JavaScript's heaps, both without what an empty page takes.
    module_bytes: f64,
    heap_bytes: f64,
}

/// A run that was opened.
#[derive(Clone, Copy, Debug)]
struct Opened {
    spans: usize,
    /// Lines that the page shows of it: a run is held in a bounded amount of memory, and of one that is larger the
    /// latest part.
    held: f64,
    open_ms: f64,
    frame_p50_ms: f64,
    frame_p99_ms: f64,
    frame_max_ms: f64,
}

/// Two times of one event: until the first run showed, and until everything had come.
#[derive(Clone, Copy, Debug)]
struct Shown {
    records: u64,
    first_ms: f64,
    whole_ms: f64,
}

#[derive(Debug, Default)]
struct Figures {
    /// The product's and the other's, at the records at which both can be measured.
    applied: Option<[Applied; 2]>,
    /// The product's at many more.
    million: Option<Applied>,
    first: Option<Shown>,
    capture: Option<Shown>,
    opened: Vec<Opened>,
    loads: Vec<Load>,
    visible: Option<Visible>,
}

pub(crate) fn command(options: &Options) -> ExitCode {
    let figures = measure(options);
    let text = table::section(&figures);
    println!("{text}");
    if let Some(document) = &options.document {
        report::replace_in(document, "web", &text);
        println!("written to {}", document.display());
    }
    if table::bars_are_met(&figures) {
        ExitCode::SUCCESS
    } else {
        eprintln!("a bar is missed");
        ExitCode::FAILURE
    }
}

fn measure(options: &Options) -> Figures {
    let wants = |part| options.only.is_empty() || options.only.contains(&part);
    let share = |count: u64| (count * options.percent / 100).max(1);
    let rounds = options.rounds.max(1);
    let mut figures = Figures::default();
    if wants(Part::Apply) {
        let capture = corpus::of_runs(share(RECORDS_APPLIED));
        agree(&capture);
        figures.applied = Some(beside(&capture, rounds));
        let million = corpus::of_runs(share(RECORDS_MANY));
        figures.million = Some(median(rounds.min(2), |_| {
            apply(Contender::Module, &million)
        }));
    }
    if wants(Part::First) {
        let capture = corpus::of_runs(share(RECORDS));
        let served = Served::start("first", &capture);
        figures.first = Some(shown(rounds, &capture, || {
            script::row("first", json!({ "address": served.address }))
        }));
    }
    if wants(Part::Capture) {
        let capture = corpus::of_runs(share(RECORDS_MANY));
        figures.capture = Some(shown(rounds, &capture, || {
            script::row("capture", json!({ "capture": capture.file }))
        }));
    }
    if wants(Part::Run) {
        for spans in SPANS {
            let spans = share(*spans as u64) as usize;
            figures.opened.push(opened(rounds, spans));
        }
    }
    let seconds = (LIVE_SECONDS * options.percent / 100).max(LIVE_SECONDS_MIN);
    if wants(Part::Live) {
        figures.loads = loads(seconds, share(RECORDS_MANY));
    }
    if wants(Part::Visible) {
        figures.visible = live::visible(seconds);
    }
    figures
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contender {
    Module,
    JavaScript,
}

impl Contender {
    const fn name(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::JavaScript => "js",
        }
    }
}

fn read(contender: Contender, capture: &Capture) -> serde_json::Value {
    let options = json!({ "contender": contender.name(), "capture": capture.file });
    script::row("apply", options)
}

/// Who does not find the same runs is not measured.
fn agree(capture: &Capture) {
    let [ours, theirs] = [Contender::Module, Contender::JavaScript]
        .map(|contender| read(contender, capture)["digest"].clone());
    assert_eq!(ours, theirs, "the two pages find other runs");
    assert!(ours["runs"].as_u64() > Some(0), "no runs found: {ours}");
}

fn apply(contender: Contender, capture: &Capture) -> Applied {
    let read = read(contender, capture);
    let grown = |what| number(&read["memory"][what]) - number(&read["empty"][what]);
    Applied {
        records: capture.records,
        wire_bytes: capture.wire_bytes,
        cpu_seconds: number(&read["cpuSeconds"]),
        module_bytes: grown("module"),
        heap_bytes: grown("heaps"),
    }
}

/// Within a round both take turns, so that a disturbance of the machine meets both.
fn beside(capture: &Capture, rounds: usize) -> [Applied; 2] {
    let mut samples = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        eprintln!("apply: round {} of {rounds}", round + 1);
        samples[0].push(apply(Contender::Module, capture));
        samples[1].push(apply(Contender::JavaScript, capture));
    }
    samples.map(|samples| {
        let mut samples = samples.into_iter();
        median(rounds, |_| samples.next().expect("one a round"))
    })
}

/// The one in the middle, by processor time.
fn median(rounds: usize, mut sample: impl FnMut(usize) -> Applied) -> Applied {
    let mut samples: Vec<_> = (0..rounds).map(&mut sample).collect();
    samples.sort_by(|a, b| a.cpu_seconds.total_cmp(&b.cpu_seconds));
    samples.swap_remove(rounds / 2)
}

fn shown(rounds: usize, capture: &Capture, mut sample: impl FnMut() -> serde_json::Value) -> Shown {
    let samples: Vec<_> = (0..rounds).map(|_| sample()).collect();
    let middle = |what: &str| middle_of(samples.iter().map(|sample| number(&sample[what])));
    Shown {
        records: capture.records,
        first_ms: middle("firstMs"),
        whole_ms: middle("wholeMs"),
    }
}

fn opened(rounds: usize, spans: usize) -> Opened {
    let capture = corpus::of_one_run(spans);
    let served = Served::start(&format!("run-{spans}"), &capture);
    let sample = |_| script::row("run", json!({ "address": served.address }));
    let samples: Vec<_> = (0..rounds).map(sample).collect();
    let middle = |what: &str| middle_of(samples.iter().map(|sample| number(&sample[what])));
    Opened {
        spans,
        held: middle("held"),
        open_ms: middle("openMs"),
        frame_p50_ms: middle("p50Ms"),
        frame_p99_ms: middle("p99Ms"),
        frame_max_ms: middle("maxMs"),
    }
}

/// At steady rates for a while, and at last everything at once.
fn loads(seconds: u64, at_once: u64) -> Vec<Load> {
    let mut loads = Vec::new();
    for rate in RATES {
        let capture = corpus::of_runs(rate * (seconds + LIVE_SECONDS_BESIDE));
        loads.push(live::load(&capture, *rate, seconds));
    }
    loads.push(live::load(&corpus::of_runs(at_once), 0, 0));
    loads
}

fn middle_of(samples: impl Iterator<Item = f64>) -> f64 {
    let mut samples: Vec<_> = samples.collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

const RECORDS: u64 = 100_000;
/// So many that what is paid once, such as compiling the module, is the smaller part.
const RECORDS_APPLIED: u64 = 300_000;
const RECORDS_MANY: u64 = 1_000_000;
/// Records a second.
const RATES: &[u64] = &[60, 5_000, 20_000];
const LIVE_SECONDS: u64 = 10;
const LIVE_SECONDS_MIN: u64 = 3;
/// Until the page is open and live, and while the trace is read.
const LIVE_SECONDS_BESIDE: u64 = 20;
const SPANS: &[usize] = &[50_000, 250_000];

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a time: that both pages of the comparison find the same runs is what every figure stands on.
    #[test]
    fn both_pages_find_the_same_runs() {
        if script::is_ready() {
            agree(&corpus::of_runs(3_000));
        }
    }
}
