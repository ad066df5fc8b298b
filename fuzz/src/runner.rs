//! Runs targets over their corpus and then over seeded inputs until time is up. Without coverage to
//! guide it, it relies on makers that know the formats.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::Target;
use crate::mutate::mutate;
use crate::random::Random;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Inputs tried.
    pub runs: u64,
    /// The longest that one input took.
    pub slowest: Duration,
    /// That input.
    pub slowest_input: Vec<u8>,
    /// The first input that broke a promise, and what the panic said.
    pub failure: Option<(Vec<u8>, String)>,
}

/// Runs a target over its corpus, then until `budget` has passed or an input fails.
#[must_use]
pub fn run(target: &Target, seed: u64, budget: Duration) -> Outcome {
    let mut outcome = Outcome::default();
    let corpus = corpus(target);
    for input in &corpus {
        if !one(target, input, &mut outcome) {
            return outcome;
        }
    }
    let pool: Vec<_> = corpus
        .iter()
        .filter(|input| input.len() <= MUTATED_BYTES_MAX)
        .collect();
    let deadline = Instant::now() + budget;
    let mut round = 0u64;
    while Instant::now() < deadline {
        let mut random = Random::new(seed.wrapping_add(round.wrapping_mul(0xD605_BBB5_8C8A_BC03)));
        round += 1;
        let input = if pool.is_empty() || random.one_in(2) {
            (target.make)(&mut random)
        } else {
            let mut input = random.pick(&pool).to_vec();
            let other = *random.pick(&pool);
            mutate(&mut random, &mut input, other);
            input
        };
        if !one(target, &input, &mut outcome) {
            break;
        }
    }
    outcome
}

fn one(target: &Target, input: &[u8], outcome: &mut Outcome) -> bool {
    let start = Instant::now();
    let failure = attempt(target, input);
    let took = start.elapsed();
    outcome.runs += 1;
    if took > outcome.slowest {
        outcome.slowest = took;
        outcome.slowest_input = input.to_vec();
    }
    outcome.failure = failure.map(|text| (input.to_vec(), text));
    outcome.failure.is_none()
}

thread_local! {
    /// What the panic of this thread's attempt said; `None` outside of attempts.
    static ATTEMPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What the panic said, if there was one.
#[must_use]
pub fn attempt(target: &Target, input: &[u8]) -> Option<String> {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string);
            let text = format!("{}: {}", place.unwrap_or_default(), said(info.payload()));
            let kept = ATTEMPT.with_borrow_mut(|said| said.as_mut().map(|said| *said = text));
            if kept.is_none() {
                before(info);
            }
        }));
    });
    ATTEMPT.set(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let said = ATTEMPT.take();
    result.err().and(said)
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or_default().chars().take(2_000).collect()
}

/// A failing input made smaller: pieces left out and bytes set to zero as long as it still fails.
#[must_use]
pub fn shrink(target: &Target, input: &[u8]) -> Vec<u8> {
    let mut best = input.to_vec();
    let deadline = Instant::now() + SHRINK_MAX;
    let mut piece = best.len() / 2;
    while piece > 0 && Instant::now() < deadline {
        let mut at = 0;
        while at < best.len() && Instant::now() < deadline {
            let mut smaller = best.clone();
            smaller.drain(at..(at + piece).min(best.len()));
            if attempt(target, &smaller).is_some() {
                best = smaller;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    best
}

/// The inputs every run starts with: files found earlier, and the shared vectors.
#[must_use]
pub fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut inputs = Vec::new();
    if let Ok(entries) = std::fs::read_dir(root.join("corpus").join(target.name)) {
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        inputs.extend(files.iter().filter_map(|file| std::fs::read(file).ok()));
    }
    if target.takes_payloads {
        for payload in vectors(&root.join("../vectors/payloads.tsv")) {
            if payload.len() > VECTOR_BYTES_MAX {
                continue;
            }
            // Targets behind the frame byte get what stands behind it.
            inputs.push(payload.get(1..).unwrap_or_default().to_vec());
            inputs.push(payload);
        }
    }
    inputs
}

/// Payloads of the vectors' file; vectors/README.md says how they are written.
fn vectors(file: &Path) -> Vec<Vec<u8>> {
    let lines = std::fs::read_to_string(file).unwrap_or_default();
    let payload = |line: &str| {
        let pieces = line.split('\t').nth(1)?;
        let mut payload = Vec::new();
        for piece in pieces.split(' ').filter(|piece| *piece != "-") {
            let (hex, times) = piece.split_once('*').unwrap_or((piece, "1"));
            let bytes: Option<Vec<u8>> = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok())
                .collect();
            payload.extend(bytes?.repeat(times.parse().ok()?));
        }
        Some(payload)
    };
    lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(payload)
        .collect()
}

/// The hook is one for all threads, so it is set once.
static HOOK: Once = Once::new();
/// Larger vectors are about limits, which their own tests cover.
const VECTOR_BYTES_MAX: usize = 1 << 20;
/// Larger inputs are not mutated: they cost much and say no more.
const MUTATED_BYTES_MAX: usize = 16 * 1024;
/// Time for making one failing input smaller.
const SHRINK_MAX: Duration = Duration::from_secs(20);
