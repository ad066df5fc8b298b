//! What an operator may do: release a partition that stopped at a record. Only from loopback, and
//! only with a header that a page of another origin cannot send; a request with an origin, which
//! browsers add to every POST, is refused too, as a name can be made to mean loopback.

use dashstream_serve::Peer;
use hyper::{StatusCode, header::ORIGIN, http::HeaderMap};
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
    let said = headers.get(HEADER).map(|value| value.as_bytes());
    let is_page = headers.contains_key(ORIGIN);
    if is_page || !peer.0.is_loopback() || said != Some(RELEASE.as_bytes()) {
        return plain(
            StatusCode::FORBIDDEN,
            "from loopback and with X-DashStream-Admin: release only\n",
        );
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
