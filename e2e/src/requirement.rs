//! What a test needs from the machine. An absent tool makes the test say SKIPPED with the reason on
//! the real standard error, past the test harness's capture; with `DASHSTREAM_REQUIRE=all` it fails.

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread,
};

use crate::place;

/// A tool or a set of files from outside Cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Java and the jars of Apache Kafka, as the folder of the jars.
    Kafka,
    /// kcat, a Kafka client that nobody here wrote.
    Kcat,
    /// The browser.
    Chromium,
    /// The other browser.
    Firefox,
    /// Node, which drives the browsers.
    Node,
    /// A Python with the official protobuf runtime.
    Python,
    /// nginx.
    Nginx,
    /// HAProxy.
    Haproxy,
    /// Captured traffic of the real producer, as its folder.
    Capture,
    /// Binary `dashstream-relay`.
    Relay,
    /// Binary `dashstream`.
    Cli,
    /// Binary `dashstream-simulator`.
    Simulator,
    /// Binary `dashstream-demo-broker`.
    DemoBroker,
    /// Binary `dashstream-mock-broker`.
    MockBroker,
}

/// The tool's path, or `None` after saying that this test is skipped.
///
/// # Panics
/// With `DASHSTREAM_REQUIRE=all`, where the tool is absent.
#[must_use]
pub fn need(tool: Tool) -> Option<PathBuf> {
    match tool.find() {
        Ok(path) => Some(path),
        Err(reason) => {
            if tool == Tool::Capture {
                // Never required: it is what no set-up can fetch.
                say_skipped(&reason);
            } else {
                skip(&reason);
            }
            None
        }
    }
}

/// Says that the running test is skipped.
///
/// # Panics
/// With `DASHSTREAM_REQUIRE=all`.
pub fn skip(reason: &str) {
    let test = test_name();
    assert!(
        env::var("DASHSTREAM_REQUIRE").as_deref() != Ok("all"),
        "{test} may not be skipped (DASHSTREAM_REQUIRE=all): {reason}"
    );
    say_skipped(reason);
}

/// Not eprintln!: the harness keeps what a passing test prints, and a skipped one passes.
fn say_skipped(reason: &str) {
    let test = test_name();
    let line = format!("SKIPPED {test}: {reason}\n");
    io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error can be written");
}

/// The name of the running test.
#[must_use]
pub fn test_name() -> String {
    let current = thread::current();
    match current.name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => place::program(),
    }
}

impl Tool {
    fn find(self) -> Result<PathBuf, String> {
        match self {
            Self::Kafka => find_kafka(),
            Self::Kcat => program("DASHSTREAM_KCAT", &["kcat"], "kcat"),
            Self::Chromium => program(
                "DASHSTREAM_CHROMIUM",
                &["chromium", "chromium-browser", "google-chrome"],
                "Chromium",
            ),
            Self::Firefox => program("DASHSTREAM_FIREFOX", &["firefox-esr", "firefox"], "Firefox"),
            Self::Node => program("DASHSTREAM_NODE", &["node"], "Node"),
            Self::Python => find_python(),
            Self::Nginx => server("DASHSTREAM_NGINX", "nginx"),
            Self::Haproxy => server("DASHSTREAM_HAPROXY", "haproxy"),
            Self::Capture => find_capture(),
            Self::Relay => ours(
                "DASHSTREAM_RELAY_BIN",
                "dashstream-relay",
                "dashstream-relay",
            ),
            Self::Cli => ours("DASHSTREAM_CLI_BIN", "dashstream", "dashstream-cli"),
            Self::Simulator => ours(
                "DASHSTREAM_SIMULATOR_BIN",
                "dashstream-simulator",
                "dashstream-simulator",
            ),
            Self::DemoBroker => ours(
                "DASHSTREAM_DEMO_BROKER_BIN",
                "dashstream-demo-broker",
                "dashstream-demo-broker",
            ),
            Self::MockBroker => ours(
                "DASHSTREAM_MOCK_BROKER_BIN",
                "dashstream-mock-broker",
                "mock-broker",
            ),
        }
    }
}

fn find_kafka() -> Result<PathBuf, String> {
    let named = env::var_os("DASHSTREAM_KAFKA_LIBS").map(PathBuf::from);
    let libs = named.unwrap_or_else(|| place::target().join("kafka/libs"));
    if !libs.is_dir() {
        return Err("no jars of Apache Kafka (DASHSTREAM_KAFKA_LIBS)".into());
    }
    which(&["java"]).ok_or("no java on the PATH")?;
    Ok(libs)
}

fn find_python() -> Result<PathBuf, String> {
    let named = env::var_os("DASHSTREAM_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| place::target().join("venv/bin/python"));
    exists(&python, "no Python with protobuf (DASHSTREAM_PYTHON)")
}

fn find_capture() -> Result<PathBuf, String> {
    let absent = "no captured traffic (DASHSTREAM_CORPUS)";
    let corpus = place::corpus().ok_or(absent)?;
    exists(&corpus.join("dashflow-real"), absent)
}

fn ours(variable: &str, name: &str, package: &str) -> Result<PathBuf, String> {
    let path = place::binary(variable, name);
    let reason = format!("{name} is not built: cargo build -p {package}");
    exists(&path, &reason)
}

fn exists(path: &Path, reason: &str) -> Result<PathBuf, String> {
    if path.exists() {
        Ok(path.to_path_buf())
    } else {
        Err(reason.to_owned())
    }
}

fn program(variable: &str, names: &[&str], what: &str) -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(variable).map(PathBuf::from) {
        return exists(&named, &format!("{variable} names no file"));
    }
    which(names).ok_or_else(|| format!("no {what} on the PATH ({variable})"))
}

/// One that distributions put where only root looks.
fn server(variable: &str, name: &str) -> Result<PathBuf, String> {
    let usual = Path::new("/usr/sbin").join(name);
    program(variable, &[name], name).or_else(|why| exists(&usual, &why))
}

fn which(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut found =
        env::split_paths(&path).flat_map(|dir| names.iter().map(move |name| dir.join(name)));
    found.find(|file| file.is_file())
}
