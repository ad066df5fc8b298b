//! Who may connect.
//!
//! A page of a foreign name may resolve that name to this server (DNS rebinding): its Origin and Host then
//! agree and prove nothing. So a name must be known, whatever address is listened on: an IP address and
//! localhost are, as nobody can point them elsewhere; any other one has to be listed.

use std::time::Duration;

use hyper::{header, http::HeaderMap};

use crate::{
    gate::Refused,
    host::{self, HostName, authority},
    origin::Origin,
};

/// Who may connect, and for how long a client may take nothing.
#[derive(Clone, Debug)]
pub struct Rules {
    /// WebSockets at once.
    pub connections_max: usize,
    /// WebSockets at once from one address.
    pub connections_per_address_max: usize,
    /// Pages of these origins may connect besides the page that is served here.
    pub allowed_origins: Vec<Origin>,
    /// Names this server is asked under, besides IP addresses, localhost and those of the origins.
    pub allowed_hosts: Vec<HostName>,
    /// How long a client may take nothing before it is closed with 4003.
    pub send_timeout: Duration,
}

impl Rules {
    /// Whether a host is one of this server's.
    pub(crate) fn knows(&self, host: &str) -> bool {
        let name = host::normal(host);
        host::is_fixed(host)
            || self
                .allowed_hosts
                .iter()
                .any(|known| known.as_str() == name)
            || self
                .allowed_origins
                .iter()
                .any(|known| known.host() == name)
    }

    /// Whether the name a request is sent to is one of this server's. A request without one does not come
    /// from a browser.
    pub(crate) fn knows_host_of(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST);
        host.is_none_or(|host| authority(host).is_some_and(|place| self.knows(place.host())))
    }

    /// Whether a page may connect: the one served here and those of listed origins. Without an Origin it is
    /// not a browser's page; more than one proves nothing.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        if !self.knows_host_of(headers) {
            return Err(Refused::Host);
        }
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return Ok(()),
            (Some(origin), None) => origin
                .to_str()
                .ok()
                .and_then(|text| Origin::parse(text).ok()),
            (Some(_), Some(_)) => None,
        };
        let place = headers.get(header::HOST).and_then(authority);
        let is_welcome = |origin: &Origin| {
            self.allowed_origins.contains(origin)
                || place.as_ref().is_some_and(|place| origin.is_at(place))
        };
        match origin.filter(is_welcome) {
            Some(_) => Ok(()),
            None => Err(Refused::Origin),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    // holds SEC-02: pages of other origins cannot connect.
    #[test]
    fn origins() {
        let rules = Rules {
            connections_max: 1,
            connections_per_address_max: 1,
            allowed_origins: Origin::parse_list("https://ops.example").expect("an origin"),
            allowed_hosts: HostName::parse_list("relay").expect("a host"),
            send_timeout: Duration::ZERO,
        };
        let check = |origins: &[&'static str], host: &'static str| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, HeaderValue::from_static(origin));
            }
            headers.insert(header::HOST, HeaderValue::from_static(host));
            rules.check(&headers)
        };
        for (origins, host) in [
            (&[][..], "127.0.0.1:3002"),
            (&[], "10.1.2.3"),
            (&[], "relay:3002"),
            (&["http://127.0.0.1:3002"], "127.0.0.1:3002"),
            (&["http://localhost:3002"], "LOCALHOST:3002"),
            (&["http://[::1]:3002"], "[::1]:3002"),
            (&["https://OPS.example"], "relay:3002"),
            (&["https://ops.example:443"], "relay:3002"),
            (&["https://ops.example"], "ops.example:443"),
            (&["http://relay"], "relay:80"),
            (&["http://relay:80"], "relay"),
            (&["https://relay"], "relay:443"),
            (&["https://relay"], "relay"),
        ] {
            assert_eq!(check(origins, host), Ok(()), "{origins:?} at {host}");
        }
        for (origins, host, why) in [
            (
                &["http://rebound.example:3002"][..],
                "rebound.example:3002",
                Refused::Host,
            ),
            (&[], "rebound.example", Refused::Host),
            (
                &["http://127.0.0.1"],
                "127.0.0.1.evil.example",
                Refused::Host,
            ),
            (&["https://evil.example"], "127.0.0.1:3002", Refused::Origin),
            (
                &["http://127.0.0.1:5173"],
                "127.0.0.1:3002",
                Refused::Origin,
            ),
            (&["https://relay"], "relay:80", Refused::Origin),
            (&["http://relay:443"], "relay", Refused::Origin),
            (&["null"], "127.0.0.1:3002", Refused::Origin),
            (&["http://relay", "http://relay"], "relay", Refused::Origin),
            (
                &["http://relay", "http://evil.example"],
                "relay",
                Refused::Origin,
            ),
        ] {
            assert_eq!(check(origins, host), Err(why), "{origins:?} at {host}");
        }
    }
}
