//! Turns of a long work: each is a task of its own, so that messages of the page are answered in between. A timer
//! would wait four milliseconds every time.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessagePort};

/// Calls back once for a turn, however often it was asked for before it began.
pub(super) struct Turns {
    port: Option<MessagePort>,
    is_posted: Rc<Cell<bool>>,
    _callback: Closure<dyn FnMut()>,
}

impl Turns {
    pub(super) fn new(mut turn: impl FnMut() + 'static) -> Self {
        let is_posted = Rc::new(Cell::new(false));
        let begins = Rc::clone(&is_posted);
        let callback = Closure::<dyn FnMut()>::new(move || {
            begins.set(false);
            turn();
        });
        // Every worker has channels; without one nothing would be read, and the page says that nothing comes.
        let channel = MessageChannel::new().ok();
        if let Some(channel) = &channel {
            let function = callback.as_ref().unchecked_ref();
            channel.port1().set_onmessage(Some(function));
        }
        Self {
            port: channel.map(|channel| channel.port2()),
            is_posted,
            _callback: callback,
        }
    }

    /// Whether one was asked for that has not begun.
    pub(super) fn is_posted(&self) -> bool {
        self.is_posted.get()
    }

    pub(super) fn post(&self) {
        if let Some(port) = &self.port
            && !self.is_posted.replace(true)
        {
            let _ = port.post_message(&JsValue::NULL);
        }
    }
}
