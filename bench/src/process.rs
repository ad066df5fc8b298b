//! What the kernel says of a process.

use std::{fs, process::Command, sync::OnceLock};

/// What a measurement took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Processor seconds of the process that is measured.
    pub(crate) cpu_seconds: f64,
    /// Time from its first request to its last byte.
    pub(crate) wall_seconds: f64,
}

/// Processor time of all its threads so far, user and system, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    seconds_of(pid, OWN_TIMES)
}

/// Processor time of all its children that have ended and were waited for, in seconds.
pub(crate) fn children_cpu_seconds() -> f64 {
    seconds_of(std::process::id(), CHILDRENS_TIMES)
}

/// The user's time and the system's, which are fields side by side.
fn seconds_of(pid: u32, first: usize) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    // The name before it is in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')').expect("the format of /proc/PID/stat");
    let mut fields = fields.split_whitespace().skip(first);
    let mut ticks = || -> f64 {
        let text = fields.next().expect("the format of /proc/PID/stat");
        text.parse().expect("a number of ticks")
    };
    (ticks() + ticks()) / ticks_per_second()
}

/// Resident memory in bytes.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("the format of /proc/PID/status") * 1024
}

/// Processor and number of cores, for the report.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |text| {
        text.trim_start_matches([' ', '\t', ':'])
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{model}, {cores} cores")
}

/// The first line a program prints, or nothing.
pub(crate) fn line_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn ticks_per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| line_of("getconf", &["CLK_TCK"]).parse().unwrap_or(100.0))
}

/// Where they stand behind the name in `/proc/PID/stat`.
const OWN_TIMES: usize = 11;
const CHILDRENS_TIMES: usize = 13;
