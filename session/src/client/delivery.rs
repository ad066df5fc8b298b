//! An accepted message while it is being disposed of, frame by frame.

use decode_core::frame::FrameHeader;
use decode_core::wire::{CloseCode, FrameKind};

use super::ClientSession;
use crate::Millis;

/// A message that continues what was had, and that the shell now disposes of: each frame is applied, kept as
/// unusable, or noted as a gap, and then said to be [disposed of](Self::disposed); in the end the whole is
/// [finished](Self::finish).
///
/// It holds the session meanwhile, so that nothing else can come in between. Where it is dropped before it is
/// finished, or finished before every frame was disposed of, the connection is closed and resumed from the
/// cursor: what was not disposed of comes again.
#[derive(Debug)]
#[must_use = "a message that is not disposed of comes again"]
pub struct Delivery<'a> {
    session: &'a mut ClientSession,
    bytes: u64,
    /// Frames not disposed of yet.
    frames: u64,
    rejects: u64,
    is_finished: bool,
}

impl<'a> Delivery<'a> {
    pub(super) const fn new(session: &'a mut ClientSession, bytes: u64, frames: u64) -> Self {
        Self {
            session,
            bytes,
            frames,
            rejects: 0,
            is_finished: false,
        }
    }

    /// Notes that the next frame is disposed of: this, and nothing else, moves the cursor.
    pub fn disposed(&mut self, header: &FrameHeader) {
        self.frames = self.frames.saturating_sub(1);
        self.rejects += u64::from(header.kind == FrameKind::Reject);
        self.session.positions.dispose(header);
        self.session.keeping_up.disposed();
    }

    /// Rejects of the relay among the frames so far.
    #[must_use]
    pub const fn rejects(&self) -> u64 {
        self.rejects
    }

    /// Notes records that the relay accepted and this client could not decode; they are disposed of all the
    /// same.
    pub const fn undecodable(&mut self, records: u64) {
        self.session.keeping_up.undecodable(records);
    }

    /// Ends it: the bytes of the message can be acknowledged.
    pub fn finish(mut self, now: Millis) {
        if self.frames == 0 {
            self.is_finished = true;
            self.session.disposed_message(self.bytes, now);
        }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.session
                .fail(CloseCode::Normal, "a message was not disposed of");
        }
    }
}
