//! The built page, read from its folder once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use bytes::Bytes;
use dashstream_serve::mime;

/// Files by their path below `/`.
#[derive(Debug, Default)]
pub(super) struct Page {
    files: BTreeMap<String, Bytes>,
}

impl Page {
    /// Reads a folder. Only what is in it at this time is ever served, by exactly these paths.
    pub(super) fn load(folder: &Path) -> io::Result<Self> {
        let mut page = Self::default();
        let mut bytes = 0;
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(&next)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let content = fs::read(entry.path())?;
                    bytes += content.len();
                    if bytes > PAGE_BYTES_MAX || page.files.len() >= PAGE_FILES_MAX {
                        return Err(io::Error::other("too large for a built page"));
                    }
                    let path = entry.path();
                    let path = path.strip_prefix(folder).map_err(io::Error::other)?;
                    let path = path.to_string_lossy().replace('\\', "/");
                    page.files.insert(path, content.into());
                }
            }
        }
        if page.files.contains_key(INDEX) {
            Ok(page)
        } else {
            Err(io::Error::other("it contains no index.html"))
        }
    }

    /// Type and content of what is at a path; `/` is the page itself.
    pub(super) fn file(&self, path: &str) -> Option<(&'static str, Bytes)> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = if path.is_empty() { INDEX } else { path };
        let content = self.files.get(path)?;
        Some((mime::of(path), content.clone()))
    }
}

const INDEX: &str = "index.html";
const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
const PAGE_FILES_MAX: usize = 1000;
