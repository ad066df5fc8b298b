//! Socket, timer and message port around the machines.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use js_sys::Object;
use session::{ClientConfig, ClientInput, ClientOutput};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::engine::Engine;
use super::file::OpenFile;
use super::intake::Arrived;
use super::js::set;
use super::messages::{PageMessage, ready};
use super::socket::{Socket, SocketEvent};
use super::turns::Turns;

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
    // A panic traps and poisons the module: the page starts another worker.
    std::panic::set_hook(Box::new(move |info| post_failed(&port, &info.to_string())));
    let shell = Rc::new_cyclic(|weak: &Weak<RefCell<Shell>>| {
        let weak = weak.clone();
        let turns = Turns::new(move || Shell::turn(&weak));
        RefCell::new(Shell::new(scope.clone(), turns))
    });
    let on_message = {
        let shell = Rc::clone(&shell);
        Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            Shell::page_says(&shell, event.data());
        })
    };
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker's own handler lives as long as the worker.
    on_message.forget();
    scope.post_message(&ready())
}

struct Shell {
    scope: DedicatedWorkerGlobalScope,
    engine: Engine,
    url: String,
    socket: Option<Socket>,
    timer: Option<Timer>,
    turns: Turns,
    /// When work was last done.
    worked_ms: u64,
}

struct Timer {
    id: i32,
    _callback: Closure<dyn FnMut()>,
}

type Shared = Rc<RefCell<Shell>>;

/// The worker's clock, ms.
fn now_of(scope: &DedicatedWorkerGlobalScope) -> u64 {
    scope.performance().map_or(0.0, |clock| clock.now()) as u64
}

impl Shell {
    fn new(scope: DedicatedWorkerGlobalScope, turns: Turns) -> Self {
        let origin_ms = scope.performance().map_or(0.0, |clock| clock.time_origin());
        Self {
            scope,
            engine: Engine::new(origin_ms),
            url: String::new(),
            socket: None,
            timer: None,
            turns,
            worked_ms: 0,
        }
    }

    fn now(&self) -> u64 {
        now_of(&self.scope)
    }

    fn page_says(shared: &Shared, data: JsValue) {
        match PageMessage::read(data) {
            Ok(message) => Self::page_message(shared, message),
            Err(error) => post_failed(&shared.borrow().scope, &error),
        }
        Self::pump(shared);
    }

    fn page_message(shared: &Shared, message: PageMessage) {
        let mut shell = shared.borrow_mut();
        let now = shell.now();
        match message {
            PageMessage::Start(start) => {
                let config = ClientConfig {
                    from: start.from.from(),
                    seed: (js_sys::Math::random() * 9e15) as u64,
                };
                shell.socket = None;
                shell.url = start.url;
                shell.engine.start(config, start.digest, now);
            }
            PageMessage::Query { id, asked } => {
                let Self { scope, engine, .. } = &mut *shell;
                let view = asked.answer(id, engine, &|| now_of(scope));
                view.post(scope);
                if shell.engine.listing.is_some() {
                    shell.turns.post();
                }
            }
            PageMessage::Take(take) => {
                let taken = take.answer(&mut shell.engine);
                taken.post(&shell.scope);
            }
            PageMessage::Save(save) => {
                let saved = save.answer(&mut shell.engine);
                saved.post(&shell.scope);
            }
            PageMessage::SaveOn(save) => {
                let saved = save.answer(&mut shell.engine);
                saved.post(&shell.scope);
            }
            PageMessage::Open(file) => {
                shell.socket = None;
                shell.engine.open(OpenFile::new(file), now);
                shell.turns.post();
            }
            PageMessage::StopReading => {
                if let Some(file) = &mut shell.engine.file {
                    file.stop();
                }
            }
            // With a file open there is no relay to be woken.
            PageMessage::Reset(_) | PageMessage::Wake if shell.engine.file.is_some() => {}
            PageMessage::Reset(reset) => shell.engine.reset(reset.from.from(), now),
            PageMessage::Wake => shell.engine.handle(ClientInput::Wake, now),
            PageMessage::Stop => shell.engine.handle(ClientInput::Stop, now),
        }
    }

    /// A share of the work that goes on while the page may ask: taking in what came, reading the open file, making a
    /// list.
    fn turn(weak: &Weak<RefCell<Self>>) {
        if let Some(shared) = weak.upgrade() {
            Self::work(&shared);
        }
    }

    fn work(shared: &Shared) {
        {
            let mut shell = shared.borrow_mut();
            let end = shell.now() + TURN_MS;
            let Self {
                scope,
                engine,
                turns,
                ..
            } = &mut *shell;
            let clock = || now_of(scope);
            while engine.work_on(&clock) {
                if clock() >= end {
                    turns.post();
                    break;
                }
            }
        }
        Self::pump(shared);
        let mut shell = shared.borrow_mut();
        shell.worked_ms = shell.now();
    }

    /// A browser hands over several messages in one task: one right after another waits for the next turn.
    fn socket_says(shared: &Shared, epoch: u64, event: SocketEvent) {
        {
            let mut shell = shared.borrow_mut();
            let at_ms = shell.now();
            shell.engine.arrived(Arrived {
                epoch,
                at_ms,
                event,
            });
            if at_ms <= shell.worked_ms {
                shell.turns.post();
            }
            if shell.turns.is_posted() {
                return;
            }
        }
        Self::work(shared);
    }

    fn closed(&mut self, code: u16, reason: &str) {
        let now = self.now();
        self.engine
            .handle(ClientInput::Closed { code, reason }, now);
    }

    /// Does what the session says until it waits.
    fn pump(shared: &Shared) {
        loop {
            let mut shell = shared.borrow_mut();
            let now = shell.now();
            let output = shell.engine.session.poll(now);
            if !matches!(output, ClientOutput::Wait { .. }) {
                shell.engine.turn += 1;
            }
            match output {
                ClientOutput::Connect { epoch } => shell.connect(shared, epoch),
                ClientOutput::Send(text) => {
                    let failed = shell.socket.as_ref().is_none_or(|s| s.send(&text).is_err());
                    if failed {
                        shell.closed(ABNORMAL, "send failed");
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
            Err(_) => self.closed(ABNORMAL, "the address is not valid"),
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
                shared.borrow_mut().engine.turn += 1;
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
}

fn post_failed(scope: &DedicatedWorkerGlobalScope, text: &str) {
    let message = Object::new();
    set(&message, "type", &"failed".into());
    set(&message, "message", &text.into());
    let _ = scope.post_message(&message);
}

/// After this a turn begins nothing more. What it is at may take half as long again, and 8 ms are the most that the
/// page should ever wait for an answer.
const TURN_MS: u64 = 4;
/// The close code a browser reports when there was none.
const ABNORMAL: u16 = 1006;
