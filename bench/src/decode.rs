//! `bench decode`: what decoding costs, natively and in the browser, beside what it is compared with.
//!
//! Everything is messages per second of processor time, in one run on one machine. Within a round the
//! contenders take turns on one corpus, so that a disturbance of the machine meets all of them.

pub(crate) mod corpus;
mod engine;
pub(crate) mod native;
mod table;

use std::{path::PathBuf, process::ExitCode};

use crate::report;
use corpus::Corpus;
use engine::Engine;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Repetitions of each figure, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Share of the corpora, in percent. Less than 100 is for trying things out.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    percent: u64,
    /// Seconds each contender decodes a corpus in a round, in whole passes over it.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Document whose section is to be replaced.
    #[arg(long)]
    document: Option<PathBuf>,
}

/// Who decodes, where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contender {
    /// In this process.
    Native(native::Way),
    Node(Script),
    Chromium(Script),
}

/// The contenders of `bench/web/contenders.mjs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    JavaScript,
    Wasm,
}

/// Messages per second of processor time: one row of [`Contender::ALL`], one column per corpus.
struct Figures {
    rates: Vec<Vec<f64>>,
    engines: [String; 2],
    corpora: Vec<Corpus>,
}

impl Contender {
    const ALL: &[Self] = &[
        Self::Chromium(Script::JavaScript),
        Self::Chromium(Script::Wasm),
        Self::Node(Script::JavaScript),
        Self::Node(Script::Wasm),
        Self::Native(native::Way::Columns),
        Self::Native(native::Way::Page),
        Self::Native(native::Way::Facts),
        Self::Native(native::Way::Admission),
        Self::Native(native::Way::Inflate),
        Self::Native(native::Way::ProstOurs),
        Self::Native(native::Way::ProstLibzstd),
        Self::Native(native::Way::WalkLibzstd),
    ];
}

impl Figures {
    fn rate(&self, contender: Contender, corpus: usize) -> f64 {
        let mut rows = Contender::ALL.iter().zip(&self.rates);
        let found = rows.find(|(other, _)| **other == contender);
        found.map_or(f64::NAN, |(_, row)| row[corpus])
    }

    /// How many times as fast the module is as JavaScript in the same engine.
    fn gain(&self, in_engine: fn(Script) -> Contender, corpus: usize) -> f64 {
        self.rate(in_engine(Script::Wasm), corpus)
            / self.rate(in_engine(Script::JavaScript), corpus)
    }

    fn bars_are_met(&self) -> bool {
        let mut bars = BARS.iter().enumerate();
        bars.all(|(corpus, bar)| self.gain(Contender::Chromium, corpus) >= *bar)
    }
}

pub(crate) fn command(options: &Options) -> ExitCode {
    let figures = measure(options);
    let text = table::section(&figures);
    println!("{text}");
    if let Some(document) = &options.document {
        report::replace_in(document, "decode", &text);
        println!("written to {}", document.display());
    }
    if figures.bars_are_met() {
        ExitCode::SUCCESS
    } else {
        eprintln!("a bar is missed");
        ExitCode::FAILURE
    }
}

fn measure(options: &Options) -> Figures {
    let folder = corpus::provide(options.percent);
    let corpora: Vec<_> = corpus::NAMES
        .iter()
        .map(|name| Corpus::load(&folder, name))
        .collect();
    let mut node = Engine::node(&folder);
    let mut chromium = Engine::chromium(&folder);
    let mut rates = vec![vec![f64::NAN; corpora.len()]; Contender::ALL.len()];
    for (column, corpus) in corpora.iter().enumerate() {
        agree(corpus, &mut node, &mut chromium);
        let mut samples = vec![Vec::new(); Contender::ALL.len()];
        for round in 0..options.rounds {
            eprintln!("{}: round {} of {}", corpus.name, round + 1, options.rounds);
            for (contender, samples) in Contender::ALL.iter().zip(&mut samples) {
                let seconds = options.seconds;
                let (passes, cpu_seconds) = match contender {
                    Contender::Native(way) => native::run(*way, corpus, seconds),
                    Contender::Node(script) => node.run(*script, corpus, seconds),
                    Contender::Chromium(script) => chromium.run(*script, corpus, seconds),
                };
                samples.push((passes * corpus.payloads.len()) as f64 / cpu_seconds);
            }
        }
        for (row, samples) in rates.iter_mut().zip(&mut samples) {
            row[column] = median(samples);
        }
    }
    Figures {
        rates,
        engines: [node.version.clone(), chromium.version.clone()],
        corpora,
    }
}

/// Who does not read the same is not measured.
fn agree(corpus: &Corpus, node: &mut Engine, chromium: &mut Engine) {
    let ours = native::facts(corpus);
    for engine in [node, chromium] {
        for script in [Script::JavaScript, Script::Wasm] {
            let theirs = engine.facts(script, corpus);
            assert_eq!(
                theirs, ours,
                "{}: {script:?} in {}",
                corpus.name, engine.version
            );
        }
    }
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// At least this many times as fast as JavaScript in Chromium, by corpus.
const BARS: [f64; 3] = [3.0, 2.0, 1.2];
