//! A capture that was dropped on the page: read in slices of the file, in steps of a few milliseconds, by the same
//! code that the command line tool reads files with.

use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use decode_core::frame::FrameHeader;
use decode_core::wire::FrameKind;
use inputs::{Found, Framer, Input, Lines, Reading, Stop};
use js_sys::Uint8Array;
use web_sys::{File, FileReaderSync};

/// What became of a file so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileState {
    Reading,
    Done,
    Stopped,
    Failed,
}

impl FileState {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// What is known of one partition of a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) partition: u32,
    pub(super) next: u64,
    pub(super) records: u64,
    pub(super) rejects: u64,
    pub(super) gaps: u64,
}

/// An open file.
pub(super) struct OpenFile {
    pub(super) name: String,
    pub(super) bytes: f64,
    pub(super) state: FileState,
    /// Why it could not be read to its end, or what is to be said of it.
    pub(super) word: String,
    /// Ascending.
    pub(super) partitions: Vec<Counted>,
    pub(super) framer: Framer,
    input: Option<Input<BufReader<Slices>>>,
    read_to: Rc<Cell<f64>>,
    lines: Lines,
}

impl OpenFile {
    pub(super) fn new(file: File) -> Self {
        let read_to = Rc::new(Cell::new(0.0));
        let (name, bytes) = (file.name(), file.size());
        let mut open = Self {
            name,
            bytes,
            state: FileState::Reading,
            word: String::new(),
            partitions: Vec::new(),
            framer: Framer::default(),
            input: None,
            read_to: Rc::clone(&read_to),
            lines: Lines::default(),
        };
        if bytes == 0.0 {
            open.fail(inputs::EMPTY);
            return open;
        }
        let opened = Slices::new(file, read_to).and_then(|slices| {
            let reader = BufReader::with_capacity(SLICE_BYTES, slices);
            Input::open(reader, Reading::default())
        });
        match opened {
            Ok(input) => open.input = Some(input),
            Err(text) => open.fail(&text),
        }
        open
    }

    /// Reads a little on; whatever was found is in the framer.
    pub(super) fn step(&mut self) {
        let Some(input) = &mut self.input else { return };
        let Self {
            framer,
            lines,
            word,
            ..
        } = self;
        let step = input.step(&mut |found: Found<'_>| {
            match found {
                Found::Item(item) => framer.add(&item, 0),
                Found::Line(line) => framer.add(&lines.item(&line), 0),
                Found::Mark(_) => {}
                Found::Notice(text) => text.clone_into(word),
            }
            Ok::<(), Infallible>(())
        });
        match step {
            Ok(true) => {}
            Ok(false) => self.end(FileState::Done),
            Err(Stop::Input(text)) => self.fail(&text),
            Err(Stop::Visit(never)) => match never {},
        }
    }

    /// A frame of it was applied.
    pub(super) fn applied(&mut self, header: &FrameHeader) {
        let partition = header.partition;
        let at = self
            .partitions
            .partition_point(|one| one.partition < partition);
        if self
            .partitions
            .get(at)
            .is_none_or(|one| one.partition != partition)
        {
            let counted = Counted {
                partition,
                ..Counted::default()
            };
            self.partitions.insert(at, counted);
        }
        let Some(counted) = self.partitions.get_mut(at) else {
            return;
        };
        counted.next = counted.next.max(header.next());
        match header.kind {
            FrameKind::Record => counted.records += 1,
            FrameKind::Reject => counted.rejects += 1,
            FrameKind::Gap => counted.gaps += 1,
            FrameKind::Mark => {}
        }
    }

    /// What was read stays; the rest is left.
    pub(super) fn stop(&mut self) {
        if self.state == FileState::Reading {
            self.end(FileState::Stopped);
        }
    }

    fn fail(&mut self, text: &str) {
        text.clone_into(&mut self.word);
        self.end(FileState::Failed);
    }

    fn end(&mut self, state: FileState) {
        self.state = state;
    }

    /// The name of its format; empty where it could not be told.
    pub(super) fn format(&self) -> &'static str {
        self.input
            .as_ref()
            .map_or("", |input| input.format().name())
    }

    /// How far it is for the page: what was read and not applied yet is still being read.
    pub(super) fn shown(&self) -> FileState {
        if self.framer.is_empty() {
            self.state
        } else {
            FileState::Reading
        }
    }

    /// What the writer of a capture put in front, or empty.
    pub(super) fn metadata(&self) -> &str {
        self.input
            .as_ref()
            .and_then(Input::metadata)
            .unwrap_or_default()
    }

    pub(super) fn read_bytes(&self) -> f64 {
        self.read_to.get()
    }
}

/// A file, read piece by piece.
struct Slices {
    file: File,
    reader: FileReaderSync,
    size: f64,
    at: Rc<Cell<f64>>,
}

impl Slices {
    fn new(file: File, at: Rc<Cell<f64>>) -> Result<Self, String> {
        let reader = FileReaderSync::new().map_err(|_| UNREADABLE.to_owned())?;
        let size = file.size();
        Ok(Self {
            file,
            reader,
            size,
            at,
        })
    }
}

impl Read for Slices {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.at.get();
        let end = (start + buffer.len() as f64).min(self.size);
        if end <= start {
            return Ok(0);
        }
        let unreadable = |_| io::Error::other(UNREADABLE);
        let slice = self.file.slice_with_f64_and_f64(start, end);
        let bytes = slice
            .and_then(|slice| self.reader.read_as_array_buffer(&slice))
            .map_err(unreadable)?;
        let bytes = Uint8Array::new(&bytes);
        let read = (bytes.length() as usize).min(buffer.len());
        if let Some(room) = buffer.get_mut(..read) {
            bytes.subarray(0, read as u32).copy_to(room);
        }
        self.at.set(start + read as f64);
        Ok(read)
    }
}

/// Read from a file at once.
const SLICE_BYTES: usize = 512 * 1024;
const UNREADABLE: &str = "the browser cannot read the file any more: it was changed, moved or deleted, or may not be read";
