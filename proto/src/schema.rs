//! Static descriptor tables: what field number means what, without decoding anything.
//!
//! One constant per message and enum of the schema (`HEADER`, `EVENT_TYPE`; nested names carry
//! their parent: `DIFF_OPERATION_OP_TYPE`). The tables refer to each other, in circles where
//! messages do, so descriptors compare and print by name.

use core::fmt;

/// The type of a field. Group types do not exist in proto3.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    Double,
    Float,
    Int64,
    Uint64,
    Int32,
    Fixed64,
    Fixed32,
    Bool,
    String,
    Bytes,
    Uint32,
    Sfixed32,
    Sfixed64,
    Sint32,
    Sint64,
    Message(&'static MessageDesc),
    Enum(&'static EnumDesc),
}

/// A message, or the entry of a map field.
pub struct MessageDesc {
    /// Without its parents: `Header`.
    pub name: &'static str,
    /// With package and parents: `dashstream.v1.Header`.
    pub full_name: &'static str,
    /// Ascending by number.
    pub fields: &'static [FieldDesc],
    /// By field number: index into `fields` plus one, 0 where the number is not used.
    pub by_number: &'static [u8],
    /// By tag, which is field number and wire type as they are written: what must follow it. For the
    /// tags of one byte, which those of the schema are.
    pub by_tag: &'static [Shape; TAGS],
    /// Field 1 is the key and field 2 the value of one map entry.
    pub map_entry: bool,
}

/// Tags of one byte: 15 fields with any wire type.
pub const TAGS: usize = 128;

/// What follows the tag of a known field, as far as its soundness goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// The schema does not say: an unknown field, another wire type than the field's, packed scalars.
    Other,
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
    Text,
    Message,
}

/// A field of a message.
pub struct FieldDesc {
    pub number: u32,
    pub name: &'static str,
    /// The name in ProtoJSON.
    pub json_name: &'static str,
    pub ty: FieldType,
    pub repeated: bool,
    /// The elements are written back to back in one length-delimited field.
    pub packed: bool,
    /// Which oneof of the message the field belongs to.
    pub oneof: Option<u8>,
}

/// An enum. Unknown numbers are legal on the wire and simply have no name.
pub struct EnumDesc {
    pub name: &'static str,
    /// Ascending by number.
    pub values: &'static [(i32, &'static str)],
}

impl MessageDesc {
    /// The field with this number, if the schema has one.
    pub fn field(&self, number: u32) -> Option<&'static FieldDesc> {
        let slot = *self.by_number.get(usize::try_from(number).ok()?)?;
        self.fields.get(usize::from(slot).checked_sub(1)?)
    }

    /// What must follow that tag.
    #[inline]
    pub fn shape(&self, tag: u32) -> Shape {
        match self.by_tag.get(tag as usize) {
            Some(shape) => *shape,
            None => Shape::Other,
        }
    }
}

impl EnumDesc {
    /// The schema's name of a number.
    pub fn name_of(&self, number: i32) -> Option<&'static str> {
        let at = self
            .values
            .binary_search_by_key(&number, |value| value.0)
            .ok()?;
        self.values.get(at).map(|value| value.1)
    }
}

impl PartialEq for MessageDesc {
    fn eq(&self, other: &Self) -> bool {
        self.full_name == other.full_name
    }
}

impl Eq for MessageDesc {}

impl fmt::Debug for MessageDesc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.full_name)
    }
}

impl PartialEq for EnumDesc {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.values == other.values
    }
}

impl Eq for EnumDesc {}

impl fmt::Debug for EnumDesc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

include!("generated/schema_tables.rs");
