//! Ranges of a body, half as large as slices of it.

use alloc::vec::Vec;

/// A range of a body of at most 4 GiB.
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// All of a body, unless it is too large.
    pub(super) fn whole(body: &[u8]) -> Option<Self> {
        let len = u32::try_from(body.len()).ok()?;
        Some(Self { start: 0, len })
    }

    /// The `len` bytes that end at `end` of this range.
    pub(super) fn inner(self, end: usize, len: usize) -> Self {
        // Neither is larger than the range itself.
        let (end, len) = (end as u32, len as u32);
        Self {
            start: self.start.saturating_add(end.saturating_sub(len)),
            len,
        }
    }

    pub(super) const fn start(self) -> u32 {
        self.start
    }

    pub(super) const fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(super) fn of(self, body: &[u8]) -> &[u8] {
        let start = self.start as usize;
        body.get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

/// Where the occurrences of one message stand.
pub(super) enum Parts {
    One(Span),
    Many(Vec<Span>),
}

impl Parts {
    pub(super) fn spans(&self) -> &[Span] {
        match self {
            Self::One(span) => core::slice::from_ref(span),
            Self::Many(spans) => spans,
        }
    }
}
