//! Plain answers.

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};

/// An answer with a body of a type that is known.
pub fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A short text.
pub fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    respond(status, "text/plain; charset=utf-8", text)
}

/// Another place to ask, which stays the right one.
pub(crate) fn moved(location: &str) -> Response<Bytes> {
    let mut response = plain(
        StatusCode::PERMANENT_REDIRECT,
        "The address ends with a slash.\n",
    );
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A method that is not answered; the header `Allow` names those that are.
pub fn not_allowed(text: &'static str, allow: &'static str) -> Response<Bytes> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    let allow = HeaderValue::from_static(allow);
    response.headers_mut().insert(header::ALLOW, allow);
    response
}
