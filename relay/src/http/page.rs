//! The page, compiled in by `build.rs`.

use dashstream_serve::{
    coding::{Coded, Coding},
    mime,
};
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
    http::HeaderMap,
};
use warp::reply::Response;

use super::answer::{plain, respond};

struct Asset {
    path: &'static str,
    /// Stands for the content; each coding of it has a validator of its own.
    tag: &'static str,
    bytes: Coded<&'static [u8]>,
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Whether a page was built when the relay was.
pub fn is_built() -> bool {
    !ASSETS.is_empty()
}

/// The files of the page, by their paths below `/`.
pub fn page_paths() -> impl Iterator<Item = &'static str> {
    ASSETS.iter().map(|asset| asset.path)
}

/// The asset at a path below `/`; the empty path is the page itself.
pub(super) fn asset(path: &str, headers: &HeaderMap) -> Response {
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) else {
        return if path == "index.html" {
            unbuilt()
        } else {
            not_found()
        };
    };
    let mut response = match asset.bytes.choose(headers) {
        Some((coding, bytes)) => asset.answer(coding, bytes, headers),
        None => plain(
            StatusCode::NOT_ACCEPTABLE,
            "Sent as it is, with gzip or with br.\n",
        ),
    };
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

impl Asset {
    /// The file, or that the one a browser has is still the same.
    fn answer(&self, coding: Coding, bytes: &'static [u8], request: &HeaderMap) -> Response {
        let validator = self.validator(coding);
        let (status, body) = if has(request, &validator) {
            (StatusCode::NOT_MODIFIED, &[][..])
        } else {
            (StatusCode::OK, bytes)
        };
        let mut response = respond(status, mime::of(self.path), body);
        let headers = response.headers_mut();
        if let Ok(validator) = HeaderValue::try_from(validator) {
            headers.insert(header::ETAG, validator);
        }
        if let (StatusCode::OK, Some(name)) = (status, coding.name()) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        let cache_control = if is_hashed(self.path) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(cache_control),
        );
        response
    }

    fn validator(&self, coding: Coding) -> String {
        format!("\"{}{}\"", self.tag, coding.suffix())
    }
}

/// Whether a request says that its sender has what this validator stands for.
fn has(request: &HeaderMap, validator: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/") == validator)
}

/// Vite puts a digest of the content into the names below `assets/`, so they never change meaning.
fn is_hashed(path: &str) -> bool {
    path.starts_with("assets/")
}

fn unbuilt() -> Response {
    respond(
        StatusCode::OK,
        "text/html; charset=utf-8",
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>DashStream Relay</title>\
         <h1>The relay runs, but it was compiled without its page</h1>\
         <p>Build it with <code>cargo xtask web</code> and compile the relay again; \
         <code>cargo xtask demo</code> does both. The session endpoint is <code>/ws</code>; \
         <a href=\"/health\">/health</a>, <a href=\"/version\">/version</a> and \
         <a href=\"/metrics\">/metrics</a> work as usual.</p></html>"
            .as_bytes(),
    )
}

/// Of a file that was there in another build another relay may have it, or this one after the next upgrade: nobody may
/// remember that it is gone.
fn not_found() -> Response {
    let mut response = respond(
        StatusCode::NOT_FOUND,
        "text/plain; charset=utf-8",
        b"Not found. After an upgrade of the relay, reload the page.\n".as_slice(),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a page there is nothing to look at.
    fn page_or_skip() -> bool {
        if !is_built() {
            let line = b"SKIPPED: this relay was built without the page (cargo xtask web)\n";
            std::io::Write::write_all(&mut std::io::stderr(), line).expect("standard error");
        }
        is_built()
    }

    #[test]
    fn assets_have_types_and_validators() {
        if !page_or_skip() {
            return;
        }
        for asset in ASSETS {
            assert!(!asset.tag.contains(['"', ' ']), "{}", asset.path);
            assert_ne!(
                mime::of(asset.path),
                "application/octet-stream",
                "{} has no type",
                asset.path
            );
        }
    }

    #[test]
    fn an_asset_is_sent_once_and_then_validated() {
        if !page_or_skip() {
            return;
        }
        let index = ASSETS.iter().find(|asset| asset.path == "index.html");
        let index = index.expect("a page has an index");
        let mut headers = HeaderMap::new();
        assert_eq!(asset("", &headers).status(), StatusCode::OK);
        let validator = index.validator(Coding::Identity);
        let validator = HeaderValue::try_from(validator).expect("a digest");
        headers.insert(header::IF_NONE_MATCH, validator);
        assert_eq!(
            asset("index.html", &headers).status(),
            StatusCode::NOT_MODIFIED
        );
    }

    #[test]
    fn paths_lead_nowhere_else() {
        for path in [
            "../Cargo.toml",
            "assets/../index.html",
            "index.htm",
            "/index.html",
        ] {
            assert_eq!(
                asset(path, &HeaderMap::new()).status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }
}
