//! Who may connect.
//!
//! A page of a foreign name may resolve that name to this server (DNS rebinding): its Origin and Host then
//! agree and prove nothing. So a name must be known, whatever address is listened on: an IP address and
//! localhost are, as nobody can point them elsewhere; any other one has to be listed.

use std::time::Duration;

use hyper::{
    header,
    http::{HeaderMap, uri::Authority},
};

use crate::{
    arrival::TrustedProxies,
    base_path::BasePath,
    gate::Refused,
    host::{self, HostName},
    limits,
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
    /// Proxies that are believed about who their clients are.
    pub trusted_proxies: TrustedProxies,
    /// The path under which proxies put this server, if they leave it in requests.
    pub base_path: BasePath,
    /// How long a client may take nothing before it is closed with 4003.
    pub send_timeout: Duration,
    /// Sockets that this process may have for whoever connects, where that is bounded: what else it opens must find
    /// a descriptor too.
    pub sockets_max: Option<usize>,
}

/// How many may be connected, so that some room is always left for those who only ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// TCP connections.
    pub total: usize,
    /// Of them, WebSockets.
    pub websockets: usize,
    /// TCP connections of one address that are no WebSockets.
    pub share: usize,
}

impl Rules {
    /// As many as are allowed and fit.
    pub(crate) fn room(&self) -> Room {
        let wanted = self.connections_max;
        let most = limits::sockets(wanted);
        let spare = most - wanted;
        let total = self.sockets_max.map_or(most, |max| max.min(most));
        let spare = if total < most {
            spare.min(total / limits::HTTP_CONNECTIONS_SPARE_SHARE)
        } else {
            spare
        };
        let share = (total / limits::HTTP_CONNECTIONS_SHARE)
            .max(limits::HTTP_CONNECTIONS_SHARE_MIN)
            .min(spare / 4 * 3);
        Room {
            total,
            websockets: wanted.min(total - spare),
            share: share.max(1),
        }
    }

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

    /// Whether the place a request is sent to is one of this server's. A request without one does not come
    /// from a browser.
    pub(crate) fn knows_place(&self, place: Option<&Authority>) -> bool {
        place.is_none_or(|place| self.knows(place.host()))
    }

    /// Whether a page may connect: the one served here and those of listed origins. Without an Origin it is
    /// not a browser's page; more than one proves nothing. `place` and `is_tls` are how the client reached the server.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        place: Option<&Authority>,
        is_tls: Option<bool>,
    ) -> Result<(), Refused> {
        if !self.knows_place(place) {
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
        let is_own = |origin: &Origin| {
            is_tls.is_none_or(|is_tls| is_tls == origin.is_tls())
                && place.is_some_and(|place| origin.is_at(place))
        };
        let is_welcome = |origin: &Origin| self.allowed_origins.contains(origin) || is_own(origin);
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

    fn check(origins: &[&'static str], host: &str, is_tls: Option<bool>) -> Result<(), Refused> {
        let rules = Rules {
            connections_max: 1,
            connections_per_address_max: 1,
            allowed_origins: Origin::parse_list("https://ops.example").expect("an origin"),
            allowed_hosts: HostName::parse_list("relay").expect("a host"),
            trusted_proxies: TrustedProxies::default(),
            base_path: BasePath::default(),
            send_timeout: Duration::ZERO,
            sockets_max: None,
        };
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(header::ORIGIN, HeaderValue::from_static(origin));
        }
        let place: Authority = host.parse().expect("a host");
        rules.check(&headers, Some(&place), is_tls)
    }

    /// SEC-06: a proxy that says over what the client came leaves no doubt about its page's scheme.
    #[test]
    fn a_scheme_that_is_told_must_be_the_origins() {
        for (origin, host, is_tls, is_own) in [
            ("https://relay", "relay", true, true),
            ("http://relay", "relay", false, true),
            ("https://relay:8443", "relay:8443", true, true),
            ("https://relay:8443", "relay:8443", false, false),
            ("http://relay", "relay", true, false),
            ("https://ops.example", "relay", false, true),
        ] {
            let checked = check(&[origin], host, Some(is_tls));
            assert_eq!(checked.is_ok(), is_own, "{origin} at {host}, {is_tls}");
        }
    }

    // holds SEC-02: pages of other origins cannot connect.
    #[test]
    fn origins() {
        let check = |origins: &[&'static str], host: &str| check(origins, host, None);
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

    /// X12, X13: whatever the number of WebSockets allowed and of sockets there may be, some are left for those who
    /// only ask, and one address cannot have all of those.
    #[test]
    fn some_room_is_always_left_for_those_who_ask() {
        for wanted in [1, 200, 1_000, 20_000] {
            for sockets_max in [
                None,
                Some(4),
                Some(72),
                Some(896),
                Some(1_255),
                Some(100_000),
            ] {
                let rules = Rules {
                    connections_max: wanted,
                    connections_per_address_max: wanted,
                    allowed_origins: Vec::new(),
                    allowed_hosts: Vec::new(),
                    trusted_proxies: TrustedProxies::default(),
                    base_path: BasePath::default(),
                    send_timeout: Duration::ZERO,
                    sockets_max,
                };
                let room = rules.room();
                let spare = room.total - room.websockets;
                assert!(sockets_max.is_none_or(|max| room.total <= max), "{room:?}");
                assert!(room.share >= 1 && room.websockets >= 1, "{room:?}");
                assert!(spare > room.share || room.total == 4, "{room:?}");
                let is_bounded = sockets_max.is_some_and(|max| max < wanted + 256);
                assert!(is_bounded || room.websockets == wanted, "{room:?}");
            }
        }
    }
}
