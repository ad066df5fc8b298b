//! One checked pass over a message: validates every byte of it as a full decode would and keeps
//! the few facts that order, route and list it, without allocating.
//!
//! The verdict is that of prost on the same bytes (the test `scan_agrees_with_prost` holds it):
//! wire types, lengths, UTF-8 of text fields, nesting depth; unknown fields pass. It is stricter in
//! two places: [`MAP_WIRE_TYPE`], and the number of events in a batch is bounded.

use alloc::collections::BTreeMap;

use dashstream_proto::schema::{self, FieldDesc, FieldType, MessageDesc};

use crate::error::Reject;
use crate::reader::{Reader, WireType};
use crate::wire::{
    INNER_EVENTS_MAX, MessageKind, NESTING_DEPTH_MAX, RejectCode, SCHEMA_VERSION,
    SCHEMA_VERSION_ABSENT,
};

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
    pub tenant: &'a str,
    /// Session; also the Kafka key.
    pub thread: &'a str,
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
    pub node: &'a str,
    /// Duration in microseconds; 0 = none.
    pub duration_us: i64,
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
    pub node: &'a str,
    /// Of metrics: the scope.
    pub scope: &'a str,
    /// The kind's own short text: token text, tool name, metric scope id, error message.
    pub text: &'a str,
    /// Duration in microseconds; 0 = none.
    pub duration_us: i64,
    /// Events inside a batch.
    pub inner_events: u32,
    /// Operations of a state diff.
    pub operations: u32,
    /// Highest schema version of the message and everything inside it.
    pub schema_version_max: u32,
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

/// The highest sequence per thread of a batch's inner events; unsequenced ones do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadMaxima<'a> {
    by_thread: BTreeMap<&'a str, u64>,
}

impl<'a> ThreadMaxima<'a> {
    /// Threads and their highest sequences, ascending by thread.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, u64)> + '_ {
        self.by_thread
            .iter()
            .map(|(&thread, &sequence)| (thread, sequence))
    }

    /// The highest sequence of all threads; `None` if no event had one.
    #[must_use]
    pub fn highest(&self) -> Option<u64> {
        self.by_thread.values().copied().max()
    }
}

impl<'a> EventSink<'a> for ThreadMaxima<'a> {
    fn event(&mut self, event: &EventFacts<'a>) {
        if event.header.sequence > 0 {
            let highest = self.by_thread.entry(event.header.thread).or_default();
            *highest = event.header.sequence.max(*highest);
        }
    }

    fn restart(&mut self) {
        self.by_thread.clear();
    }
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
        expect(wire, WireType::Len, at)?;
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
        let inner = reader.len_delimited()?;
        let base = reader.at() - inner.len();
        message(inner, desc, &mut summary, sink).map_err(|e| e.shifted(base))?;
    }
    summary.schema_version_max = summary
        .schema_version_max
        .max(summary.header.schema_version());
    Ok(summary)
}

/// One member of the envelope: captures by kind, checks the rest against the schema.
fn message<'a>(
    bytes: &'a [u8],
    desc: &'static MessageDesc,
    summary: &mut Summary<'a>,
    sink: &mut dyn EventSink<'a>,
) -> Result<(), Reject> {
    let depth = NESTING_DEPTH_MAX - 1;
    let captures = Captures::of(summary.kind);
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let at = reader.at();
        let (number, wire) = reader.tag()?;
        if number == HEADER_FIELD {
            expect(wire, WireType::Len, at)?;
            header(&mut reader, &mut summary.header, depth)?;
        } else if number == captures.events {
            expect(wire, WireType::Len, at)?;
            if summary.inner_events == INNER_EVENTS_MAX {
                return Err(too_many_events(at));
            }
            let inner = reader.len_delimited()?;
            let base = reader.at() - inner.len();
            let event = event(inner, depth - 1).map_err(|e| e.shifted(base))?;
            summary.inner_events += 1;
            summary.schema_version_max = summary
                .schema_version_max
                .max(event.header.schema_version());
            sink.event(&event);
        } else if number == captures.event_type {
            expect(wire, WireType::Varint, at)?;
            summary.event_type = reader.varint()? as i32;
        } else if number == captures.duration {
            expect(wire, WireType::Varint, at)?;
            summary.duration_us = reader.varint()? as i64;
        } else if number == captures.node {
            summary.node = string(&mut reader, wire, at)?;
        } else if number == captures.scope {
            summary.scope = string(&mut reader, wire, at)?;
        } else if number == captures.text {
            summary.text = string(&mut reader, wire, at)?;
        } else {
            summary.operations += u32::from(number == captures.operations);
            field(&mut reader, desc, number, wire, depth, at)?;
        }
    }
    if summary.kind == Some(MessageKind::Metrics) && summary.scope == NODE_SCOPE {
        summary.node = summary.text;
    }
    Ok(())
}

/// An event inside a batch.
fn event(bytes: &[u8], depth: u32) -> Result<EventFacts<'_>, Reject> {
    let captures = Captures::of(Some(MessageKind::Event));
    let mut facts = EventFacts::default();
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let at = reader.at();
        let (number, wire) = reader.tag()?;
        if number == HEADER_FIELD {
            expect(wire, WireType::Len, at)?;
            header(&mut reader, &mut facts.header, depth)?;
        } else if number == captures.event_type {
            expect(wire, WireType::Varint, at)?;
            facts.event_type = reader.varint()? as i32;
        } else if number == captures.node {
            facts.node = string(&mut reader, wire, at)?;
        } else if number == captures.duration {
            expect(wire, WireType::Varint, at)?;
            facts.duration_us = reader.varint()? as i64;
        } else {
            field(&mut reader, schema::EVENT, number, wire, depth, at)?;
        }
    }
    Ok(facts)
}

/// A header; a second one in the same message overwrites field by field, as protobuf merges.
fn header<'a>(
    reader: &mut Reader<'a>,
    facts: &mut HeaderFacts<'a>,
    depth: u32,
) -> Result<(), Reject> {
    let bytes = reader.len_delimited()?;
    let base = reader.at() - bytes.len();
    facts.present = true;
    let mut inner = Reader::new(bytes);
    while !inner.is_empty() {
        header_field(&mut inner, facts, depth - 1).map_err(|e| e.shifted(base))?;
    }
    Ok(())
}

fn header_field<'a>(
    reader: &mut Reader<'a>,
    facts: &mut HeaderFacts<'a>,
    depth: u32,
) -> Result<(), Reject> {
    let at = reader.at();
    let (number, wire) = reader.tag()?;
    match number {
        1 => {
            expect(wire, WireType::Len, at)?;
            facts.message_id = reader.len_delimited()?;
        }
        2 => {
            expect(wire, WireType::Varint, at)?;
            facts.timestamp_us = reader.varint()? as i64;
        }
        3 => facts.tenant = string(reader, wire, at)?,
        4 => facts.thread = string(reader, wire, at)?,
        5 => {
            expect(wire, WireType::Varint, at)?;
            facts.sequence = reader.varint()?;
        }
        6 => {
            expect(wire, WireType::Varint, at)?;
            facts.message_type = reader.varint()? as i32;
        }
        9 => {
            expect(wire, WireType::Varint, at)?;
            facts.schema_version_raw = reader.varint()? as u32;
        }
        _ => field(reader, schema::HEADER, number, wire, depth, at)?,
    }
    Ok(())
}

/// Checks a whole message of a known type.
fn check(bytes: &[u8], desc: &'static MessageDesc, depth: u32) -> Result<(), Reject> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let at = reader.at();
        let (number, wire) = reader.tag()?;
        field(&mut reader, desc, number, wire, depth, at)?;
    }
    Ok(())
}

/// Checks one field whose tag has been read.
fn field(
    reader: &mut Reader<'_>,
    desc: &'static MessageDesc,
    number: u32,
    wire: WireType,
    depth: u32,
    at: usize,
) -> Result<(), Reject> {
    let Some(known) = desc.field(number) else {
        return skip(reader, number, wire, depth);
    };
    match known.ty {
        FieldType::String => {
            expect(wire, WireType::Len, at)?;
            let bytes = reader.len_delimited()?;
            // Most text is ASCII, which is told faster than UTF-8 is read.
            if bytes.is_ascii() {
                return Ok(());
            }
            utf8(bytes, reader).map(drop)
        }
        FieldType::Bytes => {
            expect(wire, WireType::Len, at)?;
            reader.len_delimited().map(drop)
        }
        FieldType::Message(inner) => {
            if wire != WireType::Len && inner.map_entry {
                // Where prost reads on as if the tag had said length-delimited.
                return Err(Reject::protobuf(at, MAP_WIRE_TYPE));
            }
            expect(wire, WireType::Len, at)?;
            if depth == 0 {
                return Err(too_deep(at));
            }
            let bytes = reader.len_delimited()?;
            let base = reader.at() - bytes.len();
            check(bytes, inner, depth - 1).map_err(|e| e.shifted(base))
        }
        scalar => {
            let expected = scalar_wire(scalar);
            if wire == WireType::Len && known.repeated {
                let bytes = reader.len_delimited()?;
                let base = reader.at() - bytes.len();
                let mut packed = Reader::new(bytes);
                while !packed.is_empty() {
                    take_scalar(&mut packed, expected).map_err(|e| e.shifted(base))?;
                }
                Ok(())
            } else {
                expect(wire, expected, at)?;
                take_scalar(reader, expected)
            }
        }
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

#[inline]
fn string<'a>(reader: &mut Reader<'a>, wire: WireType, at: usize) -> Result<&'a str, Reject> {
    expect(wire, WireType::Len, at)?;
    let bytes = reader.len_delimited()?;
    utf8(bytes, reader)
}

/// The text of a field that has just been read.
#[inline]
fn utf8<'a>(bytes: &'a [u8], reader: &Reader<'a>) -> Result<&'a str, Reject> {
    core::str::from_utf8(bytes).map_err(|e| {
        Reject::new(
            RejectCode::Utf8,
            reader.at() - bytes.len() + e.valid_up_to(),
            "invalid UTF-8",
        )
    })
}

#[inline]
fn expect(got: WireType, wanted: WireType, at: usize) -> Result<(), Reject> {
    if got == wanted {
        Ok(())
    } else {
        Err(Reject::protobuf(at, "wrong wire type for a known field"))
    }
}

const fn too_deep(at: usize) -> Reject {
    Reject::new(RejectCode::TooDeep, at, "nesting exceeds maximum depth")
}

const fn too_many_events(at: usize) -> Reject {
    let what = "a batch holds more events than the limit";
    Reject::new(RejectCode::TooManyEvents, at, what)
}

/// Field numbers worth keeping, by kind. [`NONE`] never matches a field.
struct Captures {
    event_type: u32,
    node: u32,
    duration: u32,
    events: u32,
    scope: u32,
    text: u32,
    operations: u32,
}

impl Captures {
    const fn of(kind: Option<MessageKind>) -> Self {
        let none = Self {
            event_type: NONE,
            node: NONE,
            duration: NONE,
            events: NONE,
            scope: NONE,
            text: NONE,
            operations: NONE,
        };
        match kind {
            Some(MessageKind::Event) => Self {
                event_type: 2,
                node: 3,
                duration: 5,
                ..none
            },
            Some(MessageKind::EventBatch) => Self { events: 2, ..none },
            Some(MessageKind::TokenChunk) => Self { text: 3, ..none },
            Some(MessageKind::ToolExecution) => Self {
                text: 3,
                duration: 9,
                ..none
            },
            Some(MessageKind::Metrics) => Self {
                scope: 2,
                text: 3,
                ..none
            },
            Some(MessageKind::Error) => Self { text: 3, ..none },
            Some(MessageKind::ExecutionTrace) => Self { text: 3, ..none },
            Some(MessageKind::StateDiff) => Self {
                operations: 3,
                ..none
            },
            Some(MessageKind::Checkpoint) | None => none,
        }
    }
}

/// The one refusal of protobuf damage in which this pass is stricter than prost.
pub const MAP_WIRE_TYPE: &str = "wrong wire type for a map field";

/// Every message of the envelope has its header as field 1.
const HEADER_FIELD: u32 = 1;
const NONE: u32 = 0;
/// `Metrics.scope` value that makes `scope_id` a node name.
const NODE_SCOPE: &str = "node";
