//! The path under which a proxy puts this server, where the proxy does not take it off.

use hyper::{Request, Uri};
use serde::Serialize;

/// A path such as `/dash`: no slash at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct BasePath(String);

/// What a request is to a server under a base path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Below {
    /// One for the server, with the base path taken off if it was there.
    Here,
    /// The base path without a slash: relative addresses of the page would lead elsewhere. The value is where to go,
    /// relative to what was asked for, so that it holds behind further proxies too.
    WithoutSlash(String),
}

impl BasePath {
    /// An empty text, or `/`, is no base path.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let path = text.strip_suffix('/').unwrap_or(text);
        let is_segment = |segment: &str| {
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '-');
            !segment.is_empty() && !matches!(segment, "." | "..") && segment.chars().all(legal)
        };
        let is_path = match path.strip_prefix('/') {
            Some(segments) => segments.split('/').all(is_segment),
            None => path.is_empty(),
        };
        if !is_path {
            return Err(format!("\"{text}\" is not a path such as /dashstream"));
        }
        if path.len() > BYTES_MAX {
            return Err(format!("is longer than {BYTES_MAX} bytes"));
        }
        Ok(Self(path.to_owned()))
    }

    /// Takes the base path off a request. One without it stays as it is: probes and scrapes need no proxy.
    pub(crate) fn take_off<B>(&self, request: &mut Request<B>) -> Below {
        let path = request.uri().path();
        let Some(rest) = path
            .strip_prefix(&self.0)
            .filter(|_| !self.0.is_empty())
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        else {
            return Below::Here;
        };
        let query = request.uri().query();
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        if rest.is_empty() {
            let last = self.0.rsplit('/').next().unwrap_or_default();
            return Below::WithoutSlash(format!("{last}/{query}"));
        }
        if let Some(uri) = with_target(request.uri(), &format!("{rest}{query}")) {
            *request.uri_mut() = uri;
        }
        Below::Here
    }
}

/// The same address with another path and query; there always is one, as they are the end of valid ones.
fn with_target(uri: &Uri, target: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

const BYTES_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_plain_segments() {
        for (text, path) in [
            ("", ""),
            ("/", ""),
            (" /dash/ ", "/dash"),
            ("/a/b.c-d_e~1", "/a/b.c-d_e~1"),
        ] {
            assert_eq!(
                BasePath::parse(text),
                Ok(BasePath(path.to_owned())),
                "{text:?}"
            );
        }
        let long = format!("/{}", "a".repeat(200));
        for bad in [
            "dash", "//", "/a//b", "/..", "/a/./b", "/a b", "/a?b", "/%41", "/a;b", &long,
        ] {
            assert!(BasePath::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn it_is_taken_off_where_it_is() {
        let base = BasePath::parse("/ops/dash").expect("a path");
        for (asked, left) in [
            ("/ops/dash/", "/"),
            ("/ops/dash/ws", "/ws"),
            ("/ops/dash/?a=b/c", "/?a=b/c"),
            ("/ops/dash//admin", "//admin"),
            ("/ops/dash/ops/dash/x", "/ops/dash/x"),
            ("http://a:1/ops/dash/x?y", "http://a:1/x?y"),
            ("/ops/dashboard", "/ops/dashboard"),
            ("/ops/", "/ops/"),
            ("/ready", "/ready"),
            ("*", "*"),
        ] {
            let mut request = Request::builder().uri(asked).body(()).expect("a request");
            assert_eq!(base.take_off(&mut request), Below::Here, "{asked}");
            assert_eq!(request.uri().to_string(), left, "{asked}");
        }
        for (asked, there) in [("/ops/dash", "dash/"), ("/ops/dash?at=0:1", "dash/?at=0:1")] {
            let mut request = Request::builder().uri(asked).body(()).expect("a request");
            let redirected = Below::WithoutSlash(there.to_owned());
            assert_eq!(base.take_off(&mut request), redirected, "{asked}");
        }
        let mut request = Request::builder()
            .uri("/ops/dash")
            .body(())
            .expect("a request");
        assert_eq!(BasePath::default().take_off(&mut request), Below::Here);
    }
}
