//! A whole input in the store that the page uses, within its bounds: files, or what a relay holds.

use std::time::{SystemTime, UNIX_EPOCH};

use decode_core::Mode;
use decode_core::frame::Frame;
use decode_core::wire::{FrameKind, mode};
use inputs::Framer;
use run_model::Store;
use session::control::Welcome;

use crate::follow::{self, RelayArgs, Watcher};
use crate::input::{Found, InputArgs, Item, Lines, ModeArgs, read};
use crate::outcome::{Failure, Outcome};

/// What was read.
pub(crate) struct Loaded {
    pub(crate) store: Store,
    /// Until when; nothing where no more is to be expected.
    pub(crate) now_ms: Option<i64>,
    framer: Framer,
    unreadable: bool,
    incomplete: bool,
}

impl Loaded {
    fn new(mode: Mode) -> Self {
        Self {
            store: Store::new(mode),
            now_ms: None,
            framer: Framer::default(),
            unreadable: false,
            incomplete: false,
        }
    }

    /// As for the other commands: rejected records and gaps are found, not a failure.
    pub(crate) fn outcome(&self) -> Outcome {
        let totals = self.store.totals();
        match totals.rejects + totals.gaps + self.framer.unusable() {
            _ if self.unreadable => Outcome::Unreadable,
            0 if !self.incomplete => Outcome::Clean,
            _ => Outcome::Found,
        }
    }
}

pub(crate) fn load(
    input: &InputArgs,
    mode: &ModeArgs,
    relay: &RelayArgs,
) -> Result<Loaded, Failure> {
    match input.relay()? {
        Some(url) => from_relay(url, relay),
        None => from_files(input, mode),
    }
}

fn from_files(input: &InputArgs, mode: &ModeArgs) -> Result<Loaded, Failure> {
    let reading = input.reading()?;
    let mut loaded = Loaded::new(mode.mode());
    let mut lines = Lines::default();
    for (number, source) in input.sources().iter().enumerate() {
        let mut visit = |found: Found<'_>| {
            match found {
                Found::Item(item) => loaded.item(&item, number),
                Found::Line(line) => loaded.item(&lines.item(&line), number),
                Found::Mark(_) => {}
                Found::Notice(text) => say!("{text}"),
            }
            Ok(())
        };
        match read(source, reading, &mut visit) {
            Ok(()) => {}
            Err(Failure::Io(text)) => {
                loaded.unreadable = true;
                say!("dashstream: {text}");
            }
            Err(failure) => return Err(failure),
        }
        loaded.settle();
    }
    Ok(loaded)
}

impl Loaded {
    fn item(&mut self, item: &Item<'_>, source: usize) {
        self.framer.add(item, source as u32);
        if self.framer.len() >= MESSAGE_BYTES {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if !self.framer.is_empty() {
            self.store.apply(self.framer.take(), |_| {});
        }
    }
}

/// Everything that a relay holds when it is asked; how its runs stand is judged by the clock of this machine.
fn from_relay(url: &str, relay: &RelayArgs) -> Result<Loaded, Failure> {
    let mut held = Held {
        loaded: Loaded::new(Mode::Strict),
        namespace: None,
        message: Vec::new(),
        rejects: 0,
    };
    let followed = follow::run(&relay.everything(url)?, &mut held)?;
    let mut loaded = held.loaded;
    match followed.outcome() {
        Outcome::Clean => {}
        Outcome::Found => loaded.incomplete = true,
        Outcome::Unreadable => loaded.unreadable = true,
    }
    let is_of_file = held.namespace.is_some_and(|name| name.starts_with("file/"));
    loaded.now_ms = (!is_of_file).then(now_ms);
    Ok(loaded)
}

struct Held {
    loaded: Loaded,
    /// Of the first greeting: another one is about other records.
    namespace: Option<String>,
    message: Vec<u8>,
    /// Refused by the relay.
    rejects: u64,
}

impl Watcher for Held {
    fn welcome(&mut self, welcome: &Welcome) -> Result<(), Failure> {
        let namespace = self.namespace.get_or_insert_with(|| {
            if welcome.mode != mode::STRICT {
                self.loaded = Loaded::new(Mode::Compatible);
            }
            welcome.namespace.clone()
        });
        if *namespace == welcome.namespace {
            return Ok(());
        }
        let text = "the relay serves a different topic or cluster than at the start";
        Err(Failure::Io(text.to_owned()))
    }

    fn frame(&mut self, frame: &Frame<'_>, raw: &[u8]) -> Result<(), Failure> {
        self.rejects += u64::from(frame.header.kind == FrameKind::Reject);
        self.message.extend_from_slice(raw);
        Ok(())
    }

    fn undecodable(&self) -> u64 {
        self.loaded.store.totals().rejects - self.rejects
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if !self.message.is_empty() {
            let message = std::mem::take(&mut self.message);
            self.loaded.store.apply(message, |_| {});
        }
        Ok(())
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// Frames are given to the store in messages of about this size.
const MESSAGE_BYTES: usize = 64 * 1024;
