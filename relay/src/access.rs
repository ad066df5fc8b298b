//! What a request needs, by method and path, what can be done about a refusal, and which requests come from this
//! machine. SECURITY.md has the same table, and a test compares the two.

use std::{net::IpAddr, sync::Arc};

use dashstream_serve::gate::{Access, Authenticator, Credentials, Gate, Refused, Role};
use decode_core::wire;
use hyper::{
    Method, Version,
    header::{CONNECTION, HOST, UPGRADE},
    http::uri::Authority,
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
    if PUBLIC.contains(&path) || path.starts_with("/assets/") {
        Access::Anybody
    } else if PROBES.contains(&path) {
        Access::Optional
    } else if path.starts_with("/admin/") {
        Access::Needs(Role::Admin)
    } else {
        Access::Needs(Role::Viewer)
    }
}

/// The page's own files, and the way in.
const PUBLIC: [&str; 6] = [
    "/",
    "/index.html",
    "/boot.js",
    "/theme.js",
    "/favicon.svg",
    wire::SESSION_PATH,
];
const PROBES: [&str; 2] = ["/ready", "/version"];

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

/// Whether a request was sent on this machine: the peer and the Host are loopback, and there is no header of a proxy,
/// behind which everybody comes from loopback. A forwarder of bare TCP leaves no trace, nor does a proxy that is told
/// to write another Host and nothing else.
pub(crate) fn is_from_here(credentials: &Credentials<'_>) -> bool {
    let headers = credentials.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    credentials.address.to_canonical().is_loopback()
        && host.is_some_and(names_loopback)
        && !headers.keys().any(|name| is_of_proxy(name.as_str()))
}

/// Whether a request is as proxies send it, rather than people and programs. They may be wronged, so that this counts
/// only where they can show a token instead.
pub(crate) fn looks_forwarded(credentials: &Credentials<'_>) -> bool {
    let lists = |wanted: &str| {
        let mut values = credentials.headers().get_all(CONNECTION).iter();
        values.any(|value| {
            let mut options = value.as_bytes().split(|byte| *byte == b',');
            options.any(|option| option.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
        })
    };
    // nginx, unless it is told otherwise; the version alone says that the connection is to be closed.
    let is_plain_nginx = credentials.version < Version::HTTP_11 && lists("close");
    // A proxy that writes this into every request, as many blocks for WebSockets do.
    let is_idle_upgrade = lists("upgrade") && !credentials.headers().contains_key(UPGRADE);
    credentials.is_of_proxy || is_plain_nginx || is_idle_upgrade
}

/// Whether proxies, balancers and tunnels add a header like this one to say for whom they ask, and what for. No browser
/// and no program that asks directly sends one.
fn is_of_proxy(name: &str) -> bool {
    PROXY_HEADERS.contains(&name)
        || PROXY_PREFIXES.iter().any(|start| name.starts_with(start))
        || PROXY_PARTS.iter().any(|part| name.contains(part))
}

const PROXY_HEADERS: [&str; 14] = [
    "via",
    "cdn-loop",
    "max-forwards",
    "surrogate-capability",
    "front-end-https",
    "x-host",
    "x-scheme",
    "x-url-scheme",
    "x-server-name",
    "x-server-port",
    "x-script-name",
    "x-request-start",
    "x-queue-start",
    "x-varnish",
];
const PROXY_PREFIXES: [&str; 15] = [
    "cf-",
    "fly-",
    "fastly-",
    "akamai-",
    "tailscale-",
    "x-amzn-",
    "x-amz-cf-",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-cloud-",
    "x-envoy-",
    "x-original-",
    "x-remote-",
    "x-ssl-",
];
const PROXY_PARTS: [&str; 7] = [
    "forwarded",
    "client-ip",
    "clientip",
    "client-cert",
    "originating-ip",
    "proxy",
    "real-ip",
];

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
