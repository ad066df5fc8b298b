//! The built page, read from its folder once, and the headers under which a browser may run it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use bytes::Bytes;

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
            Err(io::Error::other("there is no index.html in it"))
        }
    }

    /// Type and content of what is at a path; `/` is the page itself.
    pub(super) fn file(&self, path: &str) -> Option<(&'static str, Bytes)> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = if path.is_empty() { INDEX } else { path };
        let content = self.files.get(path)?;
        Some((mime(path), content.clone()))
    }
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// The page may run its own scripts and its own WASM and talk to where it came from, and nothing
/// else. Not every browser takes `'self'` for WebSockets too, hence the host of the request.
pub(super) fn policy(host: Option<&str>) -> String {
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let sockets = match host {
        Some(host) if !host.is_empty() && host.chars().all(legal) => format!(" ws://{host}"),
        _ => String::new(),
    };
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         connect-src 'self'{sockets}; img-src 'self' data:; font-src 'self'; worker-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// What every answer carries besides its policy.
pub(super) const HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    // The next file may be served at the same port.
    ("cache-control", "no-store"),
];

const INDEX: &str = "index.html";
const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
const PAGE_FILES_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_connect_to_where_it_came_from() {
        let own = policy(Some("127.0.0.1:3002"));
        assert!(own.contains("connect-src 'self' ws://127.0.0.1:3002;"));
        for strange in [None, Some(""), Some("*"), Some("a b"), Some("a;b")] {
            let policy = policy(strange);
            assert!(policy.contains("connect-src 'self';"), "{strange:?}");
        }
    }
}
