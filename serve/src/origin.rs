//! Where a page comes from.

use hyper::{header::HeaderValue, http::uri::Authority};
use serde::{Serialize, Serializer};

use crate::host::{authority, normal, parts};

/// An origin as a browser sends it: scheme, host and, unless it is the default, port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    text: String,
    host: String,
    port: u16,
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Origin {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not an origin such as https://example.org");
        let text = text.to_ascii_lowercase();
        let (scheme, place) = text.split_once("://").ok_or_else(wrong)?;
        let default_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(wrong()),
        };
        let value = HeaderValue::from_str(place).map_err(|_| wrong())?;
        let place = authority(&value).ok_or_else(wrong)?;
        let (host, port) = (
            normal(place.host()),
            place.port_u16().unwrap_or(default_port),
        );
        let is_default = port == default_port;
        let text = match is_default {
            true => format!("{scheme}://{host}"),
            false => format!("{scheme}://{host}:{port}"),
        };
        Ok(Self { text, host, port })
    }

    /// The origins in a comma-separated list.
    ///
    /// # Errors
    /// A sentence about the first that is not an origin.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        parts(text).map(Self::parse).collect()
    }

    /// In lower case, without a port that is the scheme's default.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether it is the origin of pages that are served at this place: an absent port is the default of the
    /// origin's scheme.
    pub(crate) fn is_at(&self, place: &Authority) -> bool {
        let default_port = if self.is_tls() { 443 } else { 80 };
        let port = place.port_u16().unwrap_or(default_port);
        self.port == port && self.host == normal(place.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_host_and_port() {
        let list = "https://A.example, http://b:8080,https://c:443, http://[::1]:80";
        let origins = Origin::parse_list(list).expect("origins");
        let texts: Vec<_> = origins.iter().map(Origin::as_str).collect();
        let expected = [
            "https://a.example",
            "http://b:8080",
            "https://c",
            "http://[::1]",
        ];
        assert_eq!(texts, expected);
        for bad in [
            "example.org",
            "https://",
            "https://a/b",
            "*",
            "ws://a",
            "https://a@b",
            "https://a:x",
            "null",
        ] {
            assert!(Origin::parse_list(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
