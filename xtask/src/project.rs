//! Where things are: the checkout, Cargo's target directory, and the folders xtask keeps under it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::output;

pub(crate) struct Project {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Project {
    pub(crate) fn locate() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask lies in no workspace")?
            .to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// Bindings and module, written where the page imports them from. Never committed.
    pub(crate) fn generated(&self) -> PathBuf {
        self.web().join("src/generated")
    }

    /// A binary of the profile that tests and demo share.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    pub(crate) fn released(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    pub(crate) fn state(&self) -> Result<PathBuf> {
        let dir = self.target.join("xtask");
        create_dir(&dir)?;
        Ok(dir)
    }

    /// Two xtasks at once must not unpack into the same folder. Released when dropped.
    pub(crate) fn lock(&self) -> Result<File> {
        let file = File::create(self.state()?.join("lock"))?;
        if file.try_lock().is_err() {
            output::say("waiting for another xtask that prepares the same checkout");
            file.lock()?;
        }
        Ok(file)
    }
}

pub(crate) fn create_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))
}

/// Removes a folder that xtask owns; one that is not there is fine.
pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}
