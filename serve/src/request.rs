//! What every request must be before anybody looks at its path (RFC 9112, section 3).

use bytes::Bytes;
use hyper::{
    Method, Request, Response, StatusCode, Version,
    header::{self, HeaderValue},
    http::uri::Authority,
};

use crate::answer::{not_allowed, plain};

/// Answers a request that nobody else can answer: one without a path, or without one valid host.
pub(crate) fn refuse<B>(request: &Request<B>) -> Option<Response<Bytes>> {
    if request.method() == Method::CONNECT {
        return Some(not_allowed("This is no proxy.\n", "GET, HEAD"));
    }
    // The asterisk form asks about the server as a whole.
    if request.method() == Method::OPTIONS && request.uri().path() == "*" {
        return Some(not_allowed("Only GET is answered here.\n", "GET, HEAD"));
    }
    let bad = |text: &'static str| Some(plain(StatusCode::BAD_REQUEST, text));
    if !request.uri().path().starts_with('/') {
        return bad("The request has no path.\n");
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() >= Version::HTTP_11 => bad("The Host header is missing.\n"),
        (None, _) => None,
        (Some(_), Some(_)) => bad("There is more than one Host header.\n"),
        (Some(host), None) if authority(host).is_none() => bad("The Host header is not valid.\n"),
        (Some(_), None) => None,
    }
}

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
