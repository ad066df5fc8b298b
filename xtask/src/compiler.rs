//! A Rust compiler, by its programs, and what the host's says about itself.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::run;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tools {
    pub(crate) rustc: PathBuf,
    pub(crate) rustdoc: PathBuf,
}

pub(crate) fn host_triple() -> Result<String> {
    let version = run::read(Command::new(host_rustc()).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

pub(crate) fn host_rustc() -> PathBuf {
    std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from)
}
