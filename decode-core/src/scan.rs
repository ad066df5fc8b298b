//! One checked pass over a message: validates every byte of it as a full decode would and keeps
//! the few facts that order, route and list it, without allocating.
//!
//! The verdict is that of prost on the same bytes (the test `scan_agrees_with_prost` holds it):
//! wire types, lengths, UTF-8 of text fields, nesting depth; unknown fields pass. It is stricter in
//! two places: [`MAP_WIRE_TYPE`], and the number of events in a batch is bounded.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "over the types and layouts of protobuf, to which nothing is added"
)]

mod checked;

use dashstream_proto::schema::{self, FieldDesc, FieldType, MessageDesc, Shape};

use crate::error::Reject;
use crate::reader::{Reader, WireType};
use crate::wire::{
    INNER_EVENTS_MAX, MessageKind, NESTING_DEPTH_MAX, RejectCode, SCHEMA_VERSION,
    SCHEMA_VERSION_ABSENT,
};

pub use checked::Checked;

/// What a `Header` says. Absent fields hold their protobuf defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderFacts<'a> {
    /// Whether the message has a header at all.
    pub present: bool,
    /// UUID bytes; the identity of the message.
    pub message_id: &'a [u8],
    /// Producer's wall clock, microseconds since 1970.
    pub timestamp_us: i64,
    /// Tenant.
    pub tenant: Checked<'a>,
    /// Session; also the Kafka key.
    pub thread: Checked<'a>,
    /// Counter within a series; 0 = unsequenced.
    pub sequence: u64,
    /// `MessageType` as sent; mirrors the kind and is not trusted.
    pub message_type: i32,
    /// `schema_version` as sent; see [`Self::schema_version`].
    pub schema_version_raw: u32,
}

impl HeaderFacts<'_> {
    /// The schema version, with an absent one read as the first.
    #[must_use]
    pub const fn schema_version(&self) -> u32 {
        match self.schema_version_raw {
            0 => SCHEMA_VERSION_ABSENT,
            version => version,
        }
    }

    /// Whether this build can apply a message of that version.
    #[must_use]
    pub const fn is_newer_schema(&self) -> bool {
        self.schema_version() > SCHEMA_VERSION
    }
}

/// What one event says: the message itself, or one inside a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventFacts<'a> {
    /// The event's own header.
    pub header: HeaderFacts<'a>,
    /// `EventType` number, known or not.
    pub event_type: i32,
    /// Node name; for parallel events several, comma-separated.
    pub node: Checked<'a>,
    /// Duration in microseconds; 0 = none.
    pub duration_us: i64,
    /// Of an event inside a batch: its bytes, for what is not kept here. See [`crate::fields`].
    pub body: &'a [u8],
}

/// What a whole message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary<'a> {
    /// `None` when the envelope is empty or holds a member this build does not know.
    pub kind: Option<MessageKind>,
    /// The message's header (of a batch: the batch's own, whose sequence is 0).
    pub header: HeaderFacts<'a>,
    /// Of an event: its number.
    pub event_type: i32,
    /// Node name: of an event, or of metrics whose scope is a node.
    pub node: Checked<'a>,
    /// Of metrics: the scope.
    pub scope: Checked<'a>,
    /// The kind's own short text: token text, tool name, metric scope id, error message.
    pub text: Checked<'a>,
    /// What the producer knows it by: request id of a token chunk, call id of a tool, code of an error.
    pub key: Checked<'a>,
    /// The kind's own number: chunk index, stage of a tool, severity of an error.
    pub number: u32,
    /// Duration in microseconds; 0 = none.
    pub duration_us: i64,
    /// Events inside a batch.
    pub inner_events: u32,
    /// Operations of a state diff.
    pub operations: u32,
    /// Highest schema version of the message and everything inside it.
    pub schema_version_max: u32,
}

impl<'a> Summary<'a> {
    const fn event_facts(&self) -> EventFacts<'a> {
        EventFacts {
            header: self.header,
            event_type: self.event_type,
            node: self.node,
            duration_us: self.duration_us,
            body: &[],
        }
    }

    const fn set_event_facts(&mut self, facts: EventFacts<'a>) {
        self.header = facts.header;
        self.event_type = facts.event_type;
        self.node = facts.node;
        self.duration_us = facts.duration_us;
    }
}

impl Summary<'_> {
    /// The schema version that stops this build from applying the message, if any.
    #[must_use]
    pub const fn newer_schema(&self) -> Option<u32> {
        if self.schema_version_max > SCHEMA_VERSION {
            Some(self.schema_version_max)
        } else {
            None
        }
    }
}

/// Takes the inner events of a batch as the pass meets them.
///
/// The pass may still fail afterwards: whoever keeps what it is given must be able to drop it.
pub trait EventSink<'a> {
    /// The next inner event.
    fn event(&mut self, event: &EventFacts<'a>);
    /// What was given so far does not count: the envelope holds another message after all.
    fn restart(&mut self);
}

/// A sink for those who do not look inside batches.
impl<'a> EventSink<'a> for () {
    fn event(&mut self, _: &EventFacts<'a>) {}
    fn restart(&mut self) {}
}

/// Reads the protobuf body of a message.
///
/// # Errors
/// `protobuf`, `utf8`, `too_deep` or `too_many_events`, with the byte offset in `body`.
pub fn scan<'a>(body: &'a [u8], sink: &mut dyn EventSink<'a>) -> Result<Summary<'a>, Reject> {
    let mut summary = Summary::default();
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let at = reader.at();
        let (number, wire) = reader.tag()?;
        let known = schema::DASH_STREAM_MESSAGE.field(number);
        let Some(FieldDesc {
            ty: FieldType::Message(desc),
            ..
        }) = known
        else {
            skip(&mut reader, number, wire, NESTING_DEPTH_MAX)?;
            continue;
        };
        if wire != WireType::Len {
            return Err(wrong_wire_type(at));
        }
        let kind = u8::try_from(number).ok().and_then(MessageKind::from_number);
        if kind != summary.kind {
            // The last member of a oneof wins, and it starts empty.
            if summary.kind.is_some() {
                sink.restart();
            }
            summary = Summary {
                kind,
                ..Summary::default()
            };
        }
        message(reader.nested()?, desc, &mut summary, sink)?;
    }
    summary.schema_version_max = summary
        .schema_version_max
        .max(summary.header.schema_version());
    Ok(summary)
}

/// One member of the envelope: captures by kind, checks the rest against the schema.
fn message<'a>(
    mut reader: Reader<'a>,
    desc: &'static MessageDesc,
    summary: &mut Summary<'a>,
    sink: &mut dyn EventSink<'a>,
) -> Result<(), Reject> {
    let depth = NESTING_DEPTH_MAX - 1;
    if summary.kind == Some(MessageKind::Event) {
        let mut facts = summary.event_facts();
        event(reader, &mut facts, depth)?;
        summary.set_event_facts(facts);
        return Ok(());
    }
    let captures = Captures::of(summary.kind);
    while !reader.is_empty() {
        let at = reader.at();
        let tag = reader.raw_tag()?;
        if tag == HEADER_TAG {
            header(reader.nested()?, &mut summary.header, depth - 1)?;
        } else if tag == captures.events {
            if summary.inner_events == INNER_EVENTS_MAX {
                return Err(too_many_events(at));
            }
            let inner = reader.nested()?;
            let mut facts = EventFacts {
                body: inner.rest(),
                ..EventFacts::default()
            };
            event(inner, &mut facts, depth - 1)?;
            summary.inner_events += 1;
            summary.schema_version_max = summary
                .schema_version_max
                .max(facts.header.schema_version());
            sink.event(&facts);
        } else if tag == captures.duration {
            summary.duration_us = reader.varint()? as i64;
        } else if tag == captures.scope {
            summary.scope = string(&mut reader)?;
        } else if tag == captures.text {
            summary.text = string(&mut reader)?;
        } else if tag == captures.key {
            summary.key = string(&mut reader)?;
        } else if tag == captures.number {
            summary.number = reader.varint()? as u32;
        } else {
            summary.operations += u32::from(tag == captures.operations);
            field(&mut reader, desc, tag, depth, at)?;
        }
    }
    if summary.kind == Some(MessageKind::Metrics) && summary.scope == NODE_SCOPE {
        summary.node = summary.text;
    }
    Ok(())
}

/// An event: the message itself or one inside a batch.
fn event<'a>(mut reader: Reader<'a>, facts: &mut EventFacts<'a>, depth: u32) -> Result<(), Reject> {
    while !reader.is_empty() {
        let at = reader.at();
        let tag = reader.raw_tag()?;
        match tag {
            HEADER_TAG => header(reader.nested()?, &mut facts.header, depth - 1)?,
            EVENT_TYPE_TAG => facts.event_type = reader.varint()? as i32,
            EVENT_NODE_TAG => facts.node = string(&mut reader)?,
            EVENT_DURATION_TAG => facts.duration_us = reader.varint()? as i64,
            _ => field(&mut reader, schema::EVENT, tag, depth, at)?,
        }
    }
    Ok(())
}

/// A header; a second one in the same message overwrites field by field, as protobuf merges.
fn header<'a>(
    mut reader: Reader<'a>,
    facts: &mut HeaderFacts<'a>,
    depth: u32,
) -> Result<(), Reject> {
    facts.present = true;
    while !reader.is_empty() {
        let at = reader.at();
        let tag = reader.raw_tag()?;
        match tag {
            MESSAGE_ID_TAG => facts.message_id = reader.len_delimited()?,
            TIMESTAMP_TAG => facts.timestamp_us = reader.varint()? as i64,
            TENANT_TAG => facts.tenant = string(&mut reader)?,
            THREAD_TAG => facts.thread = string(&mut reader)?,
            SEQUENCE_TAG => facts.sequence = reader.varint()?,
            MESSAGE_TYPE_TAG => facts.message_type = reader.varint()? as i32,
            SCHEMA_VERSION_TAG => facts.schema_version_raw = reader.varint()? as u32,
            _ => field(&mut reader, schema::HEADER, tag, depth, at)?,
        }
    }
    Ok(())
}

/// Checks a whole message of a known type, and what is nested in it.
fn check(
    mut reader: Reader<'_>,
    mut desc: &'static MessageDesc,
    mut depth: u32,
) -> Result<(), Reject> {
    while !reader.is_empty() {
        let at = reader.at();
        let tag = reader.raw_tag()?;
        match desc.shape(tag) {
            Shape::Message => {
                let (inner, of) = nested(&mut reader, desc, tag, depth, at)?;
                if reader.is_empty() {
                    // The last thing in its message, as the values of attributes are: there is nothing to
                    // come back for.
                    (reader, desc, depth) = (inner, of, depth - 1);
                } else {
                    check(inner, of, depth - 1)?;
                }
            }
            shape => plain(&mut reader, shape, desc, tag, depth, at)?,
        }
    }
    Ok(())
}

/// Checks one field whose tag has been read.
#[inline(always)]
fn field(
    reader: &mut Reader<'_>,
    desc: &'static MessageDesc,
    tag: u32,
    depth: u32,
    at: usize,
) -> Result<(), Reject> {
    match desc.shape(tag) {
        Shape::Message => {
            let (inner, of) = nested(reader, desc, tag, depth, at)?;
            check(inner, of, depth - 1)
        }
        shape => plain(reader, shape, desc, tag, depth, at),
    }
}

/// The message in a field, and what it is.
#[inline(always)]
fn nested<'a>(
    reader: &mut Reader<'a>,
    desc: &'static MessageDesc,
    tag: u32,
    depth: u32,
    at: usize,
) -> Result<(Reader<'a>, &'static MessageDesc), Reject> {
    if depth == 0 {
        return Err(too_deep(at));
    }
    let inner = reader.nested()?;
    match desc.field(tag >> 3).map(|field| field.ty) {
        Some(FieldType::Message(of)) => Ok((inner, of)),
        // Only fields of messages have the shape of one.
        _ => Err(wrong_wire_type(at)),
    }
}

/// Checks a value that is no message.
#[inline(always)]
fn plain(
    reader: &mut Reader<'_>,
    shape: Shape,
    desc: &'static MessageDesc,
    tag: u32,
    depth: u32,
    at: usize,
) -> Result<(), Reject> {
    match shape {
        Shape::Text => drop(string(reader)?),
        Shape::Varint => drop(reader.varint()?),
        _ => *reader = rare(*reader, shape, desc, tag, depth, at)?,
    }
    Ok(())
}

/// What is met seldom, and out of the way of the rest. Answers with the reader behind it.
#[inline(never)]
fn rare<'a>(
    mut reader: Reader<'a>,
    shape: Shape,
    desc: &'static MessageDesc,
    tag: u32,
    depth: u32,
    at: usize,
) -> Result<Reader<'a>, Reject> {
    match shape {
        Shape::Fixed64 => drop(reader.take(8)?),
        Shape::Fixed32 => drop(reader.take(4)?),
        Shape::Bytes => drop(reader.len_delimited()?),
        _ => return other_field(reader, desc, tag, depth, at),
    }
    Ok(reader)
}

/// A field with a tag the schema does not have as it stands: unknown, packed, or of another wire type.
/// Answers with the reader behind it.
fn other_field<'a>(
    mut reader: Reader<'a>,
    desc: &'static MessageDesc,
    tag: u32,
    depth: u32,
    at: usize,
) -> Result<Reader<'a>, Reject> {
    let (number, wire) = Reader::parts(tag, at)?;
    let Some(known) = desc.field(number) else {
        skip(&mut reader, number, wire, depth)?;
        return Ok(reader);
    };
    match known.ty {
        // Where prost reads on as if the tag had said length-delimited.
        FieldType::Message(inner) if inner.map_entry => Err(Reject::protobuf(at, MAP_WIRE_TYPE)),
        FieldType::Message(_) | FieldType::String | FieldType::Bytes => Err(wrong_wire_type(at)),
        scalar if wire == WireType::Len && known.repeated => {
            let mut packed = reader.nested()?;
            while !packed.is_empty() {
                take_scalar(&mut packed, scalar_wire(scalar))?;
            }
            Ok(reader)
        }
        _ => Err(wrong_wire_type(at)),
    }
}

/// Passes over a field the schema does not know.
fn skip(reader: &mut Reader<'_>, number: u32, wire: WireType, depth: u32) -> Result<(), Reject> {
    let at = reader.at();
    if depth == 0 {
        return Err(too_deep(at));
    }
    match wire {
        WireType::Varint | WireType::Fixed64 | WireType::Fixed32 => take_scalar(reader, wire),
        WireType::Len => reader.len_delimited().map(drop),
        WireType::StartGroup => loop {
            let at = reader.at();
            let (inner, wire) = reader.tag()?;
            match wire {
                WireType::EndGroup if inner == number => return Ok(()),
                WireType::EndGroup => {
                    return Err(Reject::protobuf(at, "group ends under another number"));
                }
                _ => skip(reader, inner, wire, depth - 1)?,
            }
        },
        WireType::EndGroup => Err(Reject::protobuf(at, "group ends without a start")),
    }
}

fn take_scalar(reader: &mut Reader<'_>, wire: WireType) -> Result<(), Reject> {
    match wire {
        WireType::Fixed64 => reader.take(8).map(drop),
        WireType::Fixed32 => reader.take(4).map(drop),
        _ => reader.varint().map(drop),
    }
}

const fn scalar_wire(ty: FieldType) -> WireType {
    match ty {
        FieldType::Double | FieldType::Fixed64 | FieldType::Sfixed64 => WireType::Fixed64,
        FieldType::Float | FieldType::Fixed32 | FieldType::Sfixed32 => WireType::Fixed32,
        _ => WireType::Varint,
    }
}

#[inline(always)]
fn string<'a>(reader: &mut Reader<'a>) -> Result<Checked<'a>, Reject> {
    let bytes = reader.len_delimited()?;
    Checked::new(bytes, reader.at())
        .map_err(|at| Reject::new(RejectCode::Utf8, at, "invalid UTF-8"))
}

const fn wrong_wire_type(at: usize) -> Reject {
    Reject::protobuf(at, "wrong wire type for a known field")
}

const fn too_deep(at: usize) -> Reject {
    Reject::new(RejectCode::TooDeep, at, "nesting exceeds maximum depth")
}

const fn too_many_events(at: usize) -> Reject {
    let what = "a batch holds more events than the limit";
    Reject::new(RejectCode::TooManyEvents, at, what)
}

/// Tags of the fields worth keeping, by kind; events have their own pass. Or [`NONE`].
struct Captures {
    duration: u32,
    events: u32,
    scope: u32,
    text: u32,
    key: u32,
    number: u32,
    operations: u32,
}

impl Captures {
    const fn of(kind: Option<MessageKind>) -> Self {
        let none = Self {
            duration: NONE,
            events: NONE,
            scope: NONE,
            text: NONE,
            key: NONE,
            number: NONE,
            operations: NONE,
        };
        match kind {
            Some(MessageKind::EventBatch) => Self {
                events: tag(2, WireType::Len),
                ..none
            },
            Some(MessageKind::ToolExecution) => Self {
                key: tag(2, WireType::Len),
                text: tag(3, WireType::Len),
                number: tag(4, WireType::Varint),
                duration: tag(9, WireType::Varint),
                ..none
            },
            Some(MessageKind::Metrics) => Self {
                scope: tag(2, WireType::Len),
                text: tag(3, WireType::Len),
                ..none
            },
            Some(MessageKind::TokenChunk | MessageKind::Error) => Self {
                key: tag(2, WireType::Len),
                text: tag(3, WireType::Len),
                number: tag(6, WireType::Varint),
                ..none
            },
            Some(MessageKind::ExecutionTrace) => Self {
                text: tag(3, WireType::Len),
                ..none
            },
            Some(MessageKind::StateDiff) => Self {
                operations: tag(3, WireType::Len),
                ..none
            },
            Some(MessageKind::Event | MessageKind::Checkpoint) | None => none,
        }
    }
}

/// A field's number and wire type as they are written.
const fn tag(number: u32, wire: WireType) -> u32 {
    number << 3 | wire as u32
}

/// The one refusal of protobuf damage in which this pass is stricter than prost.
pub const MAP_WIRE_TYPE: &str = "wrong wire type for a map field";

/// Every message of the envelope has its header as field 1.
const HEADER_TAG: u32 = tag(1, WireType::Len);
const MESSAGE_ID_TAG: u32 = tag(1, WireType::Len);
const TIMESTAMP_TAG: u32 = tag(2, WireType::Varint);
const TENANT_TAG: u32 = tag(3, WireType::Len);
const THREAD_TAG: u32 = tag(4, WireType::Len);
const SEQUENCE_TAG: u32 = tag(5, WireType::Varint);
const MESSAGE_TYPE_TAG: u32 = tag(6, WireType::Varint);
const SCHEMA_VERSION_TAG: u32 = tag(9, WireType::Varint);
const EVENT_TYPE_TAG: u32 = tag(2, WireType::Varint);
const EVENT_NODE_TAG: u32 = tag(3, WireType::Len);
const EVENT_DURATION_TAG: u32 = tag(5, WireType::Varint);
/// Stands where a kind has no such field: it is taken before any other is asked for, so none is met. 0
/// would be: a tag of 0 is damage.
const NONE: u32 = HEADER_TAG;
/// `Metrics.scope` value that makes `scope_id` a node name.
const NODE_SCOPE: &str = "node";
