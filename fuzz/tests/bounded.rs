//! Each target over its corpus and a few seconds of seeded inputs. `DASHSTREAM_FUZZ_SECONDS` makes
//! it longer.

use std::time::Duration;

use fuzz_targets::{TARGETS, runner, targets};

fn bounded(name: &str) {
    let target = targets::find(name).expect("a target");
    let seconds = std::env::var("DASHSTREAM_FUZZ_SECONDS")
        .ok()
        .map_or(SECONDS, |text| text.parse().expect("a number"));
    let outcome = runner::run(target, SEED, Duration::from_secs(seconds));
    eprintln!(
        "{name}: {} runs, slowest {:?}",
        outcome.runs, outcome.slowest
    );
    if let Some((input, text)) = outcome.failure {
        let input = runner::shrink(target, &input);
        panic!("{text}\n{} bytes: {input:02x?}", input.len());
    }
    assert!(outcome.runs > runner::corpus(target).len() as u64);
}

macro_rules! bounded {
    ($($(#[$meta:meta])* $name:ident = $target:literal;)+) => {
        $($(#[$meta])* #[test] fn $name() { bounded($target); })+

        #[test]
        fn every_target_is_run() {
            let tested = [$($target),+];
            assert!(TARGETS.iter().all(|target| tested.contains(&target.name)));
        }
    };
}

bounded! {
    /// DEC-02, DEC-11
    decoder = "decoder";
    /// DEC-11
    text = "text";
    /// DEC-11
    differential_prost = "prost";
    /// DEC-03, DEC-11
    differential_libzstd = "zstd";
    /// DEC-04
    differential_libzstd_intact = "zstd-intact";
    /// STA-01, DEC-11
    state = "state";
    /// DEC-11
    frames = "frames";
    /// DEC-11
    store = "store";
    /// DEC-11
    capture = "capture";
    /// RES-23
    control = "control";
    /// X1: what a broker sends makes no panic.
    kafka_answers = "kafka-answers";
    /// X1, X24
    kafka_batches = "kafka-batches";
    /// RES-02
    session = "session";
}

const SECONDS: u64 = 3;
const SEED: u64 = 20_260_730;
