//! What the socket feeds and panels read: the session, the store, and how often they changed.

use decode_core::Mode;
use decode_core::wire::mode;
use run_model::{EventQuery, Looked, Saving, Store};
use session::client::Delivery;
use session::control::From;
use session::digest::StreamDigest;
use session::{ClientConfig, ClientInput, ClientSession};

use super::file::{FileState, OpenFile};
use super::intake::{Arrived, Begun, Intake, PartSize, Parts};
use super::socket::SocketEvent;

/// The machines of one worker.
pub(super) struct Engine {
    pub(super) session: ClientSession,
    pub(super) store: Store,
    pub(super) intake: Intake,
    part_size: PartSize,
    /// Calls of [`Self::work_on`].
    steps: u64,
    pub(super) digest: Option<StreamDigest>,
    /// The capture that is open in place of the relay.
    pub(super) file: Option<OpenFile>,
    /// The capture that is being saved.
    pub(super) saving: Option<Saving>,
    /// The event list that is being made, because the page waits for it.
    pub(super) listing: Option<EventQuery>,
    /// Rises with everything applied; panels on rows and positions answer by it.
    pub(super) revision: u64,
    /// Rises with everything that may change the connection's state.
    pub(super) turn: u64,
    /// When the clock of the session stood at 0, in ms since 1970.
    pub(super) clock_origin_ms: f64,
    /// Offsets left to replay when this connection resumed.
    replay_left: Option<(u64, u64)>,
}

impl Engine {
    pub(super) fn new(clock_origin_ms: f64) -> Self {
        Self {
            session: ClientSession::new(ClientConfig {
                from: From::Earliest,
                seed: 1,
            }),
            store: Store::default(),
            intake: Intake::default(),
            part_size: PartSize::new(),
            steps: 0,
            digest: None,
            file: None,
            saving: None,
            listing: None,
            // 0 stands for "nothing known".
            revision: 1,
            turn: 1,
            clock_origin_ms,
            replay_left: None,
        }
    }

    pub(super) fn start(&mut self, config: ClientConfig, digest: bool, now: u64) {
        self.session = ClientSession::new(config);
        self.file = None;
        self.digest = digest.then(StreamDigest::new);
        self.forget();
        self.handle(ClientInput::Start, now);
    }

    pub(super) fn reset(&mut self, from: From, now: u64) {
        self.digest = self.digest.as_ref().map(|_| StreamDigest::new());
        self.forget();
        self.handle(ClientInput::Reset(from), now);
    }

    /// A file in place of the relay.
    pub(super) fn open(&mut self, file: OpenFile, now: u64) {
        self.handle(ClientInput::Stop, now);
        self.digest = self.digest.as_ref().map(|_| StreamDigest::new());
        self.forget();
        self.file = Some(file);
    }

    /// Reads the open file on; false where there is nothing more to read.
    fn read_on(&mut self) -> bool {
        let Self {
            file: Some(file),
            store,
            digest,
            revision,
            part_size,
            ..
        } = self
        else {
            return false;
        };
        let part_bytes = part_size.next();
        if file.state == FileState::Reading && file.framer.len() < part_bytes {
            let is_start = file.metadata().is_empty();
            file.step();
            if is_start && !file.metadata().is_empty() {
                store.set_mode(mode_of(file.metadata()));
            }
        }
        *revision += 1;
        let is_reading = file.state == FileState::Reading;
        if !is_reading || file.framer.len() >= part_bytes {
            // A block of a capture is many messages.
            let message = file.framer.take_some(part_bytes);
            store.apply(message, |frame| {
                if let Some(digest) = digest {
                    digest.update(frame);
                }
                file.applied(&frame.header);
            });
        }
        is_reading || !file.framer.is_empty()
    }

    fn forget(&mut self) {
        self.store = Store::default();
        self.intake = Intake::default();
        self.saving = None;
        self.listing = None;
        self.revision += 1;
    }

    /// Does some of the work that goes on while the page may ask; false where there is nothing more to do.
    pub(super) fn work_on(&mut self, clock: &impl Fn() -> u64) -> bool {
        let is_taking = self.take_in(clock) || self.read_on();
        self.steps += 1;
        // A look takes as long as four parts.
        let is_listing = (!is_taking || self.steps.is_multiple_of(4)) && self.list_on();
        is_taking || is_listing
    }

    /// Queues what the socket delivered.
    pub(super) fn arrived(&mut self, arrived: Arrived) {
        self.session.arrived(arrived.epoch, arrived.at_ms);
        self.intake.push(arrived);
    }

    /// Processes the next queued event, or the next part of a long message; false if there is none.
    fn take_in(&mut self, clock: &impl Fn() -> u64) -> bool {
        if let Some(begun) = self.intake.begun.take() {
            self.apply(begun, clock);
            return true;
        }
        let Some(arrived) = self.intake.pop() else {
            return false;
        };
        let Arrived {
            epoch,
            at_ms,
            event,
        } = arrived;
        if epoch != self.session.epoch() {
            return true;
        }
        match event {
            SocketEvent::Opened => self.handle(ClientInput::Opened, clock()),
            SocketEvent::Text(text) => self.text(&text, clock()),
            SocketEvent::Data(message) => self.data(epoch, message, at_ms),
            SocketEvent::Closed { code, reason } => {
                let reason = &reason;
                self.handle(ClientInput::Closed { code, reason }, clock());
            }
        }
        true
    }

    /// Goes on with the event list that the page waits for, or with the newer one of a run that went on.
    fn list_on(&mut self) -> bool {
        let Some(query) = &self.listing else {
            return false;
        };
        let made = self.store.lists_made();
        let is_over = match self.store.look(query, LOOK_ROWS) {
            Looked::Part => false,
            // A run that is live is never all there: one newer list is enough until somebody asks again.
            Looked::Behind => self.store.lists_made() > made,
            Looked::All => true,
        };
        if is_over {
            self.listing = None;
            self.revision += 1;
        }
        !is_over
    }

    /// Anything but data.
    pub(super) fn handle(&mut self, input: ClientInput<'_>, now: u64) {
        self.turn += 1;
        self.session.handle(input, now);
    }

    fn text(&mut self, text: &str, now: u64) {
        self.handle(ClientInput::Text(text), now);
        // Positions and ends are announced in text.
        self.revision += 1;
        if let Some(welcome) = self.session.welcome() {
            let compatible = welcome.mode == mode::COMPATIBLE;
            self.store.set_mode(if compatible {
                Mode::Compatible
            } else {
                Mode::Strict
            });
        }
        let epoch = self.session.epoch();
        let known = self.replay_left.is_some_and(|(of, _)| of == epoch);
        if self.session.replay().is_none() {
            self.replay_left = None;
        } else if !known {
            self.replay_left = Some((epoch, self.left()));
        }
    }

    /// Checks a message; the next steps apply it.
    fn data(&mut self, epoch: u64, message: Vec<u8>, at_ms: u64) {
        let accepted = self.session.accept(epoch, &message, at_ms);
        match accepted.map(Delivery::leave) {
            Ok(undisposed) => {
                let parts = Parts::new(message);
                self.intake.begun = Some(Begun { undisposed, parts });
            }
            Err(_) => self.turn += 1,
        }
    }

    /// Applies the next part of a message.
    fn apply(&mut self, begun: Begun, clock: &impl Fn() -> u64) {
        let Self {
            session,
            store,
            intake,
            digest,
            revision,
            turn,
            part_size,
            ..
        } = self;
        let Begun {
            undisposed,
            mut parts,
        } = begun;
        let Ok(mut delivery) = session.go_on(undisposed) else {
            *turn += 1;
            return;
        };
        *revision += 1;
        let unusable = store.totals().rejects;
        store.apply(parts.take(part_size.next()), |frame| {
            if let Some(digest) = digest {
                digest.update(frame);
            }
            delivery.disposed(&frame.header);
        });
        // What the relay did not refuse was refused here.
        let unusable = store.totals().rejects - unusable;
        delivery.undecodable(unusable - delivery.rejects());
        if parts.is_over() {
            delivery.finish(clock());
        } else {
            let undisposed = delivery.leave();
            intake.begun = Some(Begun { undisposed, parts });
        }
    }

    /// Binary messages received and not applied whole.
    pub(super) fn backlog_messages(&self) -> u64 {
        self.session.backlog_messages() + self.intake.messages()
    }

    /// Offsets between what was applied and the relay's ends.
    pub(super) fn left(&self) -> u64 {
        let positions = self.session.positions();
        positions.fold(0, |left: u64, p| {
            left.saturating_add(p.head.saturating_sub(p.committed))
        })
    }

    /// How much of the replay was applied, 0 to 1. By positions: the relay reports its own only now and then.
    pub(super) fn replay_progress(&self) -> Option<f64> {
        self.session.replay()?;
        let (_, at_first) = self.replay_left?;
        let left = self.left().min(at_first);
        Some(if at_first == 0 {
            1.0
        } else {
            1.0 - left as f64 / at_first as f64
        })
    }
}

/// Which wrappings a capture's relay accepted.
fn mode_of(metadata: &str) -> Mode {
    let said = js_sys::JSON::parse(metadata)
        .and_then(|object| js_sys::Reflect::get(&object, &"mode".into()))
        .ok()
        .and_then(|mode| mode.as_string());
    if said.as_deref() == Some(mode::COMPATIBLE) {
        Mode::Compatible
    } else {
        Mode::Strict
    }
}

/// Rows looked at for a list between two looks at the clock: a millisecond, where a text is searched for.
pub(super) const LOOK_ROWS: u64 = 2_048;
