//! What an input holds, one after the other.

/// What comes out of an input: a thing it holds, a line that somebody must still make sense of, a
/// place where it goes on, or a word about the input itself.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// A thing it holds.
    Item(Item<'a>),
    /// A line, for [`Lines`](crate::Lines).
    Line(Line<'a>),
    /// Nothing is there up to the offset of this place, and nothing is missing.
    Mark(Place),
    /// A sentence.
    Notice(&'a str),
}

/// What an input holds at one place.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Counted from 0 within the input; unknown where not all of it was read.
    pub index: Option<u64>,
    /// Where it stood in Kafka, in formats that say so.
    pub place: Option<Place>,
    /// Time of the Kafka record, in formats that say so.
    pub timestamp_ms: Option<i64>,
    /// Key of the Kafka record, in formats that say so.
    pub key: Option<&'a [u8]>,
    /// What it is.
    pub content: Content<'a>,
}

/// Where a record stood in Kafka, in formats that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Kafka partition.
    pub partition: u32,
    /// Kafka offset.
    pub offset: u64,
    /// Where what is before it ended, in formats that prove that nothing is missing.
    pub prev_next: Option<u64>,
}

impl<'a> Item<'a> {
    /// An item without time and key.
    #[must_use]
    pub const fn new(index: Option<u64>, place: Option<Place>, content: Content<'a>) -> Self {
        Self {
            index,
            place,
            timestamp_ms: None,
            key: None,
            content,
        }
    }
}

impl Place {
    /// A place that proves nothing about what is before it.
    #[must_use]
    pub const fn new(partition: u32, offset: u64) -> Self {
        Self {
            partition,
            offset,
            prev_next: None,
        }
    }
}

/// What is at one place of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A payload.
    Payload(&'a [u8]),
    /// Longer than any payload may be; its bytes were passed over.
    TooLong(u64),
    /// A record without a value.
    Null,
    /// The first bytes of a payload of that length; the rest was not kept.
    Truncated {
        /// Its first bytes.
        head: &'a [u8],
        /// Its length.
        len: u64,
    },
    /// A record the relay did not accept, and its first bytes.
    Rejected {
        /// Number of the reject code.
        code: u32,
        /// Its first bytes.
        prefix: &'a [u8],
    },
    /// Offsets up to this one that were not delivered.
    Gap {
        /// The last of them.
        last: u64,
        /// Number of the cause.
        cause: u32,
    },
    /// Nobody can say what was here, and why.
    Unreadable(&'a str),
}

/// Which kind of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// Dead-letter records.
    Dlq,
    /// Lines of kcat.
    Kcat {
        /// Whether the payload is base64, not the bytes as kcat writes them.
        base64: bool,
    },
}

/// A line as it stands in the input, without its end.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Counted from 0 within the input.
    pub index: u64,
    /// How to read it.
    pub format: LineFormat,
    /// All of it.
    pub bytes: &'a [u8],
}
