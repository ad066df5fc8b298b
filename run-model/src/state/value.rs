//! JSON values that share their parts between clones and know their own size.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use super::number::Number;

/// Any JSON value.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(Number),
    /// A string.
    Text(Text),
    /// An array.
    Array(Arc<Array>),
    /// An object.
    Object(Arc<Object>),
}

/// A string with the length of its canonical form.
#[derive(Clone, Debug)]
pub struct Text {
    text: Arc<str>,
    bytes: usize,
}

/// An array. Its length changes only by way of its methods, which keep its size.
#[derive(Clone, Debug, Default)]
pub struct Array {
    items: Vec<Value>,
    inner: Size,
}

/// An object: a map in which every key is an ordinary key, ascending by UTF-8 bytes.
#[derive(Clone, Debug, Default)]
pub struct Object {
    members: BTreeMap<Arc<str>, Value>,
    inner: Size,
}

/// How large a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of its canonical text.
    pub bytes: usize,
    /// Values in it, itself included.
    pub values: usize,
    /// Nesting of arrays and objects: at least what it is, and exact until something is removed.
    pub depth: u32,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.values = self.values.saturating_add(other.values);
        self.depth = self.depth.max(other.depth);
    }

    const fn remove(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_sub(other.bytes);
        self.values = self.values.saturating_sub(other.values);
    }

    /// Of a container with so many members whose own sizes add up to this.
    const fn enclosed(self, members: usize) -> Self {
        Self {
            bytes: self.bytes.saturating_add(2 + members.saturating_sub(1)),
            values: self.values.saturating_add(1),
            depth: self.depth.saturating_add(1),
        }
    }
}

impl Text {
    /// A string.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.into(),
            bytes: super::escape::text_len(text),
        }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Value {
    /// How large it is, without walking it.
    #[must_use]
    pub fn size(&self) -> Size {
        let scalar = |bytes| Size {
            bytes,
            values: 1,
            depth: 0,
        };
        match self {
            Self::Null | Self::Bool(true) => scalar(4),
            Self::Bool(false) => scalar(5),
            Self::Number(number) => scalar(number.text().len()),
            Self::Text(text) => scalar(text.bytes),
            Self::Array(array) => array.inner.enclosed(array.items.len()),
            Self::Object(object) => object.inner.enclosed(object.members.len()),
        }
    }

    /// The exact nesting. Walks the whole value.
    #[must_use]
    pub fn depth(&self) -> u32 {
        let below = match self {
            Self::Array(array) => array.items.iter().map(Self::depth).max(),
            Self::Object(object) => object.members.values().map(Self::depth).max(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => return 0,
        };
        below.unwrap_or(0).saturating_add(1)
    }

    /// Deep equality as RFC 6902 has it: numbers by value, objects without regard to order.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a.same_value(b),
            (Self::Text(a), Self::Text(b)) => a.text == b.text,
            (Self::Array(a), Self::Array(b)) => {
                let pairs = || a.items.iter().zip(&b.items);
                Arc::ptr_eq(a, b)
                    || a.items.len() == b.items.len() && pairs().all(|(a, b)| a.same(b))
            }
            (Self::Object(a), Self::Object(b)) => {
                let pairs = || a.members.iter().zip(&b.members);
                Arc::ptr_eq(a, b)
                    || a.members.len() == b.members.len()
                        && pairs().all(|((k, a), (l, b))| k == l && a.same(b))
            }
            _ => false,
        }
    }
}

impl Array {
    /// The values in order.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// Puts a value before the one at `index`; `false` beyond the end.
    pub(super) fn insert(&mut self, index: usize, value: Value) -> bool {
        if index > self.items.len() {
            return false;
        }
        self.inner.add(value.size());
        self.items.insert(index, value);
        true
    }

    /// Takes the value at `index` out.
    pub(super) fn remove(&mut self, index: usize) -> Option<Value> {
        if index >= self.items.len() {
            return None;
        }
        let value = self.items.remove(index);
        self.inner.remove(value.size());
        Some(value)
    }

    /// Changes the value at `index` in place.
    pub(super) fn edit<R>(
        &mut self,
        index: usize,
        edit: impl FnOnce(&mut Value) -> R,
    ) -> Option<R> {
        let value = self.items.get_mut(index)?;
        Some(edited(&mut self.inner, value, edit))
    }
}

impl Object {
    /// The members, ascending by key.
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<Arc<str>, Value> {
        &self.members
    }

    /// Sets a member, whether it was there or not.
    pub(super) fn set(&mut self, key: &str, value: Value) {
        self.inner.add(member(key, &value));
        if let Some(before) = self.members.insert(key.into(), value) {
            self.inner.remove(member(key, &before));
        }
    }

    /// Takes a member out.
    pub(super) fn remove(&mut self, key: &str) -> Option<Value> {
        let value = self.members.remove(key)?;
        self.inner.remove(member(key, &value));
        Some(value)
    }

    /// Changes a member's value in place.
    pub(super) fn edit<R>(&mut self, key: &str, edit: impl FnOnce(&mut Value) -> R) -> Option<R> {
        let value = self.members.get_mut(key)?;
        Some(edited(&mut self.inner, value, edit))
    }
}

fn edited<R>(inner: &mut Size, value: &mut Value, edit: impl FnOnce(&mut Value) -> R) -> R {
    let before = value.size();
    let result = edit(value);
    inner.remove(before);
    inner.add(value.size());
    result
}

/// Key, colon and value.
fn member(key: &str, value: &Value) -> Size {
    let size = value.size();
    Size {
        bytes: size.bytes.saturating_add(super::escape::text_len(key) + 1),
        ..size
    }
}
