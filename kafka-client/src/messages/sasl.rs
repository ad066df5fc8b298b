//! The messages of a login; what is in them is the mechanism's.

use bytes::Bytes;
use kafka_wire::{Malformed, Reader, Writer};

use super::Call;
use crate::versions::Api;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake<'a> {
    pub mechanism: &'a str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeAnswer {
    pub code: i16,
    pub mechanisms: Vec<String>,
}

impl Call for Handshake<'_> {
    type Answer = HandshakeAnswer;
    const API: Api = Api::SaslHandshake;

    fn write(&self, _: i16, to: &mut Writer) {
        to.string(self.mechanism);
    }

    fn read(_: i16, from: &mut Reader) -> Result<HandshakeAnswer, Malformed> {
        Ok(HandshakeAnswer {
            code: from.i16()?,
            mechanisms: from.array(Reader::string)?,
        })
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Authenticate<'a> {
    pub data: &'a [u8],
}

#[derive(Clone)]
pub(crate) struct AuthenticateAnswer {
    pub code: i16,
    pub problem: Option<String>,
    pub data: Bytes,
    /// How long the login is good for; 0 without end.
    pub lifetime_ms: i64,
}

impl Call for Authenticate<'_> {
    type Answer = AuthenticateAnswer;
    const API: Api = Api::SaslAuthenticate;

    fn write(&self, _: i16, to: &mut Writer) {
        to.compact_bytes(self.data);
        to.no_tagged();
    }

    fn read(_: i16, from: &mut Reader) -> Result<AuthenticateAnswer, Malformed> {
        Ok(AuthenticateAnswer {
            code: from.i16()?,
            problem: from.compact_string()?,
            data: from.compact_bytes()?.unwrap_or_default(),
            lifetime_ms: from.i64()?,
        })
    }
}
