//! JSON read so that one text has one meaning: a key that an object has twice is found, however deep.
//!
//! Left to itself, serde_json takes the last of them without a word.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Value};

/// What was read.
pub(super) struct Read {
    /// Of a key that comes twice, it has the first.
    pub(super) value: Value,
    /// A key that comes twice.
    pub(super) repeated: Option<String>,
}

/// Reads one value and nothing after it.
pub(super) fn read(text: &str) -> Result<Read, Error> {
    let mut repeated = None;
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Reader(&mut repeated).deserialize(&mut json)?;
    json.end()?;
    Ok(Read { value, repeated })
}

/// Reads a value and notes a key that comes twice in it.
struct Reader<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.to_string().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(Reader(self.0))? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Reader(self.0))?;
            if read.contains_key(&key) {
                self.0.get_or_insert(key);
            } else {
                read.insert(key, value);
            }
        }
        Ok(Value::Object(read))
    }
}
