//! What runs beside this process: the scripts that drive Chromium, and a capture served as from a relay.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use dashstream_e2e::{child::until, cli::Cli, place};
use serde_json::Value;

use super::corpus::Capture;

/// One figure, from `bench/web/rows`.
pub(super) fn row(name: &str, options: Value) -> Value {
    let output = command(name, options)
        .stderr(Stdio::inherit())
        .output()
        .expect("Node is installed");
    read(name, &output)
}

/// The same, once the script says that it looks.
pub(super) fn start(name: &'static str, options: Value) -> Looking {
    let mut child = command(name, options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Node is installed");
    let words = BufReader::new(child.stderr.take().expect("piped"));
    let ready = words.lines().map_while(Result::ok).find(|line| {
        eprintln!("{line}");
        line == "READY"
    });
    assert!(ready.is_some(), "{name}: it ended before it looked");
    Looking { name, child }
}

/// A script that looks at the page.
pub(super) struct Looking {
    name: &'static str,
    child: Child,
}

impl Looking {
    pub(super) fn wait(self) -> Value {
        let output = self.child.wait_with_output().expect("it ends");
        read(self.name, &output)
    }
}

fn command(name: &str, mut options: Value) -> Command {
    let root = place::root();
    options["dist"] = text(&dist()).into();
    options["schema"] = text(&root.join("proto/dashstream.proto")).into();
    options["playwright"] = text(&place::web().join("node_modules/playwright-core")).into();
    let mut command = Command::new("node");
    command
        .arg(root.join("bench/web/row.mjs"))
        .args([name, &options.to_string()]);
    command
}

fn read(name: &str, output: &Output) -> Value {
    assert!(output.status.success(), "{name}: {}", output.status);
    let line = String::from_utf8_lossy(&output.stdout);
    eprint!("{name}: {line}");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"))
}

/// A number that a script has to give.
pub(super) fn number(value: &Value) -> f64 {
    value.as_f64().expect("the script gives a number")
}

fn dist() -> PathBuf {
    place::web().join("dist")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A capture and the page, served by the command line tool as a relay would serve them.
pub(super) struct Served {
    pub(super) address: String,
    _cli: Cli,
}

impl Served {
    /// Everything at once.
    pub(super) fn start(name: &str, capture: &Capture) -> Self {
        Self::paced(name, capture, 0)
    }

    /// So many records a second; 0 = everything at once.
    pub(super) fn paced(name: &str, capture: &Capture, rate: u64) -> Self {
        let (file, page, rate) = (text(&capture.file), text(&dist()), rate.to_string());
        let mut words = vec!["replay", &file, "--serve", "0", "--page", &page];
        if rate != "0" {
            words.extend(["--rate", &rate]);
        }
        let cli = Cli::start(name, &words).expect("the command line tool was built");
        let address = until("the address it serves at", Duration::from_secs(300), || {
            let output = cli.output();
            let address = output.lines().next()?.trim().to_owned();
            address.starts_with("http://").then_some(address)
        });
        Self { address, _cli: cli }
    }
}

/// Whether the page was built and what it is compared with was fetched; a test says SKIPPED otherwise.
#[cfg(test)]
pub(super) fn is_ready() -> bool {
    use dashstream_e2e::requirement::{Tool, need, skip};

    if need(Tool::Node).is_none() || need(Tool::Chromium).is_none() {
        return false;
    }
    let modules = place::root().join("bench/web/node_modules");
    let built = dist().join("index.html");
    for (path, command) in [(modules, "cargo xtask test"), (built, "cargo xtask web")] {
        if !path.exists() {
            skip(&format!("no {}: {command}", path.display()));
            return false;
        }
    }
    true
}
