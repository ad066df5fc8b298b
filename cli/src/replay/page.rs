//! The built page, read from its folder once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use bytes::Bytes;
use dashstream_serve::coding::{Coded, Coding};
use dashstream_serve::mime;
use hyper::http::HeaderMap;

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

    /// What is at a path, in a coding that these headers accept; `/` is the page itself.
    pub(super) fn file(&self, path: &str, headers: &HeaderMap) -> Option<Sent> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = if path.is_empty() { INDEX } else { path };
        let coded = |coding: Coding| self.files.get(&format!("{path}{}", coding.suffix()));
        let file = Coded {
            identity: self.files.get(path)?,
            gzip: coded(Coding::Gzip),
            brotli: coded(Coding::Brotli),
        };
        // Whoever refuses all of them gets the file as it is, which is the one that everybody can read.
        let (coding, content) = file
            .choose(headers)
            .unwrap_or((Coding::Identity, &file.identity));
        Some(Sent {
            mime: mime::of(path),
            coding,
            content: Bytes::clone(content),
        })
    }
}

/// A file as it is sent.
pub(super) struct Sent {
    pub(super) mime: &'static str,
    pub(super) coding: Coding,
    pub(super) content: Bytes,
}

const INDEX: &str = "index.html";
const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
const PAGE_FILES_MAX: usize = 1000;
