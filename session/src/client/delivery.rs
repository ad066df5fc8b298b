//! An accepted message while it is being disposed of, frame by frame.

use decode_core::frame::FrameHeader;
use decode_core::wire::{CloseCode, FrameKind};

use super::ClientSession;
use crate::Millis;

/// A message that continues what was had, and that the shell now disposes of: each frame is applied, kept as
/// unusable, or noted as a gap, and then said to be [disposed of](Self::disposed); in the end the whole is
/// [finished](Self::finish).
///
/// It holds the session meanwhile, so that nothing else can come in between; a shell with other work to do
/// [leaves](Self::leave) a long message for a while. Where it is dropped before it is finished, or finished before
/// every frame was disposed of, the connection is closed and resumed from the cursor: what was not disposed of comes
/// again.
#[derive(Debug)]
#[must_use = "a message that is not disposed of comes again"]
pub struct Delivery<'a> {
    session: &'a mut ClientSession,
    message: Undisposed,
    rejects: u64,
    is_finished: bool,
}

/// A message of which frames are left to dispose of. Where another comes before the session has
/// [gone on](ClientSession::go_on) with it, the connection is closed and resumed from the cursor.
#[derive(Debug)]
#[must_use = "a message that is not disposed of is never acknowledged"]
pub struct Undisposed {
    pub(super) epoch: u64,
    pub(super) bytes: u64,
    /// Frames not disposed of yet.
    pub(super) frames: u64,
}

impl<'a> Delivery<'a> {
    pub(super) const fn new(session: &'a mut ClientSession, message: Undisposed) -> Self {
        Self {
            session,
            message,
            rejects: 0,
            is_finished: false,
        }
    }

    /// Notes that the next frame is disposed of: this, and nothing else, moves the cursor.
    pub fn disposed(&mut self, header: &FrameHeader) {
        self.message.frames = self.message.frames.saturating_sub(1);
        self.rejects += u64::from(header.kind == FrameKind::Reject);
        self.session.positions.dispose(header);
        self.session.keeping_up.disposed();
    }

    /// Rejects of the relay among the frames since it was accepted or gone on with.
    #[must_use]
    pub const fn rejects(&self) -> u64 {
        self.rejects
    }

    /// Notes records that the relay accepted and this client could not decode; they are disposed of all the
    /// same.
    pub const fn undecodable(&mut self, records: u64) {
        self.session.keeping_up.undecodable(records);
    }

    /// Leaves the rest of it for later.
    pub fn leave(mut self) -> Undisposed {
        self.is_finished = true;
        Undisposed { ..self.message }
    }

    /// Ends it: the bytes of the message can be acknowledged.
    pub fn finish(mut self, now: Millis) {
        if self.message.frames == 0 {
            self.is_finished = true;
            self.session.disposed_message(self.message.bytes, now);
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
