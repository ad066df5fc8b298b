//! The stable runner: `fuzz [TARGET...] [--seconds N] [--seed N]`, or `fuzz TARGET --file FILE` to
//! try one input. A failing input is made smaller and written to `target/fuzz-found`.

use std::hash::Hasher as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use fnv::FnvHasher;
use fuzz_targets::runner::{self, Outcome};
use fuzz_targets::{TARGETS, Target, targets};

struct Options {
    targets: Vec<&'static Target>,
    seconds: u64,
    seed: u64,
    file: Option<String>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("fuzz: {text}");
            return ExitCode::from(2);
        }
    };
    if let Some(file) = &options.file {
        return try_file(&options.targets, file);
    }
    let mut failed = false;
    for target in &options.targets {
        let budget = Duration::from_secs(options.seconds);
        let outcome = runner::run(target, options.seed, budget);
        report(target, &outcome);
        failed |= outcome.failure.is_some();
    }
    ExitCode::from(u8::from(failed))
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        targets: Vec::new(),
        seconds: 3,
        seed: 1,
        file: None,
    };
    while let Some(word) = words.next() {
        let mut value = |name: &str| words.next().ok_or_else(|| format!("{name} needs a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match word.as_str() {
            "--seconds" => options.seconds = number(value("--seconds")?)?,
            "--seed" => options.seed = number(value("--seed")?)?,
            "--file" => options.file = Some(value("--file")?),
            name => {
                let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                let unknown = || format!("{name} is no target; there are {}", names.join(" "));
                options
                    .targets
                    .push(targets::find(name).ok_or_else(unknown)?);
            }
        }
    }
    if options.targets.is_empty() {
        options.targets = TARGETS.iter().collect();
    }
    Ok(options)
}

fn try_file(targets: &[&Target], file: &str) -> ExitCode {
    let input = match std::fs::read(file) {
        Ok(input) => input,
        Err(error) => {
            eprintln!("fuzz: {file}: {error}");
            return ExitCode::from(2);
        }
    };
    // Not caught: whoever tries one input wants the whole trace.
    targets.iter().for_each(|target| (target.run)(&input));
    println!("{file}: nothing found");
    ExitCode::SUCCESS
}

fn report(target: &Target, outcome: &Outcome) {
    let slowest = outcome.slowest.as_secs_f64() * 1e3;
    println!(
        "{:10} {} runs, slowest {slowest:.1} ms with {} bytes",
        target.name,
        outcome.runs,
        outcome.slowest_input.len()
    );
    let Some((input, text)) = &outcome.failure else {
        return;
    };
    let input = runner::shrink(target, input);
    println!("{}: {text}", target.name);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz-found");
    let file = dir.join(format!("{}-{}", target.name, name_of(&input)));
    match std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&file, &input)) {
        Ok(()) => println!(
            "{}: {} bytes in {}",
            target.name,
            input.len(),
            file.display()
        ),
        Err(error) => println!("{}: not written: {error}: {input:02x?}", target.name),
    }
}

/// One input has one name.
fn name_of(input: &[u8]) -> String {
    let mut hash = FnvHasher::default();
    hash.write(input);
    format!("{:016x}", hash.finish())
}
