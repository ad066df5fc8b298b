//! Formats in which a record is a line of JSON.

use crate::found::{Content, Item, Line, LineFormat};
use crate::{dlq, kcat};

/// Makes records of lines, in buffers that live on.
#[derive(Debug, Default)]
pub struct Lines {
    payload: Vec<u8>,
    wrong: String,
}

impl Lines {
    /// What a line says.
    pub fn item(&mut self, line: &Line<'_>) -> Item<'_> {
        let (place, content) = match line.format {
            LineFormat::Dlq => dlq::read(line.bytes, &mut self.payload),
            LineFormat::Kcat { base64 } => kcat::read(line.bytes, base64, &mut self.payload),
        };
        let content = match content {
            Ok(content) => content,
            Err(wrong) => {
                self.wrong = wrong;
                Content::Unreadable(&self.wrong)
            }
        };
        Item::new(Some(line.index), place, content)
    }
}

/// Longest line: a payload at its limit in base64 or, as kcat escapes it at worst, six characters
/// a byte, with room for what stands around it.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

const _: () = assert!(LINE_BYTES_MAX > 6 * decode_core::wire::PAYLOAD_BYTES_MAX);
