//! One WebSocket and its handlers, which live exactly as long as it does.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use decode_core::wire::SUBPROTOCOL;

/// What a socket brings.
pub(super) enum SocketEvent {
    Opened,
    Text(String),
    Data(Vec<u8>),
    Closed { code: u16, reason: String },
}

/// An open or opening socket. Dropping it detaches its handlers and closes it.
pub(super) struct Socket {
    inner: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Opens a socket; `on_event` gets what it brings.
    pub(super) fn open(
        url: &str,
        on_event: impl Fn(SocketEvent) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let inner = WebSocket::new_with_str(url, SUBPROTOCOL)?;
        inner.set_binary_type(BinaryType::Arraybuffer);
        let event = on_event.clone();
        let on_open = Closure::<dyn FnMut()>::new(move || event(SocketEvent::Opened));
        inner.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        let event = on_event.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let data = message.data();
            if let Some(buffer) = data.dyn_ref::<ArrayBuffer>() {
                event(SocketEvent::Data(Uint8Array::new(buffer).to_vec()));
            } else if let Some(text) = data.as_string() {
                event(SocketEvent::Text(text));
            }
        });
        inner.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |close: CloseEvent| {
            on_event(SocketEvent::Closed {
                code: close.code(),
                reason: close.reason(),
            });
        });
        inner.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            inner,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        })
    }

    pub(super) fn send(&self, text: &str) -> Result<(), JsValue> {
        self.inner.send_with_str(text)
    }

    pub(super) fn close(&self, code: u16, reason: &str) {
        // Refused only for codes a script may not send; the socket is dropped right after anyway.
        let _ = self.inner.close_with_code_and_reason(code, reason);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.set_onopen(None);
        self.inner.set_onmessage(None);
        self.inner.set_onclose(None);
        let _ = self.inner.close();
    }
}
