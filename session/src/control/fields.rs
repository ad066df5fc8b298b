//! The fields of a relay's message, taken by name.
//!
//! One reader for all messages instead of one per message, and none of serde's: in the browser the difference is
//! a tenth of the whole module.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use decode_core::json::{Value, Wrong, elements, members, unescaped};

use super::{ByPartition, Decimal, Partition, digits};

/// Why a text is no message of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no JSON object.
    Json(Wrong),
    /// A field is missing or has the wrong type.
    Field(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(wrong) => wrong.fmt(f),
            Self::Field(name) => write!(f, "{name} is missing or has the wrong type"),
        }
    }
}

impl core::error::Error for Unreadable {}

/// A JSON object. Fields nobody asks for are passed over.
pub(super) struct Fields<'a>(Vec<(String, Value<'a>)>);

impl<'a> Fields<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Unreadable> {
        Self::of(text.as_bytes()).map_err(Unreadable::Json)
    }

    fn of(object: &'a [u8]) -> Result<Self, Wrong> {
        let mut fields = Vec::new();
        members(object, |key, value| {
            fields.push((unescaped(key)?, value));
            Ok(())
        })?;
        Ok(Self(fields))
    }

    /// Of a field that is there twice, the last counts.
    fn get(&self, name: &str) -> Option<Value<'a>> {
        let mut named = self.0.iter().rev().filter(|(key, _)| key == name);
        named.next().map(|(_, value)| *value)
    }

    pub(super) fn text(&self, name: &str) -> Result<String, Unreadable> {
        self.read(name, text)
    }

    /// Empty where it is not there.
    pub(super) fn text_or_empty(&self, name: &str) -> Result<String, Unreadable> {
        self.read_or_default(name, text)
    }

    /// Empty where it is not there.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Unreadable> {
        self.read_or_default(name, |value| list(value, text))
    }

    pub(super) fn u64(&self, name: &str) -> Result<u64, Unreadable> {
        self.read(name, whole)
    }

    /// 0 where it is not there.
    pub(super) fn u64_or_zero(&self, name: &str) -> Result<u64, Unreadable> {
        self.read_or_default(name, whole)
    }

    pub(super) fn u32(&self, name: &str) -> Result<u32, Unreadable> {
        self.read(name, narrow)
    }

    /// Empty where it is not there.
    pub(super) fn u32s(&self, name: &str) -> Result<Vec<u32>, Unreadable> {
        self.read_or_default(name, |value| list(value, narrow))
    }

    pub(super) fn decimal(&self, name: &str) -> Result<Decimal, Unreadable> {
        self.read(name, decimal)
    }

    pub(super) fn object(&self, name: &str) -> Result<Self, Unreadable> {
        self.read(name, object)
    }

    pub(super) fn decimals(&self, name: &str) -> Result<ByPartition, Unreadable> {
        self.by_partition(name, decimal)
    }

    /// None where it is not there.
    pub(super) fn decimals_or_none(&self, name: &str) -> Result<ByPartition, Unreadable> {
        match self.get(name) {
            Some(_) => self.decimals(name),
            None => Ok(ByPartition::new()),
        }
    }

    /// None where it is not there.
    pub(super) fn objects_or_none<T>(
        &self,
        name: &str,
        read: impl Fn(&Self) -> Result<T, Unreadable>,
    ) -> Result<ByPartition<T>, Unreadable> {
        match self.get(name) {
            Some(_) => self.objects(name, read),
            None => Ok(ByPartition::new()),
        }
    }

    /// An object for each partition.
    pub(super) fn objects<T>(
        &self,
        name: &str,
        read: impl Fn(&Self) -> Result<T, Unreadable>,
    ) -> Result<ByPartition<T>, Unreadable> {
        self.by_partition(name, |value| read(&object(value)?).ok())
    }

    fn by_partition<T>(
        &self,
        name: &str,
        read: impl Fn(Value<'a>) -> Option<T>,
    ) -> Result<ByPartition<T>, Unreadable> {
        let mut found = ByPartition::new();
        for (key, value) in self.object(name)?.0 {
            let partition = digits(&key).and_then(|number| u32::try_from(number).ok());
            let entry = partition.and_then(|partition| Some((partition, read(value)?)));
            let (partition, value) = entry.ok_or_else(|| wrong(name))?;
            found.insert(Partition(partition), value);
        }
        Ok(found)
    }

    fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(Value<'a>) -> Option<T>,
    ) -> Result<T, Unreadable> {
        self.get(name).and_then(read).ok_or_else(|| wrong(name))
    }

    fn read_or_default<T: Default>(
        &self,
        name: &str,
        read: impl FnOnce(Value<'a>) -> Option<T>,
    ) -> Result<T, Unreadable> {
        match self.get(name) {
            None => Ok(T::default()),
            Some(value) => read(value).ok_or_else(|| wrong(name)),
        }
    }
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(inside) => unescaped(inside).ok(),
        Value::Number(_) | Value::Bool(_) | Value::Null | Value::Nested(_) => None,
    }
}

fn whole(value: Value<'_>) -> Option<u64> {
    match value {
        Value::Number(number) => digits(number),
        Value::Text(_) | Value::Bool(_) | Value::Null | Value::Nested(_) => None,
    }
}

fn narrow(value: Value<'_>) -> Option<u32> {
    whole(value)?.try_into().ok()
}

/// Decimal text; a number too, where it is exact.
fn decimal(value: Value<'_>) -> Option<Decimal> {
    let number = match value {
        Value::Text(_) => digits(&text(value)?),
        Value::Number(_) | Value::Bool(_) | Value::Null | Value::Nested(_) => whole(value),
    };
    number.map(Decimal)
}

fn nested(value: Value<'_>) -> Option<&[u8]> {
    match value {
        Value::Nested(text) => Some(text),
        Value::Text(_) | Value::Number(_) | Value::Bool(_) | Value::Null => None,
    }
}

fn object(value: Value<'_>) -> Option<Fields<'_>> {
    Fields::of(nested(value)?).ok()
}

fn list<T>(value: Value<'_>, read: impl Fn(Value<'_>) -> Option<T>) -> Option<Vec<T>> {
    let mut all = Vec::new();
    let mut is_good = true;
    let visited = elements(nested(value)?, |value| {
        match read(value) {
            Some(value) => all.push(value),
            None => is_good = false,
        }
        Ok(())
    });
    (visited.is_ok() && is_good).then_some(all)
}

fn wrong(name: &str) -> Unreadable {
    Unreadable::Field(name.to_string())
}
