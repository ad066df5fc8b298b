//! What is not in the source of the relay and of the crate that serves its log. A search, so that whoever
//! adds such a thing has to come by here.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every file of the two, those of unit tests left out, with its code as it is without comments.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let relay = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut dirs = vec![relay.join("src"), relay.join("../serve/src")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("a folder of ours") {
            let path = entry.expect("an entry").path();
            let is_tests = path.file_stem().is_some_and(|stem| stem == "tests");
            match () {
                () if is_tests => {}
                () if path.is_dir() => dirs.push(path),
                () => {
                    let text = fs::read_to_string(&path).expect("UTF-8");
                    let code = text.split("#[cfg(test)]\nmod tests").next();
                    let lines = code.unwrap_or_default().lines();
                    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
                    found.push((path, code.collect::<Vec<_>>().join("\n")));
                }
            }
        }
    }
    assert!(found.len() > 40, "{} files", found.len());
    found
}

/// Files whose code has one of these texts.
fn with(sources: &[(PathBuf, String)], texts: &[&str]) -> Vec<String> {
    let has = |code: &str| texts.iter().any(|text| code.contains(text));
    let hits = sources.iter().filter(|(_, code)| has(code));
    hits.map(|(path, _)| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    })
    .collect()
}

/// BND-07: what one task hands to another is bounded, and reading Kafka waits for nothing but Kafka.
#[test]
fn no_channel_is_unbounded_and_reading_blocks_no_thread() {
    let all = sources();
    // std's `channel` and the `unbounded` ones of tokio, futures and others have no bound.
    let unbounded = ["unbounded", "mpsc::channel()", "std::sync::mpsc"];
    assert_eq!(with(&all, &unbounded), [""; 0]);
    let ingest: Vec<_> = all
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains("src/ingest"))
        .collect();
    assert!(ingest.len() > 8, "{}", ingest.len());
    let blocking = [
        "std::fs",
        "fs::",
        "std::net",
        "thread::sleep",
        "block_on",
        "blocking_",
        "std::process",
    ];
    assert_eq!(with(&ingest, &blocking), [""; 0]);
    // Whoever speaks to anybody else does it elsewhere: the Kafka library is behind one folder.
    let others = [
        "TcpStream",
        "UdpSocket",
        "hyper::",
        "tungstenite",
        "http::",
        "lookup_host",
    ];
    assert_eq!(with(&ingest, &others), [""; 0]);
    assert_eq!(with(&ingest, &["rskafka"]), [""; 0]);
}

/// OPS-09: variables are read where the program starts, and by clap into options; nowhere else.
#[test]
fn only_the_start_reads_the_environment() {
    let mut all = sources();
    // Of a benchmark: no relay runs it.
    all.retain(|(path, _)| !path.ends_with("ingest/bench_support.rs"));
    let read = ["env::var", "env::vars", "var_os(", "vars_os(", "dotenv"];
    assert_eq!(with(&all, &read), ["main.rs"]);
    assert_eq!(with(&all, &["try_parse", "Cli::parse"]), ["main.rs"]);
}
