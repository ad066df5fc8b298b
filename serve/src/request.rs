//! What every request must be before anybody looks at its path (RFC 9112, section 3).

use bytes::Bytes;
use decode_core::wire::WS_PATH;
use hyper::{Method, Request, Response, StatusCode, Version, header, http::uri::Authority};

use crate::{
    answer::{not_allowed, plain},
    gate::Refused,
    host::authority,
    rules::Rules,
};

/// Refuses a request that nobody should answer: one without a path, without one valid host, or to a host that
/// is not this server. `place` is what the client asked for, which a proxy may have changed in the request.
pub(crate) fn refuse<B>(
    request: &Request<B>,
    place: Option<&Authority>,
    rules: &Rules,
) -> Result<(), Unfit> {
    if request.method() == Method::CONNECT {
        let answer = not_allowed("This is not a proxy.\n", "GET, HEAD");
        return Err(Unfit::Form(Box::new(answer)));
    }
    // The asterisk form asks about the server as a whole.
    if request.method() == Method::OPTIONS && request.uri().path() == "*" {
        let answer = not_allowed("Only GET is answered here.\n", "GET, HEAD");
        return Err(Unfit::Form(Box::new(answer)));
    }
    if let Some(flaw) = flaw(request) {
        let answer = plain(StatusCode::BAD_REQUEST, flaw);
        return Err(Unfit::Form(Box::new(answer)));
    }
    let target = request.uri().host();
    let is_own = rules.knows_place(place) && target.is_none_or(|host| rules.knows(host));
    // At the session's path the gate says why nobody is let in.
    let is_session = request.uri().path() == WS_PATH;
    if is_own || is_session {
        Ok(())
    } else {
        Err(Unfit::Refused(Refused::Misdirected))
    }
}

/// What a request is that nobody should look at.
pub(crate) enum Unfit {
    /// Not a request of HTTP/1.1, with what to answer.
    Form(Box<Response<Bytes>>),
    /// One for somebody else.
    Refused(Refused),
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
