//! What one frame says, row by row: everything any reducer needs to know of it.

use decode_core::Checked;
use decode_core::fields::{Fields, Value};
use decode_core::wire::{FrameKind, MessageKind};

/// What a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKind {
    /// A message without content, or of a kind this build does not know.
    #[default]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Of an event in a batch: its place there. With partition and offset the address of an event.
    pub index: u32,
    /// Producer's clock in microseconds since 1970; 0 = none.
    pub time_us: i64,
    /// Tenant, or empty.
    pub tenant: Checked<'a>,
    /// What the producer knows it by within a node: request id of a token chunk, call id of a tool, code of an
    /// error; else empty.
    pub key: Checked<'a>,
    /// Of a token chunk its index, of a tool its stage, of an error its severity; else 0.
    pub number: u32,
    /// Of metrics: the scope.
    pub scope: Checked<'a>,
    /// The protobuf of the message or, in a batch, of the event.
    pub body: Body<'a>,
}

/// Where the rest of what a row's message says can be read, without a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body<'a> {
    /// There is no message.
    #[default]
    None,
    /// An envelope, and the number of the member that counts.
    Envelope(u32, &'a [u8]),
    /// The event itself.
    Event(&'a [u8]),
}

impl<'a> Row<'a> {
    /// The fields of the message, in the order in which they stand.
    pub fn fields(&self) -> impl Iterator<Item = (u32, Value<'a>)> + use<'a> {
        let (member, envelope, event) = match self.body {
            Body::None => (0, &[][..], &[][..]),
            Body::Envelope(member, bytes) => (member, bytes, &[][..]),
            Body::Event(bytes) => (0, &[][..], bytes),
        };
        // A member that stands there more than once is the sum of its parts.
        let parts = Fields::new(envelope).filter(move |(number, _)| *number == member);
        let inside = parts.flat_map(|(_, part)| Fields::new(part.bytes()));
        inside.chain(Fields::new(event))
    }
}
