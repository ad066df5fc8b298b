//! The text of a model's answer, joined from its pieces. The pieces' text is not held twice: it is read from the
//! records.

use alloc::string::String;
use alloc::vec::Vec;

use super::view::Piece;
use crate::limits::ANSWER_BYTES_MAX;

/// A window of an answer's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunText {
    /// Text of the window. Where the answer was begun again, the parts follow each other.
    pub text: String,
    /// Bytes of the whole text, as far as it can be read.
    pub total_bytes: usize,
    /// Where the window begins, at a character.
    pub from: usize,
    /// Pieces joined.
    pub pieces: usize,
    /// Indexes that are missing below the highest, over all parts.
    pub missing: u64,
    /// Pieces whose record is no longer held.
    pub not_held: usize,
    /// How often the answer was begun again.
    pub restarts: u32,
}

/// Joins pieces in their order; `read` gives the text of a row that is held.
pub(crate) fn join(
    pieces: &[Piece],
    from: usize,
    mut read: impl FnMut(u64) -> Option<String>,
) -> RunText {
    let mut answer = RunText {
        missing: missing(pieces),
        restarts: pieces.last().map_or(0, |piece| piece.part),
        ..RunText::default()
    };
    let mut former = None;
    for piece in pieces {
        // The same piece once more.
        if former == Some((piece.part, piece.index)) {
            continue;
        }
        former = Some((piece.part, piece.index));
        match read(piece.row) {
            Some(text) => {
                answer.pieces += 1;
                answer.take(&text, from);
            }
            None => answer.not_held += 1,
        }
    }
    answer.from = from.min(answer.total_bytes);
    answer
}

impl RunText {
    fn take(&mut self, text: &str, from: usize) {
        let start = self.total_bytes;
        self.total_bytes += text.len();
        let mut skip = from.saturating_sub(start).min(text.len());
        while !text.is_char_boundary(skip) {
            skip += 1;
        }
        let rest = text.get(skip..).unwrap_or_default();
        let mut room = (ANSWER_BYTES_MAX - self.text.len().min(ANSWER_BYTES_MAX)).min(rest.len());
        // Nothing behind a piece that was cut.
        if start > from + self.text.len() {
            return;
        }
        while !rest.is_char_boundary(room) {
            room -= 1;
        }
        self.text.push_str(rest.get(..room).unwrap_or_default());
    }
}

fn missing(pieces: &[Piece]) -> u64 {
    let mut present: Vec<_> = pieces
        .iter()
        .map(|piece| (piece.part, piece.index))
        .collect();
    present.dedup();
    let mut missing = 0;
    let mut expected = (0, 0);
    for (part, index) in present {
        if part != expected.0 {
            expected = (part, 0);
        }
        missing += u64::from(index.saturating_sub(expected.1));
        expected.1 = index.saturating_add(1);
    }
    missing
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    fn piece(part: u32, index: u32) -> Piece {
        let row = u64::from(part * 1_000 + index);
        Piece { row, index, part }
    }

    /// DEC-16: windows of a long text add up to it, cut between characters.
    #[test]
    fn windows_add_up() {
        let pieces: Vec<_> = (0..100).map(|index| piece(0, index)).collect();
        let text = |row: u64| Some(format!("{row}\u{1F389}").repeat(3_000));
        let whole: String = pieces.iter().filter_map(|piece| text(piece.row)).collect();
        let mut joined = String::new();
        loop {
            let window = join(&pieces, joined.len(), text);
            assert!(window.text.len() <= ANSWER_BYTES_MAX);
            assert_eq!(
                (window.total_bytes, window.from),
                (whole.len(), joined.len())
            );
            if window.text.is_empty() {
                break;
            }
            joined.push_str(&window.text);
        }
        assert!(joined == whole);
    }

    /// What is missing and what is no longer held is said.
    #[test]
    fn what_is_missing_is_said() {
        let pieces = [
            piece(0, 0),
            piece(0, 2),
            piece(0, 2),
            piece(1, 1),
            piece(1, 3),
        ];
        let text = join(&pieces, 0, |row| (row != 2).then(|| row.to_string()));
        assert_eq!(
            (text.text.as_str(), text.not_held, text.missing),
            ("010011003", 1, 3)
        );
        assert_eq!((text.pieces, text.restarts), (3, 1));
    }
}
