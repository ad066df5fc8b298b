//! What a request needs, by method and path, and what can be done about a refusal.

use dashstream_serve::gate::{Access, Gate, Refused, Role};
use hyper::Method;

/// The relay's gate: everybody may see, as there are no credentials yet.
pub(crate) fn gate() -> Gate {
    Gate {
        access,
        hint,
        ..Gate::default()
    }
}

/// Whatever changes something is the administrator's.
fn access(_: &Method, path: &str) -> Access {
    Access::Needs(if path.starts_with("/admin/") {
        Role::Admin
    } else {
        Role::Viewer
    })
}

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
        Refused::NoUpgrade
        | Refused::Version
        | Refused::Key
        | Refused::Subprotocol
        | Refused::Unauthenticated
        | Refused::NotAllowed
        | Refused::Shutdown => "",
    }
}
