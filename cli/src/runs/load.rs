//! A whole input in the store that the page uses, within its bounds.

use decode_core::frame::FrameWriter;
use decode_core::wire::{GapCause, RejectCode};
use run_model::Store;

use crate::input::{Content, Found, InputArgs, Item, Lines, ModeArgs, read};
use crate::outcome::{Failure, Outcome};

/// What was read.
pub(crate) struct Loaded {
    pub(crate) store: Store,
    /// Records that could not be used and were no gap or rejection of the input's own.
    unusable: u64,
    unreadable: bool,
}

impl Loaded {
    /// As for the other commands: rejected records and gaps are found, not a failure.
    pub(crate) fn outcome(&self) -> Outcome {
        let totals = self.store.totals();
        match totals.rejects + totals.gaps + self.unusable {
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
        unusable: 0,
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
    }
    Ok(loaded)
}

impl Loaded {
    /// Formats that do not say where a record stood count it by its place in the input.
    fn item(&mut self, item: &Item<'_>, source: usize) {
        let (partition, offset) = match item.place {
            Some(place) => (place.partition, place.offset),
            None => (source as u32, item.index.unwrap_or(0)),
        };
        let timestamp_ms = item.timestamp_ms.unwrap_or(0);
        let mut message = Vec::new();
        let mut writer = FrameWriter::new(partition, offset);
        match item.content {
            Content::Payload(payload) => {
                writer.record(&mut message, offset, timestamp_ms, payload);
            }
            Content::Null => writer.gap(&mut message, offset, offset, GapCause::NullValue),
            Content::Gap { last, cause } => match GapCause::from_number(cause) {
                Some(cause) => writer.gap(&mut message, offset, last, cause),
                None => self.unusable += 1,
            },
            Content::Rejected { code, prefix } => match RejectCode::from_number(code) {
                Some(code) => writer.reject(&mut message, offset, timestamp_ms, code, prefix),
                None => self.unusable += 1,
            },
            Content::TooLong(_) | Content::Truncated { .. } | Content::Unreadable(_) => {
                self.unusable += 1;
            }
        }
        self.store.apply(message, |_| {});
    }
}
