//! A whole input in the store that the page uses, within its bounds.

use inputs::Framer;
use run_model::Store;

use crate::input::{Found, InputArgs, Item, Lines, ModeArgs, read};
use crate::outcome::{Failure, Outcome};

/// What was read.
pub(crate) struct Loaded {
    pub(crate) store: Store,
    framer: Framer,
    unreadable: bool,
}

impl Loaded {
    /// As for the other commands: rejected records and gaps are found, not a failure.
    pub(crate) fn outcome(&self) -> Outcome {
        let totals = self.store.totals();
        match totals.rejects + totals.gaps + self.framer.unusable() {
            _ if self.unreadable => Outcome::Unreadable,
            0 => Outcome::Clean,
            _ => Outcome::Found,
        }
    }
}

pub(crate) fn load(input: &InputArgs, mode: &ModeArgs) -> Result<Loaded, Failure> {
    let reading = input.reading()?;
    let mut loaded = Loaded {
        store: Store::new(mode.mode()),
        framer: Framer::default(),
        unreadable: false,
    };
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

/// Frames are given to the store in messages of about this size.
const MESSAGE_BYTES: usize = 64 * 1024;
