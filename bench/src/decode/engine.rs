//! A JavaScript engine in a process of its own: a request is a line of JSON, and so is its answer.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use super::{
    Script,
    corpus::{Corpus, root},
};

pub(super) struct Engine {
    pub(super) version: String,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Engine {
    pub(super) fn node(corpora: &Path) -> Self {
        let mut command = script("node.mjs", corpora);
        command.arg(generated());
        Self::start(command)
    }

    pub(super) fn chromium(corpora: &Path) -> Self {
        let mut command = script("chromium.mjs", corpora);
        command
            .arg(generated())
            .arg(web().join("node_modules/playwright-core"));
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Node is installed");
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut engine = Self {
            version: String::new(),
            child,
            requests,
            answers,
        };
        let hello = engine.answer();
        engine.version = hello["engine"].as_str().expect("a name").to_owned();
        engine
    }

    /// Whole passes over the corpus and the processor time they took.
    pub(super) fn run(&mut self, script: Script, corpus: &Corpus, seconds: f64) -> (usize, f64) {
        let answer = self.ask(script, corpus, seconds);
        let passes = answer["passes"].as_u64().expect("a count of passes");
        let cpu_seconds = answer["cpu_seconds"].as_f64().expect("a time");
        (passes as usize, cpu_seconds)
    }

    /// What it reads in the corpus, as sums.
    pub(super) fn facts(&mut self, script: Script, corpus: &Corpus) -> Vec<f64> {
        let answer = self.ask(script, corpus, 0.0);
        let facts = answer["facts"].as_array().expect("a list of sums");
        facts
            .iter()
            .map(|fact| fact.as_f64().expect("a sum"))
            .collect()
    }

    fn ask(&mut self, script: Script, corpus: &Corpus, seconds: f64) -> Value {
        let contender = match script {
            Script::JavaScript => "js",
            Script::Wasm => "wasm",
        };
        // Whole numbers stay whole: 0 asks for the sums.
        let seconds = if seconds == 0.0 {
            json!(0)
        } else {
            json!(seconds)
        };
        let request = json!({"contender": contender, "corpus": corpus.name, "seconds": seconds});
        let requests = self.requests.as_mut().expect("open until it is dropped");
        writeln!(requests, "{request}").expect("the engine lives");
        self.answer()
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the engine writes text");
        serde_json::from_str(&line).expect("the engine answers in JSON; its own words are above")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The end of its input is the end of its work.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}

fn script(name: &str, corpora: &Path) -> Command {
    let mut command = Command::new("node");
    command
        .arg("--expose-gc")
        .arg(root().join("bench/web").join(name))
        .arg(corpora);
    command
}

fn generated() -> PathBuf {
    web().join("src/generated")
}

fn web() -> PathBuf {
    env::var_os("DASHSTREAM_WEB").map_or_else(|| root().join("web"), PathBuf::from)
}
