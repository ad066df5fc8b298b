//! What an administrator may do: release a partition that stopped at a record. The gate has asked for the role; here
//! is asked for a header that a page of another origin cannot send, and that a page which sends it is the relay's
//! own or an allowed one, as browsers add cookies and the trust in this machine to requests of any page.

use dashstream_serve::Peer;
use hyper::{StatusCode, http::HeaderMap};
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
    peer: &Peer,
) -> Response {
    if headers.get(HEADER).map(|value| value.as_bytes()) != Some(RELEASE.as_bytes()) {
        return plain(StatusCode::FORBIDDEN, HEADER_MISSING);
    }
    if let Err(refused) = shared.server.check_page(headers, peer) {
        return shared.server.refuse_request(refused).map(Into::into);
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
    let found = known.iter().find(|(known, _)| Some(*known) == partition);
    let Some((partition, status)) = found else {
        return plain(StatusCode::NOT_FOUND, "the topic has no such partition\n");
    };
    match status.release(offset) {
        Some(pause) => {
            let (by, address) = (peer.identity.name(), peer.address);
            tracing::info!(partition, offset = pause.offset, by, %address, "released");
            let lifted = json!({ "offset": pause.offset.to_string(), "reason": pause.reason });
            json(StatusCode::OK, &lifted)
        }
        None => plain(StatusCode::CONFLICT, "nothing is paused there\n"),
    }
}

const HEADER_MISSING: &str = "the header X-DashStream-Admin: release is missing; the command is: \
    dashstream-relay release PARTITION\n";
