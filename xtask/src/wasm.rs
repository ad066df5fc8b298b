//! The browser module: compiled from `decode-wasm`, with its JavaScript and TypeScript side, into
//! `web/src/generated`. The result also runs under Node: `initSync({ module: bytes })`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    compiler::TARGET,
    debian_rustc::cargo_home,
    output,
    project::{Project, create_dir},
    run::{self, Progress},
    stamp::{Inputs, Stamp},
    toolchain::WasmToolchain,
};

pub(crate) fn build(project: &Project) -> Result<()> {
    let _lock = project.lock()?;
    let toolchain = WasmToolchain::find(project)?.context(
        "no Rust for wasm32 here: run `rustup target add wasm32-unknown-unknown`, or give --install",
    )?;
    let stamp = Stamp::new(project, "wasm", &inputs(project, &toolchain)?)?;
    if stamp.holds() && outputs(project).iter().all(|file| file.exists()) {
        output::say("browser module: nothing has changed");
        return Ok(());
    }
    let module = compile(project, &toolchain)?;
    names_no_local_path(project, &module)?;
    bind(project, &module)?;
    stamp.write()
}

fn compile(project: &Project, toolchain: &WasmToolchain) -> Result<PathBuf> {
    let target_dir = project.target.join("wasm");
    let remap = |from: PathBuf, to| format!("--remap-path-prefix={}={to}", from.display());
    let flags = [
        remap(project.root.clone(), "."),
        remap(cargo_home().join("registry/src"), "/rust/deps"),
        // The page hashes only what somebody asks to be compared; its rounds in a loop are a quarter of the code.
        "--cfg=sha2_backend_soft=\"compact\"".to_owned(),
    ];
    let mut command = run::cargo();
    command
        .args([
            "build",
            "-p",
            "decode-wasm",
            "--lib",
            "--profile",
            "wasm",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .current_dir(&project.root);
    toolchain.apply(&mut command);
    run::run(
        project,
        "compile the browser module",
        &mut command,
        Progress::Own,
    )?;
    Ok(target_dir.join(TARGET).join("wasm/decode_wasm.wasm"))
}

/// What is published must not say where it was built.
fn names_no_local_path(project: &Project, module: &PathBuf) -> Result<()> {
    let bytes = fs::read(module).with_context(|| module.display().to_string())?;
    for local in [project.root.clone(), cargo_home()] {
        let name = local.as_os_str().as_encoded_bytes();
        if bytes.windows(name.len()).any(|window| window == name) {
            bail!(
                "the browser module holds the local path {}",
                local.display()
            );
        }
    }
    Ok(())
}

/// A crate outside the workspace as a module with its bindings, `OUT/module.js`; for measurements.
pub(crate) fn build_apart(
    project: &Project,
    manifest: &Path,
    features: &str,
    out: &Path,
) -> Result<()> {
    let toolchain = WasmToolchain::find(project)?.context("no Rust for wasm32 here")?;
    let target_dir = project.target.join("bench/wasm");
    let mut command = run::cargo();
    command
        .args(["build", "--release", "--lib", "--target", TARGET])
        .args(["--no-default-features", "--features", features])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target_dir);
    toolchain.apply(&mut command);
    run::run(
        project,
        &format!("compile a module with {features}"),
        &mut command,
        Progress::Own,
    )?;
    let built = target_dir.join(TARGET).join("release");
    let module = built.join("module.wasm");
    fs::copy(built.join("dashstream_bench_zstd.wasm"), &module)?;
    bindings(project, &module, out)
}

fn bind(project: &Project, module: &Path) -> Result<()> {
    bindings(project, module, &project.generated())?;
    for file in outputs(project) {
        ensure!(
            file.exists(),
            "the bindings generator wrote no {}",
            file.display()
        );
    }
    Ok(())
}

fn bindings(project: &Project, module: &Path, out: &Path) -> Result<()> {
    create_dir(out)?;
    let mut command = run::cargo();
    command
        .args(["run", "--profile", "once", "-p", "wasm-bindings", "--"])
        .arg(module)
        .arg(out);
    command.current_dir(&project.root);
    run::run(project, "write its bindings", &mut command, Progress::Own)
}

fn outputs(project: &Project) -> [PathBuf; 3] {
    ["decode_wasm.js", "decode_wasm.d.ts", "decode_wasm_bg.wasm"]
        .map(|name| project.generated().join(name))
}

fn inputs(project: &Project, toolchain: &WasmToolchain) -> Result<Inputs> {
    SOURCES
        .iter()
        .try_fold(Inputs::new(), |inputs, path| {
            inputs.path(&project.root.join(path))
        })
        .and_then(|inputs| Ok(inputs.text(&toolchain.version()?)))
}

const SOURCES: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "proto",
    "decode-core",
    "session",
    "run-model",
    "decode-wasm",
    "tools/wasm-bindings",
];
