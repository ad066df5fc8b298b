//! The column decoder as the browser sees it.

use decode_core::Mode;
use js_sys::{
    Array, BigUint64Array, Error, Float64Array, Int32Array, JsString, Uint8Array, Uint32Array,
};
use wasm_bindgen::prelude::*;

use crate::columns::ColumnDecoder;

/// Decodes WebSocket messages to columns.
#[wasm_bindgen]
#[derive(Debug)]
pub struct MessageDecoder {
    inner: ColumnDecoder,
}

/// One column of the latest message as a typed array of its own (transferable).
macro_rules! column {
    ($($name:ident, $js:literal, $array:ty, $doc:literal;)+) => {
        #[wasm_bindgen]
        impl MessageDecoder {
            $(
                #[doc = $doc]
                #[wasm_bindgen(getter, js_name = $js)]
                #[must_use]
                pub fn $name(&self) -> $array {
                    <$array>::from(self.inner.columns().$name.as_slice())
                }
            )+
        }
    };
}

column! {
    kind, "kind", Uint8Array, "`RowKind` numbers.";
    event_type, "eventType", Int32Array, "`EventType` numbers.";
    partition, "partition", Uint32Array, "Kafka partitions.";
    offset, "offset", BigUint64Array, "Kafka offsets.";
    timestamp_ms, "timestampMs", Float64Array, "Kafka timestamps, ms.";
    sequence, "sequence", BigUint64Array, "Sequences within their series.";
    thread, "thread", Uint32Array, "Dictionary numbers of thread ids.";
    node, "node", Uint32Array, "Dictionary numbers of node names.";
    code, "code", Uint32Array, "Gap causes or reject codes.";
}

#[wasm_bindgen]
impl MessageDecoder {
    /// A decoder; `compatible` also reads unframed values.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(compatible: bool) -> Self {
        let mode = if compatible {
            Mode::Compatible
        } else {
            Mode::Strict
        };
        Self {
            inner: ColumnDecoder::new(mode),
        }
    }

    /// Decodes one message; returns its number of rows.
    ///
    /// # Errors
    /// An `Error` whose message starts with a stable code, if it is no run of frames.
    pub fn decode(&mut self, message: &[u8]) -> Result<u32, JsValue> {
        self.inner
            .decode(message)
            .map_err(|error| Error::new(&error.to_string()))?;
        Ok(self.inner.columns().kind.len() as u32)
    }

    /// Names the latest message added to the dictionary, in order of their numbers.
    #[wasm_bindgen(js_name = freshNames)]
    #[must_use]
    pub fn fresh_names(&self) -> Array {
        self.inner
            .fresh_names()
            .iter()
            .map(|name| JsString::from(&**name))
            .collect()
    }

    /// Number of names in the dictionary, the empty one included.
    #[must_use]
    pub fn names(&self) -> u32 {
        self.inner.names() as u32
    }

    /// Rises when the dictionary starts over.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.inner.generation()
    }
}

/// The canonical JSON text of one Kafka value.
///
/// # Errors
/// An `Error` whose message starts with the reject code.
#[wasm_bindgen(js_name = canonicalJson)]
pub fn canonical_json(payload: &[u8], compatible: bool) -> Result<String, JsValue> {
    let mode = if compatible {
        Mode::Compatible
    } else {
        Mode::Strict
    };
    let mut decoder = decode_core::Decoder::new(mode);
    let text = decoder
        .decode(payload, &mut ())
        .and_then(|decoded| decoded.canonical_json())
        .map_err(|reject| Error::new(&reject.to_string()))?;
    Ok(text)
}
