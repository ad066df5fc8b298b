//! One message as a line: what it is, its version, and its bytes in hex.

use bytes::BytesMut;
use kafka_protocol::{
    messages::{RequestHeader, ResponseHeader, TopicName},
    protocol::{Encodable, HeaderVersion, Request, StrBytes},
};
use uuid::Uuid;

const CORRELATION: i32 = 7;

pub(crate) fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

pub(crate) fn name(name: &'static str) -> TopicName {
    TopicName(text(name))
}

pub(crate) fn id() -> Uuid {
    Uuid::from_u128(5)
}

fn print(what: &str, version: i16, bytes: &[u8]) {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{what} {version} {hex}");
}

pub(crate) fn request<T: Request>(what: &str, version: i16, body: &T) {
    let mut bytes = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(T::KEY)
        .with_request_api_version(version)
        .with_correlation_id(CORRELATION)
        .with_client_id(Some(text("relay")));
    header
        .encode(&mut bytes, T::header_version(version))
        .expect("a header");
    body.encode(&mut bytes, version).expect("a body");
    print(&format!("{what}-request"), version, &bytes);
}

pub(crate) fn answer<T: Encodable + HeaderVersion>(what: &str, version: i16, body: &T) {
    let mut bytes = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(CORRELATION);
    header
        .encode(&mut bytes, T::header_version(version))
        .expect("a header");
    body.encode(&mut bytes, version).expect("a body");
    print(&format!("{what}-answer"), version, &bytes);
}
