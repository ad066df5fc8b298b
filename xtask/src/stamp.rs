//! Skips work whose inputs have not changed: a hash over contents, kept beside Cargo's output.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::project::Project;

/// Hash of the named files and of all files below the named folders.
pub(crate) struct Inputs(u64);

impl Inputs {
    pub(crate) fn new() -> Self {
        Self(FNV_OFFSET)
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.bytes(text.as_bytes());
        self
    }

    /// A path that does not exist counts as empty, so that creating it is a change.
    pub(crate) fn path(mut self, path: &Path) -> Result<Self> {
        for file in files_below(path)? {
            let content = fs::read(&file).with_context(|| file.display().to_string())?;
            self.bytes(file.as_os_str().as_encoded_bytes());
            self.bytes(&content);
        }
        Ok(self)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_le_bytes();
        for byte in length.iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
    }
}

/// The record that the work called `name` was done for certain inputs.
pub(crate) struct Stamp {
    file: PathBuf,
    text: String,
}

impl Stamp {
    pub(crate) fn new(project: &Project, name: &str, inputs: &Inputs) -> Result<Self> {
        let file = project.state()?.join(format!("{name}.stamp"));
        Ok(Self {
            file,
            text: format!("{:016x}", inputs.0),
        })
    }

    pub(crate) fn holds(&self) -> bool {
        fs::read_to_string(&self.file).is_ok_and(|text| text == self.text)
    }

    pub(crate) fn write(&self) -> Result<()> {
        fs::write(&self.file, &self.text).with_context(|| self.file.display().to_string())
    }
}

/// In a fixed order. Folders that hold only what tools put there are left out.
pub(crate) fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![path.to_path_buf()];
    while let Some(next) = open.pop() {
        if next.is_file() {
            found.push(next);
        } else if next.is_dir() {
            for entry in fs::read_dir(&next)? {
                let entry = entry?;
                if !MADE_BY_TOOLS.iter().any(|name| entry.file_name() == *name) {
                    open.push(entry.path());
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

const MADE_BY_TOOLS: &[&str] = &["node_modules", "target", "dist", ".svelte-kit", ".git"];
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(parts: &[&str]) -> u64 {
        parts
            .iter()
            .fold(Inputs::new(), |inputs, part| inputs.text(part))
            .0
    }

    #[test]
    fn a_moved_boundary_is_a_change() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
    }

    #[test]
    fn a_changed_file_is_a_change() {
        let dir = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(dir.join("src")).unwrap();
        let hash = || Inputs::new().path(&dir).unwrap().0;
        let empty = hash();
        fs::write(dir.join("src/a"), "1").unwrap();
        let first = hash();
        fs::write(dir.join("src/a"), "2").unwrap();
        let second = hash();
        fs::create_dir_all(dir.join("node_modules")).unwrap();
        fs::write(dir.join("node_modules/b"), "3").unwrap();
        let unchanged = hash();
        fs::remove_dir_all(&dir).unwrap();
        assert_ne!(empty, first);
        assert_ne!(first, second);
        assert_eq!(second, unchanged);
    }
}
