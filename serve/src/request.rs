//! What every request must be before anybody looks at its path (RFC 9112, section 3).

use bytes::Bytes;
use decode_core::wire::WS_PATH;
use hyper::{Method, Request, Response, StatusCode, Version, header};

use crate::{
    answer::{not_allowed, plain},
    host::authority,
    rules::{FOREIGN_HOST, Rules},
};

/// Answers a request that nobody else should: one without a path, without one valid host, or to a host that
/// is not this server.
pub(crate) fn refuse<B>(request: &Request<B>, rules: &Rules) -> Option<Response<Bytes>> {
    if request.method() == Method::CONNECT {
        return Some(not_allowed("This is not a proxy.\n", "GET, HEAD"));
    }
    // The asterisk form asks about the server as a whole.
    if request.method() == Method::OPTIONS && request.uri().path() == "*" {
        return Some(not_allowed("Only GET is answered here.\n", "GET, HEAD"));
    }
    if let Some(flaw) = flaw(request) {
        return Some(plain(StatusCode::BAD_REQUEST, flaw));
    }
    let target = request.uri().host();
    let is_own =
        rules.knows_host_of(request.headers()) && target.is_none_or(|host| rules.knows(host));
    // At the session's path the gate says why nobody is let in.
    let is_session = request.uri().path() == WS_PATH;
    (!is_own && !is_session).then(|| plain(StatusCode::MISDIRECTED_REQUEST, FOREIGN_HOST))
}

fn flaw<B>(request: &Request<B>) -> Option<&'static str> {
    if !request.uri().path().starts_with('/') {
        return Some("The request has no path.\n");
    }
    let is_old = request.version() < Version::HTTP_11;
    if is_old && request.headers().contains_key(header::UPGRADE) {
        return Some("An upgrade needs HTTP/1.1.\n");
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if is_old => None,
        (None, _) => Some("The Host header is missing.\n"),
        (Some(_), Some(_)) => Some("There is more than one Host header.\n"),
        (Some(host), None) if authority(host).is_none() => Some("The Host header is not valid.\n"),
        (Some(_), None) => None,
    }
}
