//! A window that slides over the unpacked records of one batch.

use std::{fmt, io::Read};

use crate::record::{self, Found, Times};

/// What lies at the front of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// At least one whole record, or damage.
    Ready,
    /// A record of that many bytes, which are not all there.
    Large(usize),
    /// Unpacking failed, or ended inside a record.
    Damaged(&'static str),
}

pub(super) struct Window {
    from: Box<dyn Read + Send + Sync>,
    bytes: Vec<u8>,
    begin: usize,
    is_at_end: bool,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Window")
            .field("bytes", &self.bytes().len())
            .finish_non_exhaustive()
    }
}

impl Window {
    pub(super) fn new(from: Box<dyn Read + Send + Sync>, capacity: usize) -> Self {
        Self {
            from,
            bytes: Vec::with_capacity(capacity),
            begin: 0,
            is_at_end: false,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.begin..).unwrap_or_default()
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.begin = (self.begin + count).min(self.bytes.len());
    }

    /// Unpacks until there are `size` bytes, where no whole record is there.
    pub(super) fn fill(&mut self, size: usize) -> State {
        if self.has_record() {
            return State::Ready;
        }
        self.bytes.drain(..self.begin);
        self.begin = 0;
        if self.bytes.capacity() > 2 * size {
            self.bytes.shrink_to(size);
        }
        if !self.is_at_end {
            let wanted = size.saturating_sub(self.bytes.len());
            match (&mut self.from)
                .take(wanted as u64)
                .read_to_end(&mut self.bytes)
            {
                Ok(read) => self.is_at_end = read < wanted,
                Err(_) => return State::Damaged("decompression failed"),
            }
        }
        match record::next(self.bytes(), Times::default()) {
            Ok(Found::More(_)) if self.is_at_end => State::Damaged("the records end too early"),
            Ok(Found::More(Some(len))) => State::Large(len),
            _ => State::Ready,
        }
    }

    /// Passes over so many bytes; says whether they were there.
    pub(super) fn skip(&mut self, count: usize) -> bool {
        let here = count.min(self.bytes().len());
        self.consume(here);
        let rest = (count - here) as u64;
        let passed = std::io::copy(&mut (&mut self.from).take(rest), &mut std::io::sink());
        passed.is_ok_and(|passed| passed == rest)
    }

    fn has_record(&self) -> bool {
        let found = record::next(self.bytes(), Times::default());
        !self.bytes().is_empty() && !matches!(found, Ok(Found::More(_)))
    }
}
