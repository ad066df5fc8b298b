//! One message to parallel columns, with names as numbers of a dictionary that grows.

use std::collections::BTreeMap;
use std::rc::Rc;

use decode_core::Mode;
use decode_core::frame::{FrameError, FrameReader};
use run_model::{Projector, Row};

/// Parallel columns: entry `n` of each is row `n`.
#[derive(Debug, Default)]
pub struct Columns {
    /// `RowKind` numbers.
    pub kind: Vec<u8>,
    /// `EventType` numbers, 0 where the row is no event.
    pub event_type: Vec<i32>,
    /// Kafka partitions.
    pub partition: Vec<u32>,
    /// Kafka offsets.
    pub offset: Vec<u64>,
    /// Kafka timestamps, ms.
    pub timestamp_ms: Vec<f64>,
    /// Sequences within their series.
    pub sequence: Vec<u64>,
    /// Dictionary numbers of thread ids.
    pub thread: Vec<u32>,
    /// Dictionary numbers of node names.
    pub node: Vec<u32>,
    /// Gap causes or reject codes, else 0.
    pub code: Vec<u32>,
}

impl Columns {
    fn truncate(&mut self, len: usize) {
        self.kind.truncate(len);
        self.event_type.truncate(len);
        self.partition.truncate(len);
        self.offset.truncate(len);
        self.timestamp_ms.truncate(len);
        self.sequence.truncate(len);
        self.thread.truncate(len);
        self.node.truncate(len);
        self.code.truncate(len);
    }
}

/// Decodes messages to columns. Buffers and dictionary live on between calls.
#[derive(Debug)]
pub struct ColumnDecoder {
    projector: Projector,
    sink: Sink,
}

#[derive(Debug, Default)]
struct Sink {
    columns: Columns,
    dictionary: Dictionary,
}

/// Names to numbers. Number 0 is the empty name.
#[derive(Debug)]
struct Dictionary {
    numbers: BTreeMap<Rc<str>, u32>,
    fresh: Vec<Rc<str>>,
    generation: u32,
    /// By [`Place`].
    latest: [(Rc<str>, u32); 2],
}

/// What a name stands for in its row.
#[derive(Clone, Copy, Debug)]
enum Place {
    Thread,
    Node,
}

/// Names in the dictionary after which it starts over.
const NAMES_MAX: usize = 50_000;

impl Default for Dictionary {
    fn default() -> Self {
        let empty: Rc<str> = Rc::from("");
        let mut numbers = BTreeMap::new();
        numbers.insert(Rc::clone(&empty), 0);
        Self {
            numbers,
            fresh: Vec::new(),
            generation: 0,
            latest: [(Rc::clone(&empty), 0), (empty, 0)],
        }
    }
}

impl Dictionary {
    /// The number of a name. Rows mostly repeat what the row before said at the same `place`.
    fn number(&mut self, place: Place, name: &str) -> u32 {
        let latest = &mut self.latest[place as usize];
        if *latest.0 == *name {
            return latest.1;
        }
        *latest = match self.numbers.get_key_value(name) {
            Some((name, &number)) => (Rc::clone(name), number),
            None => {
                let number = self.numbers.len() as u32;
                let name: Rc<str> = Rc::from(name);
                self.numbers.insert(Rc::clone(&name), number);
                self.fresh.push(Rc::clone(&name));
                (name, number)
            }
        };
        latest.1
    }

    /// Between messages: numbers of one message always belong to one generation.
    fn start_message(&mut self) {
        self.fresh.clear();
        if self.numbers.len() > NAMES_MAX {
            *self = Self {
                generation: self.generation + 1,
                ..Self::default()
            };
        }
    }
}

impl Sink {
    fn row(&mut self, row: &Row<'_>) {
        let columns = &mut self.columns;
        columns.kind.push(row.kind.number());
        columns.event_type.push(row.event_type);
        columns.partition.push(row.partition);
        columns.offset.push(row.offset);
        columns.timestamp_ms.push(row.timestamp_ms as f64);
        columns.sequence.push(row.sequence);
        columns
            .thread
            .push(self.dictionary.number(Place::Thread, row.thread));
        columns
            .node
            .push(self.dictionary.number(Place::Node, row.node));
        columns.code.push(row.code);
    }
}

impl ColumnDecoder {
    /// A decoder with an empty dictionary.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        Self {
            projector: Projector::new(mode),
            sink: Sink::default(),
        }
    }

    /// Decodes one message of data frames; the columns then hold its rows.
    ///
    /// # Errors
    /// The message is no run of frames; the columns are then empty. A record that cannot be
    /// decoded is a row with its code, not an error.
    pub fn decode(&mut self, message: &[u8]) -> Result<(), FrameError> {
        self.sink.columns.truncate(0);
        self.sink.dictionary.start_message();
        for frame in FrameReader::new(message) {
            match frame {
                // A refusal is in the row already.
                Ok(frame) => {
                    let sink = &mut self.sink;
                    let _ = self.projector.project(&frame, &mut |row| sink.row(row));
                }
                Err(error) => {
                    self.sink.columns.truncate(0);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The rows of the latest message.
    #[must_use]
    pub const fn columns(&self) -> &Columns {
        &self.sink.columns
    }

    /// Names the latest message added; their numbers end at [`Self::names`] - 1 and rise by one.
    #[must_use]
    pub fn fresh_names(&self) -> &[Rc<str>] {
        &self.sink.dictionary.fresh
    }

    /// Names in the dictionary.
    #[must_use]
    pub fn names(&self) -> usize {
        self.sink.dictionary.numbers.len()
    }

    /// Rises when the dictionary starts over; earlier numbers then mean nothing.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.sink.dictionary.generation
    }
}

#[cfg(test)]
mod tests {
    use dashstream_proto::v1::dash_stream_message::Message;
    use dashstream_proto::v1::{DashStreamMessage, Event, Header};
    use decode_core::encode::{EncodeOptions, encode};
    use decode_core::frame::FrameWriter;

    use super::*;

    fn event(thread: &str, node: &str) -> Vec<u8> {
        let header = Header {
            thread_id: thread.into(),
            sequence: u64::MAX,
            ..Header::default()
        };
        let event = Event {
            header: Some(header),
            node_id: node.into(),
            ..Event::default()
        };
        let message = DashStreamMessage {
            message: Some(Message::Event(event)),
        };
        encode(&message, &EncodeOptions::default(), &mut |_| None).expect("encodable")
    }

    /// DEC-09, DEC-21
    #[test]
    fn names_are_sent_once_and_numbers_stay() {
        let mut decoder = ColumnDecoder::new(Mode::Strict);
        let mut out = Vec::new();
        let mut writer = FrameWriter::new(7, 0);
        writer.record(&mut out, 1 << 60, 5, &event("t1", "a"));
        writer.record(&mut out, (1 << 60) + 1, 6, &event("t1", "b"));
        writer.record(&mut out, (1 << 60) + 2, 7, b"\x00\x0F");
        decoder.decode(&out).expect("frames");
        let columns = decoder.columns();
        assert_eq!(columns.thread, [1, 1, 0]);
        assert_eq!(columns.node, [2, 3, 0]);
        assert_eq!(columns.kind, [1, 1, 11]);
        assert_eq!(columns.code, [0, 0, 6]);
        assert_eq!(columns.offset[0], 1 << 60);
        assert_eq!(columns.sequence[0], u64::MAX);
        assert_eq!(decoder.fresh_names(), ["t1".into(), "a".into(), "b".into()]);
        decoder.decode(&out).expect("frames");
        assert_eq!(decoder.columns().node, [2, 3, 0]);
        assert!(decoder.fresh_names().is_empty());
        assert!(decoder.decode(&out[..50]).is_err());
        assert!(decoder.columns().kind.is_empty());
    }
}
