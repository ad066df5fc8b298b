//! The fields of a relay's message, taken by name.
//!
//! One reader for all messages instead of one per message: in the browser the difference is a tenth of
//! the whole module.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error as _;
use serde_json::{Error, Map, Value};

use super::{ByPartition, Decimal, Partition, digits};

/// A JSON object. Fields nobody asks for are passed over.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let Value::Object(fields) = serde_json::from_str(text)? else {
            return Err(Error::custom("no object"));
        };
        Ok(Self(fields))
    }

    pub(super) fn text(&self, name: &str) -> Result<String, Error> {
        self.read(name, text)
    }

    /// Empty where it is not there.
    pub(super) fn text_or_empty(&self, name: &str) -> Result<String, Error> {
        self.read_or_default(name, text)
    }

    /// Empty where it is not there.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Error> {
        self.read_or_default(name, |value| value.as_array()?.iter().map(text).collect())
    }

    pub(super) fn u64(&self, name: &str) -> Result<u64, Error> {
        self.read(name, Value::as_u64)
    }

    /// 0 where it is not there.
    pub(super) fn u64_or_zero(&self, name: &str) -> Result<u64, Error> {
        self.read_or_default(name, Value::as_u64)
    }

    pub(super) fn u32(&self, name: &str) -> Result<u32, Error> {
        self.read(name, narrow)
    }

    /// Empty where it is not there.
    pub(super) fn u32s(&self, name: &str) -> Result<Vec<u32>, Error> {
        self.read_or_default(name, |value| value.as_array()?.iter().map(narrow).collect())
    }

    pub(super) fn decimal(&self, name: &str) -> Result<Decimal, Error> {
        self.read(name, decimal)
    }

    pub(super) fn object(&self, name: &str) -> Result<Self, Error> {
        self.read(name, |value| value.as_object().cloned().map(Self))
    }

    pub(super) fn decimals(&self, name: &str) -> Result<ByPartition, Error> {
        self.by_partition(name, decimal)
    }

    /// None where it is not there.
    pub(super) fn decimals_or_none(&self, name: &str) -> Result<ByPartition, Error> {
        if self.0.contains_key(name) {
            self.decimals(name)
        } else {
            Ok(ByPartition::new())
        }
    }

    /// None where it is not there.
    pub(super) fn objects_or_none<T>(
        &self,
        name: &str,
        read: impl Fn(&Self) -> Result<T, Error>,
    ) -> Result<ByPartition<T>, Error> {
        if self.0.contains_key(name) {
            self.objects(name, read)
        } else {
            Ok(ByPartition::new())
        }
    }

    /// An object for each partition.
    pub(super) fn objects<T>(
        &self,
        name: &str,
        read: impl Fn(&Self) -> Result<T, Error>,
    ) -> Result<ByPartition<T>, Error> {
        self.by_partition(name, |value| read(&Self(value.as_object()?.clone())).ok())
    }

    fn by_partition<T>(
        &self,
        name: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<ByPartition<T>, Error> {
        let mut found = ByPartition::new();
        let values = self.read(name, Value::as_object)?;
        for (key, value) in values {
            let partition = digits(key).and_then(|number| u32::try_from(number).ok());
            let entry = partition.and_then(|partition| Some((partition, read(value)?)));
            let (partition, value) = entry.ok_or_else(|| wrong(name))?;
            found.insert(Partition(partition), value);
        }
        Ok(found)
    }

    fn read<'a, T>(
        &'a self,
        name: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, Error> {
        self.0.get(name).and_then(read).ok_or_else(|| wrong(name))
    }

    fn read_or_default<T: Default>(
        &self,
        name: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, Error> {
        match self.0.get(name) {
            None => Ok(T::default()),
            Some(value) => read(value).ok_or_else(|| wrong(name)),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(String::from)
}

fn narrow(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok()
}

/// Decimal text; a number too, where it is exact.
fn decimal(value: &Value) -> Option<Decimal> {
    let number = match value.as_str() {
        Some(text) => digits(text),
        None => value.as_u64(),
    };
    number.map(Decimal)
}

fn wrong(name: &str) -> Error {
    Error::custom(format_args!("{name} is missing or has the wrong type"))
}
