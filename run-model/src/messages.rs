//! The messages whose records can be shown in full.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Whole messages, held for details: the newest that fit, and always the last one.
#[derive(Debug)]
pub(crate) struct Messages {
    held: VecDeque<Vec<u8>>,
    first: u64,
    bytes: usize,
    bytes_max: usize,
}

impl Messages {
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self {
            held: VecDeque::new(),
            first: 0,
            bytes: 0,
            bytes_max,
        }
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.first + self.held.len() as u64
    }

    pub(crate) fn push(&mut self, mut message: Vec<u8>) {
        message.shrink_to_fit();
        self.bytes += message.len();
        self.held.push_back(message);
        while self.bytes > self.bytes_max && self.held.len() > 1 {
            if let Some(oldest) = self.held.pop_front() {
                self.bytes -= oldest.len();
                self.first += 1;
            }
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<&[u8]> {
        let at = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.held.get(at).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BND-01: the bound is one of memory, so no message keeps room that it does not use.
    #[test]
    fn no_message_keeps_room_that_it_does_not_use() {
        let mut messages = Messages::new(100);
        for _ in 0..100 {
            let mut message = Vec::with_capacity(1_000);
            message.extend([7; 10]);
            messages.push(message);
        }
        let held: usize = messages.held.iter().map(Vec::capacity).sum();
        assert_eq!((held, messages.bytes, messages.first), (100, 100, 90));
    }
}
