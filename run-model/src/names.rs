//! Names that many rows share.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::Hasher as _;

use fnv::FnvHasher;

use crate::keyed::Recent;
use crate::limits::NAME_BYTES_MAX;

/// Texts that many rows share, counted, so that those nobody holds are forgotten.
#[derive(Debug)]
pub(crate) struct Names {
    numbers: BTreeMap<Rc<str>, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    recent: Recent,
}

#[derive(Debug)]
struct Slot {
    text: Rc<str>,
    holders: u32,
}

impl Default for Names {
    fn default() -> Self {
        // Number 0 is the empty name, held for ever.
        let slots = alloc::vec![Slot {
            text: "".into(),
            holders: 1
        }];
        Self {
            numbers: BTreeMap::new(),
            slots,
            free: Vec::new(),
            recent: Recent::new(),
        }
    }
}

impl Names {
    pub(crate) fn text(&self, number: u32) -> &str {
        self.slots
            .get(number as usize)
            .map_or("", |slot| &slot.text)
    }

    /// The number of a name that somebody holds.
    pub(crate) fn number(&self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return Some(0);
        }
        self.numbers.get(text).copied()
    }

    /// A name, for whoever outlives its number.
    pub(crate) fn shared(&self, number: u32) -> Rc<str> {
        let slot = self.slots.get(number as usize);
        slot.map_or_else(Rc::default, |slot| Rc::clone(&slot.text))
    }

    pub(crate) fn hold(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let recent = self.recent.number(text);
        let number = if self.text(recent) == text {
            recent
        } else {
            let known = self.numbers.get(text).copied();
            let number = known.unwrap_or_else(|| self.add(text));
            self.recent.note(text, number);
            number
        };
        if let Some(slot) = self.slots.get_mut(number as usize) {
            slot.holders += 1;
        }
        number
    }

    fn add(&mut self, text: &str) -> u32 {
        let text: Rc<str> = text.into();
        let slot = Slot {
            text: Rc::clone(&text),
            holders: 0,
        };
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(old) = self.slots.get_mut(number as usize) {
                    *old = slot;
                }
                number
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.numbers.insert(text, number);
        number
    }

    pub(crate) fn release(&mut self, number: u32) {
        if number == 0 {
            return;
        }
        let Some(slot) = self.slots.get_mut(number as usize) else {
            return;
        };
        slot.holders -= 1;
        if slot.holders == 0 {
            let text = core::mem::replace(&mut slot.text, "".into());
            self.numbers.remove(&text);
            self.free.push(number);
        }
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.numbers.len()
    }
}

/// A name as it is kept: whole or, if it is too long, its beginning and a hash of all of it, so that two that
/// begin alike differ.
pub(crate) fn kept_name(text: &str) -> Cow<'_, str> {
    if text.len() > NAME_BYTES_MAX {
        cut_name(text).into()
    } else {
        text.into()
    }
}

fn cut_name(text: &str) -> String {
    let mut end = NAME_BYTES_MAX - CUT_SUFFIX_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut hash = FnvHasher::default();
    hash.write(text.as_bytes());
    let hash = hash.finish();
    format!("{}…#{hash:016x}", text.get(..end).unwrap_or_default())
}

/// Room for the mark, `#` and sixteen digits.
const CUT_SUFFIX_BYTES: usize = 20;
