//! Signing in and out: a page sends a token and gets a cookie for it, which no script can read. Only pages that may
//! connect may do either, so that no other page signs somebody in or out.

use bytes::Bytes;
use dashstream_serve::{
    Peer,
    gate::{Refused, Role},
};
use hyper::{
    Method, StatusCode,
    header::{self, HeaderValue, ORIGIN},
    http::HeaderMap,
};
use serde::Deserialize;
use serde_json::json;
use warp::reply::Response;

use super::answer::{json, not_allowed, plain};
use crate::{auth::SignIn, shared::Shared};

/// A token at its longest, and the JSON around it.
pub(super) const BODY_BYTES_MAX: u64 = 1024;

/// What a page sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    token: String,
}

/// POST signs in, DELETE signs out.
pub(super) fn session(
    shared: &Shared,
    method: &Method,
    headers: &HeaderMap,
    peer: &Peer,
    body: &Bytes,
) -> Response {
    let is_in = match *method {
        Method::POST => true,
        Method::DELETE => false,
        _ => return not_allowed("Only POST and DELETE are answered here.\n", "POST, DELETE"),
    };
    // Only browsers need a cookie, and they say which page asks.
    let page = match headers.contains_key(ORIGIN) {
        true => shared.server.check_page(headers, peer),
        false => Err(Refused::Origin),
    };
    if let Err(refused) = page {
        shared.auth.counts().sign_ins.inc(SignIn::Refused);
        return shared.server.refuse_request(refused).map(Into::into);
    }
    if is_in {
        sign_in(shared, headers, peer, body)
    } else {
        let cookie = shared.auth.sign_out(headers, speaks_tls(headers));
        with_cookie(json(StatusCode::OK, &json!({ "role": null })), &cookie)
    }
}

fn sign_in(shared: &Shared, headers: &HeaderMap, peer: &Peer, body: &Bytes) -> Response {
    let count = |outcome| shared.auth.counts().sign_ins.inc(outcome);
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_json = kind.is_some_and(|kind| kind.starts_with(b"application/json"));
    let form = serde_json::from_slice::<Form>(body);
    let (true, Ok(form)) = (is_json, form) else {
        count(SignIn::Refused);
        return plain(
            StatusCode::BAD_REQUEST,
            "expected {\"token\": TEXT} as application/json\n",
        );
    };
    let token = form.token.trim();
    let signed_in = shared
        .auth
        .sign_in(peer.address, headers, token, speaks_tls(headers));
    match signed_in {
        Ok(signed_in) => {
            count(SignIn::Accepted);
            let (name, address) = (signed_in.name.as_deref(), peer.address);
            tracing::info!(name, %address, "signed in");
            let role = role_name(signed_in.role);
            with_cookie(
                json(StatusCode::OK, &json!({ "role": role })),
                &signed_in.cookie,
            )
        }
        Err(refused) => {
            let is_limited = refused == Refused::Attempts;
            count(if is_limited {
                SignIn::Limited
            } else {
                SignIn::Wrong
            });
            shared.server.refuse_request(refused).map(Into::into)
        }
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Admin => "admin",
    }
}

/// Whether the browser speaks TLS, with a proxy before the relay: its page's own origin says so, which no page can
/// choose, and which [`session`] has checked.
fn speaks_tls(headers: &HeaderMap) -> bool {
    let origin = headers.get(ORIGIN);
    origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https:"))
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
