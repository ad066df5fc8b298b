//! Which pages may connect.

use hyper::{header, http::HeaderMap};
use serde::Serialize;

/// An origin as a browser sends it: scheme, host and, unless it is the default, port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin(String);

impl Origin {
    fn parse(text: &str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        let legal = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '?' | '#' | '@');
        match rest {
            Some(host) if !host.is_empty() && host.chars().all(legal) => {
                Ok(Self(text.to_ascii_lowercase()))
            }
            _ => Err(format!(
                "\"{text}\" is not an origin such as https://example.org"
            )),
        }
    }

    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Self::parse)
            .collect()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A browser says which page connects. The page that is served here may, and those of listed origins.
///
/// On loopback a name other than localhost is no proof of being that page: any name can
/// be made to point to 127.0.0.1. Such a name must be listed. Without the header it is no browser.
pub(crate) fn is_origin_welcome(headers: &HeaderMap, allowed: &[Origin], loopback: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Some(origin) = origin.to_str().ok().map(str::to_ascii_lowercase) else {
        return false;
    };
    if allowed.iter().any(|known| known.as_str() == origin) {
        return true;
    }
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
        && (!loopback || is_local_name(authority))
}

fn is_local_name(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn origins_are_scheme_and_host() {
        let origins = Origin::parse_list("https://A.example, http://b:8080").expect("origins");
        let texts: Vec<_> = origins.iter().map(Origin::as_str).collect();
        assert_eq!(texts, ["https://a.example", "http://b:8080"]);
        for bad in ["example.org", "https://", "https://a/b", "*", "ws://a"] {
            assert!(Origin::parse_list(bad).is_err(), "{bad:?} was accepted");
        }
    }

    // holds SEC-02: pages of other origins cannot connect.
    #[test]
    fn origins() {
        let allowed = Origin::parse_list("https://ops.example").expect("an origin");
        let welcome = |origin: Option<&'static str>, host: &'static str, loopback| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            headers.insert(header::HOST, HeaderValue::from_static(host));
            is_origin_welcome(&headers, &allowed, loopback)
        };
        assert!(welcome(None, "127.0.0.1:3002", true), "no browser");
        assert!(welcome(
            Some("http://127.0.0.1:3002"),
            "127.0.0.1:3002",
            true
        ));
        assert!(welcome(
            Some("http://localhost:3002"),
            "LOCALHOST:3002",
            true
        ));
        assert!(welcome(Some("http://[::1]:3002"), "[::1]:3002", true));
        assert!(
            welcome(Some("https://OPS.example"), "relay:3002", true),
            "listed"
        );
        assert!(welcome(
            Some("https://relay.example"),
            "relay.example",
            false
        ));
        assert!(!welcome(
            Some("http://rebound.example:3002"),
            "rebound.example:3002",
            true
        ));
        assert!(!welcome(
            Some("https://evil.example"),
            "127.0.0.1:3002",
            true
        ));
        assert!(
            !welcome(Some("http://127.0.0.1:5173"), "127.0.0.1:3002", true),
            "another port"
        );
        assert!(!welcome(Some("null"), "127.0.0.1:3002", false));
    }
}
