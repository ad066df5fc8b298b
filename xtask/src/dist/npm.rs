//! The browser module as an npm package, made by `npm pack` of what the build of the module wrote.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{
    project::{Project, create_dir, remove_dir},
    run,
};

/// The module is built. Gives the path of the package.
pub(crate) fn pack(project: &Project) -> Result<PathBuf> {
    let stage = project.target.join("npm");
    remove_dir(&stage)?;
    create_dir(&stage)?;
    let template = project.root.join("decode-wasm/npm");
    for name in ["package.json", "README.md"] {
        copy(&template.join(name), &stage.join(name))?;
    }
    copy(&project.root.join("LICENSE"), &stage.join("LICENSE"))?;
    for name in FILES {
        copy(&project.generated().join(name), &stage.join(name))?;
    }
    let version = super::version(project)?;
    let package = fs::read_to_string(stage.join("package.json"))?;
    ensure!(
        package.contains(&format!("\"version\": \"{version}\"")),
        "decode-wasm/npm/package.json does not have the version {version}"
    );
    let folder = super::folder(project);
    create_dir(&folder)?;
    let mut command = Command::new("npm");
    command
        .args(["pack", "--silent", "--pack-destination"])
        .arg(&folder)
        .current_dir(&stage);
    let name = run::read(&mut command)?;
    let name = name.lines().last().context("npm pack names no file")?;
    Ok(folder.join(name.trim()))
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

const FILES: [&str; 4] = [
    "decode_wasm.js",
    "decode_wasm.d.ts",
    "decode_wasm_bg.wasm",
    "decode_wasm_bg.wasm.d.ts",
];
