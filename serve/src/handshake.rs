//! The client's half of the opening handshake, as section 4.2.1 of RFC 6455 asks for it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use decode_core::wire;
use hyper::{
    header::{self, HeaderName, HeaderValue},
    http::HeaderMap,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::gate::{Refused, WEBSOCKET_VERSION};

/// Whether a request asks for a WebSocket at all.
pub(crate) fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    tokens(headers, &header::UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
        && tokens(headers, &header::CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
}

/// The value of `Sec-WebSocket-Accept` that answers it.
pub(crate) fn accept(headers: &HeaderMap) -> Result<HeaderValue, Refused> {
    if only(headers, &header::SEC_WEBSOCKET_VERSION) != Some(WEBSOCKET_VERSION.as_bytes()) {
        return Err(Refused::Version);
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).ok_or(Refused::Key)?;
    if STANDARD.decode(key).map_or(0, |nonce| nonce.len()) != NONCE_BYTES {
        return Err(Refused::Key);
    }
    // Unlike the tokens of HTTP a subprotocol is what it is to the letter.
    if !tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).any(|token| token == wire::SUBPROTOCOL) {
        return Err(Refused::Subprotocol);
    }
    HeaderValue::from_str(&derive_accept_key(key)).map_err(|_| Refused::Key)
}

/// The value of a header that must be there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then_some(value.as_bytes().trim_ascii())
}

/// The parts of a comma-separated header.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

const NONCE_BYTES: usize = 16;
