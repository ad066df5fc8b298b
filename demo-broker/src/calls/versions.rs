//! What this broker speaks. The head of this answer is the old one in every version.

use super::Call;
use crate::codec::{Code, Output};

pub(super) fn answer(version: i16, to: &mut Output) {
    to.code(Code::NONE);
    ranges(to);
    if version >= 1 {
        to.i32(0);
    }
    to.end();
}

/// In the first version, which every client reads, so that it can ask again.
pub(super) fn refuse(to: &mut Output) {
    to.code(Code::UNSUPPORTED_VERSION);
    ranges(to);
}

fn ranges(to: &mut Output) {
    to.len(Call::ALL.len());
    for call in Call::ALL {
        to.i16(call.key());
        to.i16(*call.spoken().start());
        to.i16(*call.spoken().end());
        to.end();
    }
}
