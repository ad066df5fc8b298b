//! The headers under which a browser may run what the relay answers: on every answer, put there in
//! one place.

use hyper::{
    header::{self, HeaderName, HeaderValue},
    http::{HeaderMap, uri::Authority},
};

use crate::Origin;

/// Puts the headers on an answer to a request that was sent to this place.
pub(crate) fn harden(answer: &mut HeaderMap, place: Option<&str>, allowed: &[Origin]) {
    answer.insert(header::CONTENT_SECURITY_POLICY, policy(place, allowed));
    for (name, value) in FIXED {
        answer.insert(name, HeaderValue::from_static(value));
    }
}

const FIXED: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// What a page that is served here may do: run its own scripts and its own WASM, talk to where it came
/// from, and nothing else. Workers start from the same origin.
///
/// Not every browser takes `'self'` for WebSockets too, so that the server's own name is there once
/// more; the operator's origins are those of a proxy before it, which may change that name.
fn policy(place: Option<&str>, allowed: &[Origin]) -> HeaderValue {
    let allowed = allowed.iter().filter_map(|o| o.as_str().split_once("://"));
    let mut sources = String::new();
    for authority in place.into_iter().chain(allowed.map(|(_, rest)| rest)) {
        if is_plain(authority) {
            sources += &format!(" ws://{authority} wss://{authority}");
        }
    }
    HeaderValue::try_from(format!("{BEFORE}{sources}{AFTER}"))
        .unwrap_or(HeaderValue::from_static(CLOSED))
}

const BEFORE: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; connect-src 'self'";
const AFTER: &str = "; img-src 'self' data:; font-src 'self'; worker-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const CLOSED: &str = "default-src 'none'";

/// A host with or without a port, and not one character that means something in a policy.
fn is_plain(authority: &str) -> bool {
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    authority.len() <= AUTHORITY_BYTES_MAX
        && authority.chars().all(legal)
        && authority.parse::<Authority>().is_ok_and(|parsed| {
            let has_port = parsed.as_str().len() > parsed.host().len();
            !parsed.host().is_empty() && (!has_port || parsed.port_u16().is_some())
        })
}

/// A name of the domain name system at its longest, and a port.
const AUTHORITY_BYTES_MAX: usize = 253 + 6;

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-11: the page reaches the relay it came from, by the names it may have, and no other.
    #[test]
    fn a_page_may_connect_to_where_it_came_from() {
        let allowed = Origin::parse_list("https://ops.example").expect("an origin");
        let connect = |host: &str, allowed: &[Origin]| {
            let policy = policy(Some(host), allowed);
            let policy = policy.to_str().expect("ASCII").to_owned();
            let part = policy.split("; ").find(|part| part.starts_with("connect"));
            part.expect("a part").to_owned()
        };
        for host in [
            "127.0.0.1:3002",
            "[::1]:3002",
            "relay.example",
            "localhost:1",
        ] {
            let expected = format!("connect-src 'self' ws://{host} wss://{host}");
            assert_eq!(connect(host, &[]), expected);
        }
        for strange in [
            "",
            "*",
            "*:80",
            "a b",
            "a;script-src",
            "a,b",
            "u@a:1",
            "a:",
            "a:x",
            "a:99999",
            ":1",
            "[::1",
            "a/b",
        ] {
            assert_eq!(connect(strange, &[]), "connect-src 'self'", "{strange}");
        }
        assert_eq!(
            connect("*", &allowed),
            "connect-src 'self' ws://ops.example wss://ops.example"
        );
    }
}
