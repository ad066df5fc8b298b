//! The names a server is asked under.

use hyper::{header::HeaderValue, http::uri::Authority};
use serde::Serialize;

/// What a Host header names: a host and perhaps a port, and no user.
pub(crate) fn authority(host: &HeaderValue) -> Option<Authority> {
    let text = host.to_str().ok()?;
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let rest = text.strip_prefix(host)?;
    let has_port = rest.strip_prefix(':').is_some_and(|port| {
        port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
    });
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let is_host = !host.is_empty() && host.chars().all(legal);
    (is_host && (rest.is_empty() || has_port)).then_some(authority)
}

/// In lower case and without the dot of the root.
pub(crate) fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Whether nobody can point this name elsewhere: an IP address, or localhost.
pub(crate) fn is_fixed(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    normal(host) == "localhost" || address.parse::<std::net::IpAddr>().is_ok()
}

/// A host name without a port, as a Host header may have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostName(String);

impl HostName {
    fn parse(text: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(text).ok();
        match value.as_ref().and_then(authority) {
            Some(place) if place.as_str() == place.host() => Ok(Self(normal(place.host()))),
            _ => Err(format!(
                "\"{text}\" is not a host name such as relay.example"
            )),
        }
    }

    /// The names in a comma-separated list.
    ///
    /// # Errors
    /// A sentence about the first that is not a host name.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        parts(text).map(Self::parse).collect()
    }

    /// In lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The parts of a list that are not empty.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hosts_without_a_port() {
        let names = HostName::parse_list("Relay, relay.example.,").expect("names");
        let texts: Vec<_> = names.iter().map(HostName::as_str).collect();
        assert_eq!(texts, ["relay", "relay.example"]);
        for bad in ["relay:3002", "http://relay", "a b", "relay:", "a/b", "*"] {
            assert!(HostName::parse_list(bad).is_err(), "{bad:?} was accepted");
        }
        for fixed in ["127.0.0.1", "[::1]", "LOCALHOST", "localhost."] {
            assert!(is_fixed(fixed), "{fixed}");
        }
        for free in ["127.0.0.1.example", "localhost.example", "relay", "[::1]x"] {
            assert!(!is_fixed(free), "{free}");
        }
    }
}
