//! The compiler for the browser module: the host's own when it has the wasm32 target, else one
//! that Debian ships. Asking never downloads anything; only the two functions named `add_` do.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    compiler::{TARGET, Tools, host_rustc},
    debian_rustc,
    project::Project,
    run::{self, Progress},
};

/// What to set for a build of the browser module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WasmToolchain {
    /// `None`: the host's rustc, found as Cargo finds it.
    pub(crate) tools: Option<Tools>,
}

impl WasmToolchain {
    /// Looks, in order, at the host's compiler and at what an earlier set-up unpacked.
    pub(crate) fn find(project: &Project) -> Result<Option<Self>> {
        if has_target(&sysroot()?) {
            return Ok(Some(Self { tools: None }));
        }
        Ok(debian_rustc::installed(project).map(|tools| Self { tools: Some(tools) }))
    }

    pub(crate) fn apply(&self, command: &mut Command) {
        if let Some(tools) = &self.tools {
            command
                .env("RUSTC", &tools.rustc)
                .env("RUSTDOC", &tools.rustdoc);
            // A wrapper that was set for the host's compiler may not know this one.
            command
                .env("RUSTC_WRAPPER", "")
                .env_remove("RUSTC_WORKSPACE_WRAPPER");
        }
    }

    /// Part of what a build depends on.
    pub(crate) fn version(&self) -> Result<String> {
        let rustc = self
            .tools
            .as_ref()
            .map_or_else(host_rustc, |tools| tools.rustc.clone());
        run::read(Command::new(rustc).arg("-vV"))
    }
}

/// True where rustup is there and has not been told to leave the network alone.
pub(crate) fn rustup_may_download() -> bool {
    std::env::var("RUSTUP_AUTO_INSTALL").as_deref() != Ok("0") && run::which(&["rustup"]).is_some()
}

pub(crate) fn add_by_rustup(project: &Project) -> Result<()> {
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]);
    run::run(
        project,
        "add the wasm32 target with rustup",
        &mut command,
        Progress::Own,
    )
}

pub(crate) fn add_from_debian(project: &Project) -> Result<()> {
    debian_rustc::unpack(project)
}

fn sysroot() -> Result<PathBuf> {
    let mut command = Command::new(host_rustc());
    // Even a question can make rustup fetch a toolchain; this one never may.
    command
        .args(["--print", "sysroot"])
        .env("RUSTUP_AUTO_INSTALL", "0");
    Ok(PathBuf::from(run::read(&mut command)?.trim()))
}

/// The folder is looked into, because asking through rustup is what would download.
fn has_target(sysroot: &Path) -> bool {
    let lib = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(lib).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_its_library_is_none() {
        let root = std::env::temp_dir().join(format!("xtask-sysroot-{}", std::process::id()));
        let lib = root.join("lib/rustlib").join(TARGET).join("lib");
        std::fs::create_dir_all(&lib).unwrap();
        let empty = has_target(&root);
        std::fs::write(lib.join("libstd-0123.rlib"), "").unwrap();
        let full = has_target(&root);
        std::fs::remove_dir_all(&root).unwrap();
        assert!(!empty && full);
    }
}
