//! `dashstream validate` over a file of payloads, beside a program that reads the same file, decompresses with libzstd
//! and walks over the fields.

use std::{
    env, fs,
    io::{BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use dashstream_proto::schema;

use crate::{
    decode::corpus,
    process::{Cost, children_cpu_seconds},
    report,
    walk::{self, Libzstd},
};

/// What to measure, and how long.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Repetitions of each figure, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Size of each file of payloads, in MB.
    #[arg(long, default_value_t = 200)]
    megabytes: u64,
    /// Document whose table is to be replaced.
    #[arg(long)]
    document: Option<PathBuf>,
}

/// A file that the floor reads.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Walk {
    file: PathBuf,
}

/// One corpus.
struct Row {
    name: &'static str,
    bytes: u64,
    floor: Cost,
    one_core: Cost,
    two_cores: Cost,
    /// How much faster the tool is on two cores, and how much more two floors do, one on each.
    gain: f64,
    gain_of_floors: f64,
}

impl Row {
    /// Payloads per processor second on one core, as a share of the floor's.
    fn share(&self) -> f64 {
        self.floor.cpu_seconds / self.one_core.cpu_seconds
    }

    fn meets_the_bars(&self) -> bool {
        self.share() >= SHARE_MIN && self.gain >= GAIN_MIN
    }
}

/// Measures, prints, and says whether the bars are met; `None` where a part is missing.
pub(crate) fn run(options: &Options) -> Option<bool> {
    let tool = PathBuf::from(env::var_os("DASHSTREAM_CLI_BIN")?);
    let folder = corpus::provide(100);
    let rows: Vec<_> = corpus::NAMES
        .iter()
        .map(|&name| {
            let file = repeated(&folder, name, options.megabytes * 1_000_000);
            compare(&tool, name, &file, options.rounds.max(1))
        })
        .collect();
    let text = table(&rows);
    println!("{text}");
    if let Some(document) = &options.document {
        report::replace_in(document, "tool", &text);
        println!("written to {}", document.display());
    }
    Some(rows.iter().all(Row::meets_the_bars))
}

/// A corpus as often as it takes to fill a file of that size.
fn repeated(folder: &Path, name: &str, bytes: u64) -> PathBuf {
    let once = fs::read(folder.join(format!("{name}.bin"))).expect("the corpus was provided");
    let path = folder.join(format!("{name}.delimited"));
    let mut file = fs::File::create(&path).expect("room for a file");
    for _ in 0..bytes.div_ceil(once.len() as u64) {
        file.write_all(&once).expect("room for the payloads");
    }
    path
}

fn compare(tool: &Path, name: &'static str, file: &Path, rounds: usize) -> Row {
    let floor = env::current_exe().expect("a running program has a path");
    let costs: Vec<[Cost; 4]> = (0..rounds)
        .map(|round| {
            eprintln!("{name}, round {}", round + 1);
            [
                cost(&floor, "walk", file, "0"),
                cost(tool, "validate", file, "0"),
                cost(tool, "validate", file, "0,1"),
                at_once(&floor, file),
            ]
        })
        .collect();
    let median =
        |at: usize| report::median(costs.iter().filter_map(|round| round.get(at).copied()));
    let gains = costs
        .iter()
        .map(|[_, one, two, _]| one.wall_seconds / two.wall_seconds);
    let gains_of_floors = costs
        .iter()
        .map(|[one, _, _, both]| 2.0 * one.wall_seconds / both.wall_seconds);
    Row {
        name,
        gain: report::middle(gains),
        gain_of_floors: report::middle(gains_of_floors),
        bytes: fs::metadata(file).expect("it was written").len(),
        floor: median(0),
        one_core: median(1),
        two_cores: median(2),
    }
}

/// What a program costs that may run on those cores only.
fn cost(program: &Path, command: &str, file: &Path, cores: &str) -> Cost {
    costs(|| vec![started(program, command, file, cores)])
}

/// The floor on each of two cores.
fn at_once(floor: &Path, file: &Path) -> Cost {
    costs(|| {
        ["0", "1"]
            .map(|core| started(floor, "walk", file, core))
            .into()
    })
}

fn started(program: &Path, command: &str, file: &Path, cores: &str) -> Child {
    Command::new("taskset")
        .args(["--cpu-list", cores])
        .arg(program)
        .arg(command)
        .arg(file)
        .stdout(Stdio::null())
        .spawn()
        .expect("taskset of util-linux can be started")
}

fn costs(start: impl FnOnce() -> Vec<Child>) -> Cost {
    let (cpu, begun) = (children_cpu_seconds(), Instant::now());
    for mut child in start() {
        let status = child.wait().expect("a child can be waited for");
        assert!(
            status.success(),
            "cores 0 and 1 may be used, and the corpus is accepted"
        );
    }
    Cost {
        cpu_seconds: children_cpu_seconds() - cpu,
        wall_seconds: begun.elapsed().as_secs_f64(),
    }
}

/// The floor's process.
pub(crate) fn walk(order: &Walk) {
    let file = fs::File::open(&order.file).expect("the file can be opened");
    let mut input = BufReader::with_capacity(READ_BYTES, file);
    let mut libzstd = Libzstd::new();
    let (mut payload, mut len) = (Vec::new(), [0; 4]);
    while input.read_exact(&mut len).is_ok() {
        payload.resize(u32::from_le_bytes(len) as usize, 0);
        input.read_exact(&mut payload).expect("a whole payload");
        let body = libzstd.unwrap(&payload);
        walk::fields(body, schema::DASH_STREAM_MESSAGE).expect("a valid message");
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{}\n\n| corpus | MB | floor, MB per CPU s | one core, MB per CPU s | share | one core, s | two cores, s | gain | gain of two floors |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        report::origin()
    );
    for row in rows {
        let megabytes = row.bytes as f64 / 1e6;
        text += &format!(
            "| {} | {megabytes:.0} | {:.0} | {:.0} | {:.0} % | {:.2} | {:.2} | {:.2} | {:.2} |\n",
            row.name,
            megabytes / row.floor.cpu_seconds,
            megabytes / row.one_core.cpu_seconds,
            row.share() * 100.0,
            row.one_core.wall_seconds,
            row.two_cores.wall_seconds,
            row.gain,
            row.gain_of_floors,
        );
    }
    let met = rows.iter().all(Row::meets_the_bars);
    let said = if met { "met" } else { "MISSED" };
    text + &format!("\nBars (60 % of the floor on one core, 1.8 times as fast on two): {said}.")
}

const SHARE_MIN: f64 = 0.6;
const GAIN_MIN: f64 = 1.8;
const READ_BYTES: usize = 1 << 20;
