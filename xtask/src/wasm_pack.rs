//! `cargo xtask wasm --pack`: `wasm-pack build decode-wasm --target web` works too, and what it builds is
//! judged by the same vectors under Node. Nothing in this project needs wasm-pack, so it is not fetched.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    project::{Project, remove_dir},
    run::{self, Progress},
    toolchain::WasmToolchain,
};

pub(crate) fn prove(project: &Project) -> Result<()> {
    let _lock = project.lock()?;
    let toolchain = WasmToolchain::find(project)?.context("no Rust for wasm32 here")?;
    let path = search_path(project, &toolchain)?;
    for tool in ["wasm-pack", "wasm-bindgen"] {
        if !std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()) {
            bail!("no {tool} on the PATH or in target/tools/bin: {INSTALL}");
        }
    }
    // As the tests look for it below the folder of the page.
    let web = project.target.join("wasm-pack");
    let out = web.join("src/generated");
    remove_dir(&web)?;
    build(project, &path, &out)?;
    for file in [
        "decode_wasm.js",
        "decode_wasm.d.ts",
        "decode_wasm_bg.wasm",
        "package.json",
    ] {
        ensure!(out.join(file).is_file(), "wasm-pack wrote no {file}");
    }
    judge(project, &web)
}

fn build(project: &Project, path: &OsString, out: &Path) -> Result<()> {
    let mut command = Command::new("wasm-pack");
    command
        .args(["build", "decode-wasm", "--target", "web"])
        // It would fetch what it misses.
        .args(["--mode", "no-install", "--out-dir"])
        .arg(out)
        .env("PATH", path)
        .env("RUSTUP_AUTO_INSTALL", "0")
        // It asks the compiler on the PATH where its libraries are, whatever these say.
        .env_remove("RUSTC")
        .env_remove("RUSTDOC")
        .env("CARGO_TARGET_DIR", project.target.join("wasm"))
        .current_dir(&project.root);
    run::run(
        project,
        "build the browser module with wasm-pack",
        &mut command,
        Progress::Own,
    )
}

fn judge(project: &Project, web: &Path) -> Result<()> {
    let mut command = Command::new("node");
    command
        .args(["--test", "decode-wasm/node/wasm.test.mjs"])
        .env("DASHSTREAM_WEB", web)
        .current_dir(&project.root);
    run::run(
        project,
        "judge it by the vectors",
        &mut command,
        Progress::Own,
    )
}

/// The compiler that has the target comes first: wasm-pack takes the one that it finds.
fn search_path(project: &Project, toolchain: &WasmToolchain) -> Result<OsString> {
    let compiler = toolchain
        .tools
        .as_ref()
        .and_then(|tools| tools.rustc.parent());
    let own = project.target.join("tools/bin");
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = compiler
        .map(Path::to_path_buf)
        .into_iter()
        .chain([own])
        .chain(std::env::split_paths(&inherited))
        .collect();
    std::env::join_paths(dirs).context("a folder of the PATH has a colon in its name")
}

const INSTALL: &str = "`cargo install --root target/tools wasm-pack` and `cargo install --root target/tools \
                       wasm-bindgen-cli --version 0.2.130` (the version in Cargo.toml) put them there";
