//! What a request needs, by method and path, what can be done about a refusal, and which requests come from this
//! machine. SECURITY.md has the same table, and a test compares the two.

use std::{net::IpAddr, sync::Arc};

use dashstream_serve::gate::{Access, Authenticator, Gate, Refused, Role};
use decode_core::wire;
use hyper::{
    Method,
    header::{self, HOST},
    http::{HeaderMap, uri::Authority},
};

/// The relay's gate.
pub(crate) fn gate(authenticator: Arc<dyn Authenticator>) -> Gate {
    Gate {
        authenticator,
        access,
        hint,
    }
}

/// The page's files hold no data, and without them nobody could sign in; probes say little to whoever may not see.
/// Whatever changes something is the administrator's, and the rest is for those who may see.
fn access(_: &Method, path: &str) -> Access {
    let is_public = PUBLIC.contains(&path) || path.starts_with("/assets/");
    if is_public {
        Access::Anybody
    } else if path.starts_with("/admin/") {
        Access::Needs(Role::Admin)
    } else {
        Access::Needs(Role::Viewer)
    }
}

/// The page's own files, the probes, and the way in.
const PUBLIC: [&str; 8] = [
    "/",
    "/index.html",
    "/boot.js",
    "/theme.js",
    "/favicon.svg",
    "/ready",
    "/version",
    wire::SESSION_PATH,
];

/// The setting, or where to look.
const fn hint(refused: Refused) -> &'static str {
    match refused {
        Refused::Host | Refused::Misdirected => {
            "--allowed-host (WEBSOCKET_ALLOWED_HOSTS) lists the names it is reached by."
        }
        Refused::Origin => "--allowed-origin (WEBSOCKET_ALLOWED_ORIGINS) lists those that may.",
        Refused::Forwarded => {
            "Proxies in --trusted-proxies (WEBSOCKET_TRUSTED_PROXY_IPS) set one kind and remove the other."
        }
        Refused::Starting => "See /health for what it is waiting for.",
        Refused::PerAddress => "The limit is --max-connections-per-ip.",
        Refused::Total => "The limit is --max-connections.",
        Refused::Unauthenticated => {
            "Sign in on the page, or send a token of the relay's --tokens-file: \
             Authorization: Bearer TOKEN."
        }
        Refused::NotAllowed => "A token with the role admin does.",
        Refused::NoUpgrade
        | Refused::Version
        | Refused::Key
        | Refused::Subprotocol
        | Refused::Attempts
        | Refused::Shutdown => "",
    }
}

/// Whether a request was sent on this machine: the peer and the Host are loopback, and there is no trace of a proxy,
/// behind which everybody comes from loopback. A forwarder of bare TCP leaves no trace.
pub(crate) fn is_from_here(address: IpAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    address.to_canonical().is_loopback()
        && host.is_some_and(names_loopback)
        && !headers.keys().any(|name| {
            let is_of_proxy = FORWARDED.contains(&name.as_str()) || name == header::VIA;
            let mut prefixes = FORWARDED_PREFIXES.iter();
            is_of_proxy || prefixes.any(|prefix| name.as_str().starts_with(prefix))
        })
}

/// What proxies add to say for whom they ask.
const FORWARDED: [&str; 6] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
];
const FORWARDED_PREFIXES: [&str; 2] = ["x-forwarded", "x-original-"];

fn names_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
