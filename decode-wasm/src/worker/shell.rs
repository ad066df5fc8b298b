//! Socket, timer and message port around the machines.

use std::cell::RefCell;
use std::rc::Rc;

use decode_core::Mode;
use decode_core::wire::mode;
use js_sys::{Array, Object, Reflect, Uint8Array};
use run_model::Store;
use session::control::From;
use session::digest::StreamDigest;
use session::{ClientConfig, ClientInput, ClientOutput, ClientSession};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::messages::{DetailAnswer, PageMessage, Start, index};
use super::socket::{Socket, SocketEvent};
use super::view;

/// Takes over the worker this runs in. Call once, after the module is initialised.
///
/// # Errors
/// Not called inside a dedicated worker.
#[wasm_bindgen(js_name = startWorker)]
pub fn start_worker() -> Result<(), JsValue> {
    let scope: DedicatedWorkerGlobalScope = js_sys::global()
        .dyn_into()
        .map_err(|_| js_sys::Error::new("startWorker runs in a dedicated worker only"))?;
    let port = scope.clone();
    // A panic traps and poisons the module: the page is told and makes a new worker.
    std::panic::set_hook(Box::new(move |info| post_failed(&port, &info.to_string())));
    let shell = Rc::new(RefCell::new(Shell::new(scope.clone())));
    let on_message = {
        let shell = Rc::clone(&shell);
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            Shell::page_says(&shell, event.data());
        })
    };
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker's own handler lives as long as the worker.
    on_message.forget();
    let ready = Object::new();
    set(&ready, "type", &"ready".into());
    set(&ready, "names", &crate::names::names());
    set(&ready, "coreVersion", &env!("CARGO_PKG_VERSION").into());
    scope.post_message(&ready)
}

pub(super) struct Shell {
    scope: DedicatedWorkerGlobalScope,
    pub(super) session: ClientSession,
    pub(super) store: Store,
    pub(super) digest: Option<StreamDigest>,
    url: String,
    socket: Option<Socket>,
    timer: Option<Timer>,
}

struct Timer {
    id: i32,
    _callback: Closure<dyn FnMut()>,
}

type Shared = Rc<RefCell<Shell>>;

fn now(scope: &DedicatedWorkerGlobalScope) -> u64 {
    scope.performance().map_or(0.0, |clock| clock.now()) as u64
}

impl Shell {
    fn new(scope: DedicatedWorkerGlobalScope) -> Self {
        let config = ClientConfig {
            from: From::Earliest,
            seed: 1,
        };
        Self {
            scope,
            session: ClientSession::new(config),
            store: Store::default(),
            digest: None,
            url: String::new(),
            socket: None,
            timer: None,
        }
    }

    pub(super) fn now(&self) -> u64 {
        now(&self.scope)
    }

    /// When the clock of [`Self::now`] stood at 0, ms since 1970.
    pub(super) fn clock_origin_ms(&self) -> f64 {
        self.scope
            .performance()
            .map_or(0.0, |clock| clock.time_origin())
    }

    fn page_says(shared: &Shared, data: JsValue) {
        match PageMessage::read(&data) {
            Ok(message) => Self::page_message(shared, message),
            Err(error) => post_failed(&shared.borrow().scope, &error),
        }
        Self::pump(shared);
    }

    fn page_message(shared: &Shared, message: PageMessage) {
        let mut shell = shared.borrow_mut();
        let now = shell.now();
        match message {
            PageMessage::Start(Start { url, from, digest }) => {
                let seed = (js_sys::Math::random() * 9e15) as u64;
                shell.session = ClientSession::new(ClientConfig {
                    from: from.from(),
                    seed,
                });
                shell.store = Store::default();
                shell.digest = digest.then(StreamDigest::new);
                shell.socket = None;
                shell.url = url;
                shell.session.handle(ClientInput::Start, now);
            }
            PageMessage::Query(query) => {
                let message = view::view(&mut shell, &query, now);
                message.post(&shell.scope);
            }
            PageMessage::Detail { id, row } => shell.detail(id, row),
            PageMessage::Reset(from) => {
                shell.store = Store::default();
                shell.digest = shell.digest.as_ref().map(|_| StreamDigest::new());
                shell.session.handle(ClientInput::Reset(from.from()), now);
            }
            PageMessage::Wake => shell.session.handle(ClientInput::Wake, now),
            PageMessage::Stop => shell.session.handle(ClientInput::Stop, now),
        }
    }

    fn socket_says(shared: &Shared, epoch: u64, event: SocketEvent) {
        {
            let mut shell = shared.borrow_mut();
            let now = shell.now();
            if epoch != shell.session.epoch() {
                return;
            }
            match event {
                SocketEvent::Opened => shell.session.handle(ClientInput::Opened, now),
                SocketEvent::Text(text) => shell.text(&text, now),
                SocketEvent::Data(message) => shell.data(epoch, message, now),
                SocketEvent::Closed { code, reason } => {
                    shell.session.handle(
                        ClientInput::Closed {
                            code,
                            reason: &reason,
                        },
                        now,
                    );
                }
            }
        }
        Self::pump(shared);
    }

    fn text(&mut self, text: &str, now: u64) {
        self.session.handle(ClientInput::Text(text), now);
        if let Some(welcome) = self.session.welcome() {
            let compatible = welcome.mode == mode::COMPATIBLE;
            self.store.set_mode(if compatible {
                Mode::Compatible
            } else {
                Mode::Strict
            });
        }
    }

    fn data(&mut self, epoch: u64, message: Vec<u8>, came_ms: u64) {
        let Self {
            session,
            store,
            digest,
            scope,
            ..
        } = self;
        let Ok(mut delivery) = session.accept(epoch, &message, came_ms) else {
            return;
        };
        let unusable = store.totals().rejects;
        store.apply(message, |frame| {
            if let Some(digest) = digest {
                digest.update(frame);
            }
            delivery.disposed(&frame.header);
        });
        // What the relay did not refuse was refused here.
        let unusable = store.totals().rejects - unusable;
        delivery.undecodable(unusable - delivery.rejects());
        delivery.finish(now(scope));
    }

    /// Does what the session says until it waits.
    fn pump(shared: &Shared) {
        loop {
            let mut shell = shared.borrow_mut();
            let now = shell.now();
            match shell.session.poll(now) {
                ClientOutput::Connect { epoch } => shell.connect(shared, epoch),
                ClientOutput::Send(text) => {
                    let failed = shell.socket.as_ref().is_none_or(|s| s.send(&text).is_err());
                    if failed {
                        let closed = ClientInput::Closed {
                            code: ABNORMAL,
                            reason: "send failed",
                        };
                        shell.session.handle(closed, now);
                    }
                }
                ClientOutput::Close { code, reason } => {
                    if let Some(socket) = shell.socket.take() {
                        socket.close(code.number(), &reason);
                    }
                }
                ClientOutput::Wait { until_ms } => {
                    shell.sleep(shared, until_ms.map(|until| until.saturating_sub(now)));
                    return;
                }
            }
        }
    }

    fn connect(&mut self, shared: &Shared, epoch: u64) {
        let weak = Rc::downgrade(shared);
        let on_event = move |event| {
            if let Some(shared) = weak.upgrade() {
                Self::socket_says(&shared, epoch, event);
            }
        };
        match Socket::open(&self.url, on_event) {
            Ok(socket) => self.socket = Some(socket),
            Err(_) => {
                let now = self.now();
                let reason = "the address is not valid";
                self.session.handle(
                    ClientInput::Closed {
                        code: ABNORMAL,
                        reason,
                    },
                    now,
                );
            }
        }
    }

    fn sleep(&mut self, shared: &Shared, delay_ms: Option<u64>) {
        if let Some(timer) = self.timer.take() {
            self.scope.clear_timeout_with_handle(timer.id);
        }
        let Some(delay_ms) = delay_ms else { return };
        let weak = Rc::downgrade(shared);
        let callback = Closure::<dyn FnMut()>::new(move || {
            if let Some(shared) = weak.upgrade() {
                Self::pump(&shared);
            }
        });
        let delay = i32::try_from(delay_ms).unwrap_or(i32::MAX);
        let function = callback.as_ref().unchecked_ref();
        let id = self
            .scope
            .set_timeout_with_callback_and_timeout_and_arguments_0(function, delay);
        if let Ok(id) = id {
            self.timer = Some(Timer {
                id,
                _callback: callback,
            });
        }
    }

    fn detail(&mut self, id: f64, row: f64) {
        let mut head = Vec::new();
        let mut answer = DetailAnswer {
            r#type: "detail",
            id,
            row,
            ..DetailAnswer::default()
        };
        if let Some(detail) = self.store.detail(index(row) as u64) {
            head = detail.head;
            answer = DetailAnswer {
                held: true,
                partition: detail.partition,
                offset: detail.offset.to_string(),
                last_offset: detail.last_offset.to_string(),
                timestamp_ms: detail.timestamp_ms as f64,
                kind: detail.kind,
                code: detail.code,
                frame: detail.framing,
                payload_bytes: detail.payload_bytes,
                decoded_bytes: detail.decoded_bytes as u32,
                json: detail.json,
                error: detail.error,
                head_truncated: detail.head_truncated,
                ..answer
            };
        }
        let message = view::to_js(&answer);
        let head = Uint8Array::from(head.as_slice());
        set(message.unchecked_ref(), "head", &head);
        let transfer = Array::of1(&head.buffer());
        // A message of our own making can be cloned.
        let _ = self.scope.post_message_with_transfer(&message, &transfer);
    }
}

fn post_failed(scope: &DedicatedWorkerGlobalScope, text: &str) {
    let message = Object::new();
    set(&message, "type", &"failed".into());
    set(&message, "message", &text.into());
    let _ = scope.post_message(&message);
}

/// Sets a property of an object of our own, which cannot refuse it.
pub(crate) fn set(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

/// The close code a browser reports when there was none.
const ABNORMAL: u16 = 1006;
