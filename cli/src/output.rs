//! What several commands print alike.

use std::io::{self, Write};

use decode_core::Reject;
use decode_core::wire::{DECOMPRESSED_BYTES_MAX, GapCause, RejectCode};
use serde::Serialize;

use crate::input::{Item, Place};

/// One JSON value on a line of its own.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Text for a terminal: characters that would act on it, or turn its direction, by their number.
pub(crate) fn shown(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Where something stands in its input.
pub(crate) fn place_text(input: &str, item: &Item<'_>) -> String {
    let index = item
        .index
        .map_or_else(String::new, |index| format!("[{index}]"));
    match item.place {
        Some(place) => {
            let Place {
                partition, offset, ..
            } = place;
            format!("{input}{index} partition {partition} offset {offset}")
        }
        None => format!("{input}{index}"),
    }
}

/// Why a payload is refused, beyond the code.
pub(crate) fn describe(reject: &Reject) -> String {
    match reject.code() {
        RejectCode::DecompressedTooLarge => {
            format!("{} (limit {DECOMPRESSED_BYTES_MAX} bytes)", reject.what())
        }
        RejectCode::Empty
        | RejectCode::TooLarge
        | RejectCode::BadFrame
        | RejectCode::Decompress
        | RejectCode::Protobuf
        | RejectCode::Utf8
        | RejectCode::TooDeep
        | RejectCode::TooManyEvents => format!("{} at byte {}", reject.what(), reject.at()),
    }
}

/// The text of a reject code, also of one that is newer than this build.
pub(crate) fn reject_text(code: u32) -> String {
    RejectCode::from_number(code).map_or_else(|| format!("code_{code}"), |code| code.code().into())
}

/// The text of a gap cause, also of one that is newer than this build.
pub(crate) fn gap_text(cause: u32) -> String {
    GapCause::from_number(cause)
        .map_or_else(|| format!("cause_{cause}"), |cause| cause.code().into())
}
