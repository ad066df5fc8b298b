//! `cargo xtask bench zstd`: other decoders behind the seam, natively and as WebAssembly under Node.

#[path = "../../src/decode/corpus.rs"]
mod corpus;
// The benchmarks of the relay use the rest of it.
#[allow(dead_code)]
#[path = "../../src/process.rs"]
mod process;

use std::{fs, panic, path::Path, process::Command, time::Instant};

use dashstream_bench_zstd::{Decompress, Libzstd, Ruzstd, Safe, Structured};

const NAMES: [&str; 4] = ["safe", "ruzstd", "structured", "libzstd"];

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let document = words.iter().position(|word| word == "--document");
    let document = document.and_then(|at| words.get(at + 1));
    let folder = corpus::provide(100);
    let corpora = corpus::NAMES.map(|name| bodies(&folder, name));
    let mut text = format!("Measured on {}, {}.\n\n", today(), process::machine());
    text += "| content MB per CPU second | small | batch | checkpoint |\n| --- | ---: | ---: | ---: |\n";
    for name in NAMES {
        let rates = corpora.each_ref().map(|bodies| native(name, bodies));
        text += &row(&format!("native, {}", title(name)), rates);
    }
    for name in &NAMES[..3] {
        let rates = wasm(name, &folder);
        text += &row(&format!("WebAssembly in Node, {}", title(name)), rates);
    }
    text += "\n| module | bytes added, gzip |\n| --- | ---: |\n";
    let empty = module_bytes("none");
    for name in &NAMES[..3] {
        let added = module_bytes(name).saturating_sub(empty);
        text += &format!("| {} | {added} |\n", title(name));
    }
    text += "\n| against the default, damaged frames | the same | only the default accepts | only the other accepts | \
             other content | panics |\n| --- | ---: | ---: | ---: | ---: | ---: |\n";
    for name in &NAMES[1..] {
        text += &agreement(name, &corpora);
    }
    println!("{text}");
    if let Some(document) = document {
        replace_in(Path::new(document), &text);
    }
}

fn title(name: &str) -> &'static str {
    match name {
        "ruzstd" => "ruzstd 0.9 with decode-core's checks",
        "structured" => "structured-zstd 0.2",
        "safe" => "zstd-rs 0.1 (the default)",
        _ => "libzstd 1.5 (C)",
    }
}

fn new(name: &str) -> Box<dyn Decompress> {
    match name {
        "ruzstd" => Box::new(Ruzstd::default()),
        "structured" => Box::new(Structured::default()),
        "safe" => Box::new(Safe::default()),
        _ => Box::new(Libzstd::default()),
    }
}

fn row(name: &str, rates: [f64; 3]) -> String {
    let [small, batch, checkpoint] = rates;
    format!("| {name} | {small:.0} | {batch:.0} | {checkpoint:.0} |\n")
}

/// Compressed bodies of a corpus.
fn bodies(folder: &Path, name: &'static str) -> Vec<Vec<u8>> {
    let corpus = corpus::Corpus::load(folder, name);
    let bodies: Vec<_> = corpus.compressed().map(<[u8]>::to_vec).collect();
    assert!(
        bodies.len() > 10 && corpus.messages.len() > 10,
        "{}, {} B",
        corpus.name,
        corpus.payload_bytes()
    );
    let mut delimited = Vec::new();
    for body in &bodies {
        delimited.extend_from_slice(&(body.len() as u32).to_le_bytes());
        delimited.extend_from_slice(body);
    }
    fs::write(folder.join(format!("{name}.zst")), delimited).expect("room for the bodies");
    bodies
}

/// The best of a few runs: the machine only ever makes it slower.
fn native(name: &str, bodies: &[Vec<u8>]) -> f64 {
    let mut decoder = new(name);
    let mut best = 0f64;
    for _ in 0..5 {
        let (started, cpu) = (Instant::now(), cpu_nanoseconds());
        let mut bytes = 0;
        while started.elapsed().as_millis() < 400 {
            for body in bodies {
                bytes += decoder.decompress(body).expect("a valid frame").len();
            }
        }
        best = best.max(bytes as f64 * 1e3 / (cpu_nanoseconds() - cpu) as f64);
    }
    best
}

fn cpu_nanoseconds() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel that counts");
    let first = text.split_whitespace().next();
    first
        .and_then(|text| text.parse().ok())
        .expect("the format of schedstat")
}

fn wasm(name: &str, folder: &Path) -> [f64; 3] {
    let root = corpus::root();
    let mut node = Command::new("node");
    node.arg(root.join("bench/web/zstd.mjs"))
        .arg(built(name))
        .arg(folder);
    let output = node.output().expect("Node is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text
        .split_whitespace()
        .map(|word| word.parse().expect("a rate"));
    [(); 3].map(|()| numbers.next().expect("three rates"))
}

fn built(name: &str) -> std::path::PathBuf {
    corpus::root().join("target/bench/zstd-modules").join(name)
}

fn module_bytes(name: &str) -> usize {
    let file = built(name).join("module_bg.wasm");
    let output = Command::new("gzip").arg("-9c").arg(file).output();
    output.expect("gzip is installed").stdout.len()
}

/// The other decoder's verdicts on damaged frames beside the default's.
fn agreement(name: &str, corpora: &[Vec<Vec<u8>>]) -> String {
    let short = corpora.iter().flatten().filter(|body| body.len() <= 4096);
    let whole: Vec<_> = short.take(4000).collect();
    let (mut ours, mut theirs) = (Safe::default(), new(name));
    let (mut same, mut only_ours, mut only_theirs, mut other, mut panics) = (0, 0, 0, 0, 0);
    let mut random = Random(20_260_730);
    panic::set_hook(Box::new(|_| {}));
    for _ in 0..DAMAGED {
        let at = random.below(whole.len());
        let damaged = random.damage(whole[at]);
        let decode = panic::AssertUnwindSafe(|| theirs.decompress(&damaged).map(<[u8]>::to_vec));
        let Ok(theirs_says) = panic::catch_unwind(decode) else {
            panics += 1;
            theirs = new(name);
            continue;
        };
        match (ours.decompress(&damaged), theirs_says) {
            (None, None) => same += 1,
            (Some(a), Some(b)) if a == b => same += 1,
            (Some(_), Some(_)) => other += 1,
            (Some(_), None) => only_ours += 1,
            (None, Some(_)) => only_theirs += 1,
        }
    }
    drop(panic::take_hook());
    let title = title(name);
    format!(
        "| {title} | {same} of {DAMAGED} | {only_ours} | {only_theirs} | {other} | {panics} |\n"
    )
}

const DAMAGED: usize = 100_000;

/// A linear congruential generator: the same damage everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }

    /// One to four bits, bytes or cuts.
    fn damage(&mut self, body: &[u8]) -> Vec<u8> {
        let mut bytes = body.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len().max(1));
            match (self.below(4), bytes.get_mut(at)) {
                (0, _) => bytes.truncate(at),
                (1, Some(byte)) => *byte = self.below(256) as u8,
                (_, Some(byte)) => *byte ^= 1 << self.below(8),
                (_, None) => {}
            }
        }
        bytes
    }
}

fn today() -> String {
    process::line_of("date", &["-u", "+%Y-%m-%d"])
}

fn replace_in(document: &Path, section: &str) {
    let old = fs::read_to_string(document).expect("the document can be read");
    let (before, rest) = old
        .split_once(BEGIN)
        .expect("the document has the begin mark");
    let (_, after) = rest.split_once(END).expect("the document has the end mark");
    let new = format!("{before}{BEGIN}\n\n{section}\n{END}{after}");
    fs::write(document, new).expect("the document can be written");
}

const BEGIN: &str = "<!-- bench zstd: begin -->";
const END: &str = "<!-- bench zstd: end -->";
