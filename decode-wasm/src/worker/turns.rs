//! Turns of a long work: each is a task of its own, so that messages of the page are answered in between. A timer
//! would wait four milliseconds every time.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessagePort};

/// Calls back once for every turn that was asked for.
pub(super) struct Turns {
    port: Option<MessagePort>,
    _callback: Closure<dyn FnMut()>,
}

impl Turns {
    pub(super) fn new(turn: impl FnMut() + 'static) -> Self {
        let callback = Closure::<dyn FnMut()>::new(turn);
        // Every worker has channels; without one nothing would be read, and the page says that nothing comes.
        let channel = MessageChannel::new().ok();
        if let Some(channel) = &channel {
            let function = callback.as_ref().unchecked_ref();
            channel.port1().set_onmessage(Some(function));
        }
        Self {
            port: channel.map(|channel| channel.port2()),
            _callback: callback,
        }
    }

    pub(super) fn post(&self) {
        if let Some(port) = &self.port {
            let _ = port.post_message(&JsValue::NULL);
        }
    }
}
