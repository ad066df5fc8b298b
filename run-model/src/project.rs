//! One frame to its rows: a record is one row, a batch one per event inside, a gap or reject one.

use decode_core::frame::Frame;
use decode_core::scan::{EventFacts, EventSink, HeaderFacts, Summary};
use decode_core::wire::{FrameKind, MessageKind};
use decode_core::{Decoder, Reject};

use crate::repeats::identity;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKind {
    /// A message without content, or of a kind this build does not know.
    Unknown,
    /// A message of that kind.
    Message(MessageKind),
    /// Offsets that could not be delivered.
    Gap,
    /// A record that was refused, by the relay or here.
    Reject,
}

impl RowKind {
    /// Every kind; the index is [`Self::number`].
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Message(MessageKind::Event),
        Self::Message(MessageKind::StateDiff),
        Self::Message(MessageKind::TokenChunk),
        Self::Message(MessageKind::ToolExecution),
        Self::Message(MessageKind::Checkpoint),
        Self::Message(MessageKind::Metrics),
        Self::Message(MessageKind::Error),
        Self::Message(MessageKind::EventBatch),
        Self::Message(MessageKind::ExecutionTrace),
        Self::Gap,
        Self::Reject,
    ];

    /// A small number for columns.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Message(kind) => kind.number(),
            Self::Gap => 10,
            Self::Reject => 11,
        }
    }

    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Message(kind) => kind.code(),
            Self::Gap => FrameKind::Gap.code(),
            Self::Reject => FrameKind::Reject.code(),
        }
    }
}

/// One row, borrowed from the bytes it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// What it is.
    pub kind: RowKind,
    /// `EventType` number; 0 where the row is no event.
    pub event_type: i32,
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset; of a gap the first missing one.
    pub offset: u64,
    /// Last offset of a gap, else the offset.
    pub last_offset: u64,
    /// Kafka timestamp in ms; 0 for gaps.
    pub timestamp_ms: i64,
    /// Sequence within its series; 0 = none.
    pub sequence: u64,
    /// Thread id, or empty.
    pub thread: &'a str,
    /// Node name, or empty.
    pub node: &'a str,
    /// Gap cause or reject code, else 0.
    pub code: u32,
    /// The kind's own short text.
    pub text: &'a str,
    /// Duration in microseconds; 0 = none.
    pub duration_us: i64,
    /// Of a state diff: its operations.
    pub operations: u32,
    /// Length of the Kafka value in bytes.
    pub bytes: u32,
    /// Whether the schema version is newer than this build applies.
    pub newer_schema: bool,
    /// What the message is known by, from its `message_id`; 0 = nothing.
    pub identity: u128,
}

/// Takes rows. The newest can be taken back: a batch may fail at its end.
pub trait RowSink {
    /// Rows taken so far, those it no longer holds included.
    fn taken(&self) -> u64;
    /// Takes a row.
    fn row(&mut self, row: &Row<'_>);
    /// Takes back every row after the first `taken`.
    fn take_back(&mut self, taken: u64);
}

/// Decodes a frame into its rows; a record that fails becomes a reject row with its code.
///
/// # Errors
/// Why the record was refused, for the caller to count; its row was taken all the same.
pub fn project(
    frame: &Frame<'_>,
    decoder: &mut Decoder,
    sink: &mut dyn RowSink,
) -> Result<(), Reject> {
    let header = &frame.header;
    let base = Row {
        kind: RowKind::Unknown,
        event_type: 0,
        partition: header.partition,
        offset: header.offset,
        last_offset: header.last_offset(),
        timestamp_ms: header.timestamp_ms,
        sequence: 0,
        thread: "",
        node: "",
        code: header.code,
        text: "",
        duration_us: 0,
        operations: 0,
        bytes: header.payload_len,
        newer_schema: false,
        identity: 0,
    };
    match header.kind {
        FrameKind::Record => return record(frame.payload, base, decoder, sink),
        FrameKind::Gap => sink.row(&Row {
            kind: RowKind::Gap,
            timestamp_ms: 0,
            ..base
        }),
        FrameKind::Reject => sink.row(&Row {
            kind: RowKind::Reject,
            ..base
        }),
        FrameKind::Mark => {}
    }
    Ok(())
}

fn record(
    payload: &[u8],
    base: Row<'_>,
    decoder: &mut Decoder,
    sink: &mut dyn RowSink,
) -> Result<(), Reject> {
    let start = sink.taken();
    let mut inner = Inner {
        base,
        sink: &mut *sink,
        start,
        orphans: false,
        batch: None,
    };
    let outcome = decoder.decode(payload, &mut inner).map(|decoded| {
        let orphans = inner.orphans;
        (decoded.summary, orphans)
    });
    match outcome {
        Ok((summary, false)) => {
            if sink.taken() == start {
                sink.row(&single(&summary, &base));
            }
            Ok(())
        }
        Ok((_, true)) => with_batch_header(payload, base, decoder, sink, start),
        Err(reject) => {
            sink.take_back(start);
            let code = reject.code().number();
            sink.row(&Row {
                kind: RowKind::Reject,
                code,
                text: reject.what(),
                ..base
            });
            Err(reject)
        }
    }
}

/// Inner events without a header take thread and time from the batch, whose header may come last:
/// a second pass, for a case real producers do not send.
fn with_batch_header(
    payload: &[u8],
    base: Row<'_>,
    decoder: &mut Decoder,
    sink: &mut dyn RowSink,
    start: u64,
) -> Result<(), Reject> {
    sink.take_back(start);
    let (_, body) = decoder.unwrap_frame(payload)?;
    let batch = decode_core::scan::scan(body, &mut ())?.header;
    let mut inner = Inner {
        base,
        sink,
        start,
        orphans: false,
        batch: Some(batch),
    };
    decode_core::scan::scan(body, &mut inner).map(drop)
}

fn single<'a>(summary: &Summary<'a>, base: &Row<'a>) -> Row<'a> {
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
        ..*base
    }
}

/// Turns the inner events of a batch into rows as the pass meets them.
struct Inner<'r, 's, 'h> {
    base: Row<'r>,
    sink: &'s mut dyn RowSink,
    start: u64,
    orphans: bool,
    batch: Option<HeaderFacts<'h>>,
}

impl Inner<'_, '_, '_> {
    /// Of an event without a header: its batch's, and its place there.
    fn inherited(&self, message_id: &[u8]) -> u128 {
        let place = u128::from(self.sink.taken() - self.start) + 1;
        match identity(message_id) {
            0 => 0,
            batch => batch ^ place.wrapping_mul(PLACE_SPREAD),
        }
    }
}

/// Odd, so that no two places agree.
const PLACE_SPREAD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

impl<'a> EventSink<'a> for Inner<'_, '_, '_> {
    fn event(&mut self, event: &EventFacts<'a>) {
        let own = &event.header;
        if !own.present && self.batch.is_none() {
            self.orphans = true;
        }
        let inherited = if own.present { None } else { self.batch };
        let row = Row {
            kind: RowKind::Message(MessageKind::Event),
            event_type: event.event_type,
            sequence: own.sequence,
            node: event.node.as_str(),
            duration_us: event.duration_us,
            newer_schema: own.is_newer_schema(),
            identity: identity(own.message_id),
            ..self.base
        };
        match inherited {
            Some(batch) => self.sink.row(&Row {
                thread: batch.thread.as_str(),
                identity: self.inherited(batch.message_id),
                ..row
            }),
            None => self.sink.row(&Row {
                thread: own.thread.as_str(),
                ..row
            }),
        }
    }

    fn restart(&mut self) {
        self.sink.take_back(self.start);
        self.orphans = false;
    }
}
