//! What an operator may do: release a partition that stopped at a record. Only this machine's own requests
//! to a loopback address are sure to be the operator's: with a header that a page of another origin cannot
//! send, without an origin, which browsers add to every POST, and without a trace of a proxy, behind which
//! everybody comes from loopback. A forwarder of bare TCP leaves no trace.

use dashstream_serve::Peer;
use hyper::{
    StatusCode,
    header::{self, HOST, ORIGIN},
    http::{HeaderMap, uri::Authority},
};
use serde_json::json;
use warp::reply::Response;

use super::answer::{json, plain};
use crate::shared::Shared;

/// Browsers ask first before they send a header they do not know, and the relay never agrees.
const HEADER: &str = "x-dashstream-admin";
/// What the header has to say.
const RELEASE: &str = "release";

/// Releases a partition; `query` may name the offset at which it is believed to wait.
pub(super) fn release(
    shared: &Shared,
    partition: &str,
    query: &str,
    headers: &HeaderMap,
    peer: Peer,
) -> Response {
    if !is_operator(headers, &peer) {
        return plain(StatusCode::FORBIDDEN, WHO_MAY);
    }
    let offset = match query {
        "" => None,
        query => match query.strip_prefix("offset=").map(str::parse) {
            Some(Ok(offset)) => Some(offset),
            _ => return plain(StatusCode::BAD_REQUEST, "offset=<number> or nothing\n"),
        },
    };
    let known = shared.ingest.partitions();
    let partition = partition.parse::<u32>().ok();
    let Some((_, status)) = known.iter().find(|(known, _)| Some(*known) == partition) else {
        return plain(StatusCode::NOT_FOUND, "the topic has no such partition\n");
    };
    match status.release(offset) {
        Some(pause) => {
            let lifted = json!({ "offset": pause.offset.to_string(), "reason": pause.reason });
            json(StatusCode::OK, &lifted)
        }
        None => plain(StatusCode::CONFLICT, "nothing is paused there\n"),
    }
}

const WHO_MAY: &str = "only from this machine to a loopback address, not through a proxy, and with \
    X-DashStream-Admin: release; the command is: dashstream-relay release PARTITION\n";

fn is_operator(headers: &HeaderMap, peer: &Peer) -> bool {
    let said = headers.get(HEADER).map(|value| value.as_bytes());
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_forwarded = headers.keys().any(|name| {
        let prefixed = ["x-forwarded", "x-original-"].iter();
        FORWARDED.contains(&name.as_str())
            || name == header::VIA
            || prefixed
                .clone()
                .any(|prefix| name.as_str().starts_with(prefix))
    });
    said == Some(RELEASE.as_bytes())
        && !headers.contains_key(ORIGIN)
        && !is_forwarded
        && peer.address.to_canonical().is_loopback()
        && host.is_some_and(names_loopback)
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

fn names_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
