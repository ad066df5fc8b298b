//! The rows held, with interned names: a bounded ring that evicts its oldest before it takes one more,
//! so that no record makes it larger, however many rows come of it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::vec::Vec;

use crate::limits::{NAME_BYTES_MAX, SUMMARY_CHARS_MAX};
use crate::project::{Row, RowKind, RowSink};

/// A row as it is held. Names are numbers of [`Names`].
#[derive(Clone, Debug)]
pub struct StoredRow {
    /// What it is.
    pub kind: RowKind,
    /// `EventType` number.
    pub event_type: i32,
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset.
    pub offset: u64,
    /// Last offset of a gap.
    pub last_offset: u64,
    /// Kafka timestamp in ms.
    pub timestamp_ms: i64,
    /// Sequence within its series.
    pub sequence: u64,
    /// Gap cause or reject code.
    pub code: u32,
    /// Duration in microseconds; 0 = none.
    pub duration_us: i64,
    /// Of a state diff: its operations.
    pub operations: u32,
    /// Length of the Kafka value in bytes.
    pub bytes: u32,
    /// Whether the schema version is newer than this build applies.
    pub newer_schema: bool,
    /// Whether a message with its id came before.
    pub repeat: bool,
    pub(crate) thread: u32,
    pub(crate) node: u32,
    pub(crate) summary: Option<Box<str>>,
    pub(crate) place: Place,
}

/// Where a row's payload lies among the held messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) message: u64,
    pub(crate) start: u32,
}

/// Rows by id: ids rise by one, and those before `first` were evicted.
#[derive(Debug)]
pub(crate) struct Rows {
    held: VecDeque<StoredRow>,
    first: u64,
    rows_max: usize,
    pub(crate) names: Names,
    /// Where the frame being projected lies.
    pub(crate) place: Place,
    /// Identities of the rows of that frame, those evicted since included.
    identities: Vec<u128>,
    frame: u64,
}

impl Rows {
    pub(crate) fn new(rows_max: usize) -> Self {
        Self {
            held: VecDeque::new(),
            first: 0,
            rows_max,
            names: Names::default(),
            place: Place::default(),
            identities: Vec::new(),
            frame: 0,
        }
    }

    /// Begins a frame: rows from here on are of this one.
    pub(crate) fn begin(&mut self, place: Place) {
        self.place = place;
        self.frame = self.end();
        self.identities.clear();
        self.identities.shrink_to(IDENTITIES_KEPT_MAX);
    }

    /// What a row of the frame is known by; 0 = nothing.
    pub(crate) fn identity(&self, id: u64) -> u128 {
        let at = id.checked_sub(self.frame).map(|at| at as usize);
        let known = at.and_then(|at| self.identities.get(at));
        known.copied().unwrap_or(0)
    }

    pub(crate) fn mark_repeat(&mut self, id: u64) {
        let at = id.checked_sub(self.first).map(|at| at as usize);
        if let Some(row) = at.and_then(|at| self.held.get_mut(at)) {
            row.repeat = true;
        }
    }

    /// Id of the oldest row held.
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    /// Id after the newest row.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.held.len() as u64
    }

    pub(crate) fn get(&self, id: u64) -> Option<&StoredRow> {
        self.held
            .get(usize::try_from(id.checked_sub(self.first)?).ok()?)
    }

    /// Drops the oldest until there is room for one more.
    fn make_room(&mut self) {
        while self.held.len() >= self.rows_max.max(1) {
            if let Some(row) = self.held.pop_front() {
                self.first += 1;
                self.forget(&row);
            }
        }
    }

    fn forget(&mut self, row: &StoredRow) {
        self.names.release(row.thread);
        self.names.release(row.node);
    }
}

impl RowSink for Rows {
    fn taken(&self) -> u64 {
        self.end()
    }

    fn row(&mut self, row: &Row<'_>) {
        self.make_room();
        self.identities.push(row.identity);
        let summary = (!row.text.is_empty()).then(|| shorten(row.text));
        self.held.push_back(StoredRow {
            kind: row.kind,
            event_type: row.event_type,
            partition: row.partition,
            offset: row.offset,
            last_offset: row.last_offset,
            timestamp_ms: row.timestamp_ms,
            sequence: row.sequence,
            code: row.code,
            duration_us: row.duration_us,
            operations: row.operations,
            bytes: row.bytes,
            newer_schema: row.newer_schema,
            repeat: false,
            thread: self.names.hold(row.thread),
            node: self.names.hold(row.node),
            summary,
            place: self.place,
        });
    }

    fn take_back(&mut self, taken: u64) {
        self.identities
            .truncate(taken.saturating_sub(self.frame) as usize);
        while self.end() > taken {
            match self.held.pop_back() {
                Some(row) => self.forget(&row),
                // Of what is taken back the first was evicted already.
                None => self.first = taken,
            }
        }
    }
}

/// Room for so many stays from frame to frame.
const IDENTITIES_KEPT_MAX: usize = 1_024;

fn shorten(text: &str) -> Box<str> {
    match text.char_indices().nth(SUMMARY_CHARS_MAX) {
        None => text.into(),
        Some((end, _)) => {
            let mut cut = alloc::string::String::from(text.get(..end).unwrap_or_default());
            cut.push('…');
            cut.into()
        }
    }
}

/// Texts that many rows share, counted, so that those nobody holds are forgotten.
#[derive(Debug)]
pub(crate) struct Names {
    numbers: BTreeMap<Rc<str>, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// The newest name: rows of one thread follow each other.
    latest: u32,
}

#[derive(Debug)]
struct Slot {
    text: Rc<str>,
    holders: u32,
}

impl Default for Names {
    fn default() -> Self {
        // Number 0 is the empty name, held for ever.
        let slots = alloc::vec![Slot {
            text: "".into(),
            holders: 1
        }];
        Self {
            numbers: BTreeMap::new(),
            slots,
            free: Vec::new(),
            latest: 0,
        }
    }
}

impl Names {
    pub(crate) fn text(&self, number: u32) -> &str {
        self.slots
            .get(number as usize)
            .map_or("", |slot| &slot.text)
    }

    pub(crate) fn hold(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if text.len() > NAME_BYTES_MAX {
            let cut = cut_name(text);
            return self.hold_whole(&cut);
        }
        self.hold_whole(text)
    }

    fn hold_whole(&mut self, text: &str) -> u32 {
        let known = if self.text(self.latest) == text && self.latest != 0 {
            Some(self.latest)
        } else {
            self.numbers.get(text).copied()
        };
        let number = known.unwrap_or_else(|| self.add(text));
        if let Some(slot) = self.slots.get_mut(number as usize) {
            slot.holders += 1;
        }
        self.latest = number;
        number
    }

    fn add(&mut self, text: &str) -> u32 {
        let text: Rc<str> = text.into();
        let slot = Slot {
            text: Rc::clone(&text),
            holders: 0,
        };
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(old) = self.slots.get_mut(number as usize) {
                    *old = slot;
                }
                number
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.numbers.insert(text, number);
        number
    }

    pub(crate) fn release(&mut self, number: u32) {
        if number == 0 {
            return;
        }
        let Some(slot) = self.slots.get_mut(number as usize) else {
            return;
        };
        slot.holders -= 1;
        if slot.holders == 0 {
            let text = core::mem::replace(&mut slot.text, "".into());
            self.numbers.remove(&text);
            self.free.push(number);
        }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.numbers.len()
    }
}

/// The beginning of an overlong name and a hash of all of it, so that two that begin alike differ.
fn cut_name(text: &str) -> alloc::string::String {
    let mut end = NAME_BYTES_MAX - CUT_SUFFIX_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    alloc::format!("{}…#{hash:016x}", text.get(..end).unwrap_or_default())
}

/// Room for the mark, `#` and sixteen digits.
const CUT_SUFFIX_BYTES: usize = 20;
