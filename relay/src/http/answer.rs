//! Answers as warp wants them.

use bytes::Bytes;
use dashstream_serve::answer;
use hyper::{
    StatusCode,
    header::{self, HeaderValue},
};
use warp::reply::Response;

pub(super) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response {
    answer::respond(status, content_type, body).map(Into::into)
}

/// A short text.
pub(super) fn plain(status: StatusCode, text: &str) -> Response {
    answer::plain(status, text.to_owned()).map(Into::into)
}

pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    let mut response = respond(status, "application/json", value.to_string());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn not_allowed(text: &'static str, methods: &'static str) -> Response {
    answer::not_allowed(text, methods).map(Into::into)
}
