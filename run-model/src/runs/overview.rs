//! The picture of a whole run in few pieces: however small, no trouble and no gap is left out of it.

use alloc::vec;
use alloc::vec::Vec;

use super::layout::{LaidOut, Layout, What};
use super::waterfall::Piece;
use crate::limits::OVERVIEW_PIECES_MAX;

impl Layout {
    /// Pieces of equal length over the times in which something went on, at least one for each of them.
    pub(super) fn overview(&self, wanted: usize, folds_idle: bool) -> Vec<Piece> {
        let wanted = wanted.min(OVERVIEW_PIECES_MAX);
        if wanted == 0 || self.lines.is_empty() {
            return Vec::new();
        }
        let mut pieces = pieces_of(&self.busy(folds_idle), wanted);
        // How many more spans there are than in the piece before.
        let mut steps = vec![0_i64; pieces.len() + 1];
        for line in &self.lines {
            self.draw(line, &mut pieces, &mut steps);
        }
        let mut spans = 0;
        for (piece, step) in pieces.iter_mut().zip(steps) {
            spans += step;
            piece.spans = u32::try_from(spans).unwrap_or(0);
        }
        pieces
    }

    /// Where something went on, or all of it.
    fn busy(&self, folds_idle: bool) -> Vec<(i64, i64)> {
        let mut busy = Vec::with_capacity(self.idle.len() + 1);
        let mut from = self.start_us;
        for &(idle, until) in self.idle.iter().filter(|_| folds_idle) {
            busy.push((from, idle));
            from = until;
        }
        busy.push((from, self.end_us));
        busy
    }

    fn draw(&self, line: &LaidOut, pieces: &mut [Piece], steps: &mut [i64]) {
        let end_us = line.end_us.unwrap_or(self.end_us).max(line.start_us);
        // A line that lies in left out time wholly is drawn where that ends.
        let first = pieces.partition_point(|piece| piece.to_us <= line.start_us);
        let first = first.min(pieces.len().saturating_sub(1));
        let last = pieces.partition_point(|piece| piece.from_us < end_us);
        let last = last.max(first + 1).min(pieces.len());
        match line.what {
            What::Span(_) => {
                if let Some(step) = steps.get_mut(first) {
                    *step += 1;
                }
                if let Some(step) = steps.get_mut(last) {
                    *step -= 1;
                }
                // The end of what failed is where it failed.
                let at = pieces.get_mut(last.saturating_sub(1));
                if let Some(piece) = at.filter(|_| line.is_trouble) {
                    piece.has_trouble = true;
                }
            }
            What::Gap(_) => {
                let of = pieces.get_mut(first..last).unwrap_or_default();
                of.iter_mut().for_each(|piece| piece.has_gap = true);
            }
            What::Wait => {}
        }
    }
}

fn pieces_of(busy: &[(i64, i64)], wanted: usize) -> Vec<Piece> {
    let length = |&(from, to): &(i64, i64)| to.saturating_sub(from).max(1);
    let whole = busy.iter().map(length).fold(0, i64::saturating_add).max(1);
    let each = (whole / wanted as i64).max(1);
    let mut pieces = Vec::new();
    for part in busy {
        let count = (length(part) / each).clamp(1, wanted as i64);
        let step = (length(part) / count).max(1);
        for index in 0..count {
            let from_us = part.0.saturating_add(index.saturating_mul(step));
            let is_last = index + 1 == count;
            pieces.push(Piece {
                from_us,
                to_us: if is_last {
                    part.1
                } else {
                    from_us.saturating_add(step)
                },
                ..Piece::default()
            });
        }
    }
    pieces
}
