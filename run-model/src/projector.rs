//! One frame to its rows: a record is one row, a batch one per event inside, a gap or reject one.
//!
//! A record is decoded once. A batch may fail at its end, so the facts of its events wait for the verdict;
//! of a batch too large to wait for, the events are passed over a second time.

use alloc::vec::Vec;

use decode_core::frame::Frame;
use decode_core::scan::{EventFacts, EventSink, HeaderFacts, Summary, scan};
use decode_core::wire::{FrameKind, MessageKind};
use decode_core::{Decoded, Decoder, Mode, Reject};

use crate::repeats::identity;
use crate::row::{Body, Row, RowKind};

/// Takes rows as they come.
pub type RowSink<'s> = &'s mut dyn FnMut(&Row<'_>);

/// Decodes frames into rows, with buffers that live on.
#[derive(Debug)]
pub struct Projector {
    decoder: Decoder,
    /// Empty between frames; what it has room for stays.
    events: Vec<EventFacts<'static>>,
}

impl Projector {
    /// A projector that accepts these wrappings.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            decoder: Decoder::new(mode),
            events: Vec::new(),
        }
    }

    /// The decoder, for what is looked at one by one.
    pub const fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// Which wrappings are accepted from here on.
    pub fn set_mode(&mut self, mode: Mode) {
        if mode != self.decoder.mode() {
            self.decoder = Decoder::new(mode);
        }
    }

    /// Decodes a frame into its rows; a record that fails is one reject row with its code.
    ///
    /// # Errors
    /// Why the record was rejected, for the caller to count; its row was given all the same.
    pub fn project(&mut self, frame: &Frame<'_>, sink: RowSink<'_>) -> Result<(), Reject> {
        let base = base(frame);
        match frame.header.kind {
            FrameKind::Record => {
                let outcome = self.record(frame.payload, &base, sink);
                if let Err(reject) = outcome {
                    sink(&Row {
                        kind: RowKind::Reject,
                        code: reject.code().number(),
                        text: reject.what(),
                        ..base
                    });
                }
                return outcome;
            }
            FrameKind::Gap => sink(&Row {
                kind: RowKind::Gap,
                timestamp_ms: 0,
                ..base
            }),
            FrameKind::Reject => sink(&Row {
                kind: RowKind::Reject,
                ..base
            }),
            FrameKind::Mark => {}
        }
        Ok(())
    }

    fn record(&mut self, payload: &[u8], base: &Row<'_>, sink: RowSink<'_>) -> Result<(), Reject> {
        let mut events = Events {
            kept: recycled(core::mem::take(&mut self.events)),
            count: 0,
            restarts: 0,
        };
        let decoded = self.decoder.decode(payload, &mut events)?;
        let Decoded { body, summary, .. } = decoded;
        if events.count == 0 {
            sink(&single(&summary, body, base));
        } else if events.count == events.kept.len() {
            for (index, event) in events.kept.iter().enumerate() {
                sink(&inner(event, index, &summary.header, base));
            }
        } else {
            let batch = &summary.header;
            let mut again = Again {
                count: 0,
                restarts_left: events.restarts,
                each: |event: &EventFacts<'_>, index| sink(&inner(event, index, batch, base)),
            };
            scan(body, &mut again)?;
        }
        self.events = recycled(events.kept);
        Ok(())
    }
}

/// The same room for facts of other bytes: the collected vector is the one that was taken apart.
fn recycled<'b>(mut events: Vec<EventFacts<'_>>) -> Vec<EventFacts<'b>> {
    events.clear();
    events.into_iter().map(|_| EventFacts::default()).collect()
}

fn base<'a>(frame: &Frame<'a>) -> Row<'a> {
    let header = &frame.header;
    Row {
        partition: header.partition,
        offset: header.offset,
        last_offset: header.last_offset(),
        timestamp_ms: header.timestamp_ms,
        code: header.code,
        bytes: header.payload_len,
        ..Row::default()
    }
}

fn single<'a>(summary: &Summary<'a>, body: &'a [u8], base: &Row<'a>) -> Row<'a> {
    Row {
        kind: summary.kind.map_or(RowKind::Unknown, RowKind::Message),
        event_type: summary.event_type,
        sequence: summary.header.sequence,
        thread: summary.header.thread.as_str(),
        node: summary.node.as_str(),
        text: summary.text.as_str(),
        duration_us: summary.duration_us,
        operations: summary.operations,
        newer_schema: summary.newer_schema().is_some(),
        identity: identity(summary.header.message_id),
        time_us: summary.header.timestamp_us,
        tenant: summary.header.tenant,
        key: summary.key,
        number: summary.number,
        scope: summary.scope,
        body: summary.kind.map_or(Body::None, |kind| {
            Body::Envelope(u32::from(kind.number()), body)
        }),
        ..*base
    }
}

/// An event of a batch. One without a header takes thread, tenant and time from the batch, for which real
/// producers give no occasion.
fn inner<'a>(
    event: &EventFacts<'a>,
    index: usize,
    batch: &HeaderFacts<'a>,
    base: &Row<'a>,
) -> Row<'a> {
    let own = &event.header;
    let (header, identity) = if own.present {
        (own, identity(own.message_id))
    } else {
        (batch, inherited(batch.message_id, index))
    };
    Row {
        kind: RowKind::Message(MessageKind::Event),
        event_type: event.event_type,
        sequence: own.sequence,
        thread: header.thread.as_str(),
        node: event.node.as_str(),
        duration_us: event.duration_us,
        newer_schema: own.is_newer_schema(),
        identity,
        index: index as u32,
        time_us: header.timestamp_us,
        tenant: header.tenant,
        body: Body::Event(event.body),
        ..*base
    }
}

/// Of an event without a header: its batch's, and its place there.
fn inherited(message_id: &[u8], index: usize) -> u128 {
    match identity(message_id) {
        0 => 0,
        batch => batch ^ (index as u128 + 1).wrapping_mul(PLACE_SPREAD),
    }
}

/// Odd, so that no two places agree.
const PLACE_SPREAD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

/// The events of a batch, of which the first wait for the verdict.
struct Events<'a> {
    kept: Vec<EventFacts<'a>>,
    count: usize,
    restarts: u32,
}

impl<'a> EventSink<'a> for Events<'a> {
    fn event(&mut self, event: &EventFacts<'a>) {
        if self.kept.len() < EVENTS_KEPT_MAX {
            self.kept.push(*event);
        }
        self.count += 1;
    }

    fn restart(&mut self) {
        self.kept.clear();
        self.count = 0;
        self.restarts += 1;
    }
}

/// Facts of so many events wait for the verdict on their batch; real batches hold a few.
const EVENTS_KEPT_MAX: usize = 1_024;

/// Gives the events of a batch that was accepted: those after the last restart, as no others count.
struct Again<F> {
    count: usize,
    restarts_left: u32,
    each: F,
}

impl<'a, F: FnMut(&EventFacts<'a>, usize)> EventSink<'a> for Again<F> {
    fn event(&mut self, event: &EventFacts<'a>) {
        if self.restarts_left == 0 {
            (self.each)(event, self.count);
            self.count += 1;
        }
    }

    fn restart(&mut self) {
        self.restarts_left = self.restarts_left.saturating_sub(1);
    }
}
