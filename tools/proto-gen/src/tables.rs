//! The schema as the static tables of `proto/src/schema.rs`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto};

/// All messages and enums by full name (with the leading dot descriptors use), with the constant
/// each gets.
#[derive(Default)]
pub(crate) struct Tables {
    messages: BTreeMap<String, (String, DescriptorProto)>,
    enums: BTreeMap<String, (String, EnumDescriptorProto)>,
}

impl Tables {
    pub(crate) fn collect(&mut self, message: &DescriptorProto, parent: &str, prefix: &str) {
        let full_name = format!("{parent}.{}", message.name());
        let constant = format!("{prefix}{}", constant_case(message.name()));
        let nested_prefix = format!("{constant}_");
        for nested in &message.nested_type {
            self.collect(nested, &full_name, &nested_prefix);
        }
        for nested in &message.enum_type {
            self.collect_enum(nested, &full_name, &nested_prefix);
        }
        self.messages.insert(full_name, (constant, message.clone()));
    }

    pub(crate) fn collect_enum(&mut self, item: &EnumDescriptorProto, parent: &str, prefix: &str) {
        let constant = format!("{prefix}{}", constant_case(item.name()));
        self.enums.insert(
            format!("{parent}.{}", item.name()),
            (constant, item.clone()),
        );
    }

    pub(crate) fn render(&self) -> Result<String, Box<dyn Error>> {
        let mut out = String::new();
        for (full_name, (constant, item)) in &self.enums {
            let mut values: Vec<_> = item.value.iter().map(|v| (v.number(), v.name())).collect();
            values.sort_unstable();
            writeln!(out, "/// `{}`", full_name.trim_start_matches('.'))?;
            writeln!(out, "pub const {constant}: &EnumDesc = &{constant}_TABLE;")?;
            writeln!(
                out,
                "static {constant}_TABLE: EnumDesc = EnumDesc {{ name: {:?}, values: &{values:?} }};",
                item.name()
            )?;
        }
        for (full_name, (constant, message)) in &self.messages {
            self.render_message(
                &mut out,
                full_name.trim_start_matches('.'),
                constant,
                message,
            )?;
        }
        Ok(out)
    }

    fn render_message(
        &self,
        out: &mut String,
        full_name: &str,
        constant: &str,
        message: &DescriptorProto,
    ) -> Result<(), Box<dyn Error>> {
        let mut fields: Vec<_> = message.field.iter().collect();
        fields.sort_by_key(|field| field.number());
        let highest = fields.last().map_or(0, |field| field.number());
        let mut by_number = vec![0_u8; usize::try_from(highest)? + 1];
        for (index, field) in fields.iter().enumerate() {
            by_number[usize::try_from(field.number())?] = u8::try_from(index + 1)?;
        }
        let mut by_tag = vec!["Shape::Other"; 128];
        for field in &fields {
            let (wire, shape) = wire_and_shape(field.r#type());
            let tag = usize::try_from(field.number())? << 3 | wire;
            let slot = by_tag.get_mut(tag).ok_or("a field number over 15")?;
            *slot = shape;
        }
        let by_tag = by_tag.join(", ");
        let map_entry = message.options.as_ref().is_some_and(|o| o.map_entry());
        writeln!(out, "/// `{full_name}`")?;
        writeln!(
            out,
            "pub const {constant}: &MessageDesc = &{constant}_TABLE;"
        )?;
        writeln!(out, "static {constant}_TABLE: MessageDesc = MessageDesc {{")?;
        writeln!(
            out,
            "    name: {:?},\n    full_name: {full_name:?},",
            message.name()
        )?;
        writeln!(
            out,
            "    by_number: &{by_number:?},\n    by_tag: &[{by_tag}],\n    map_entry: {map_entry},\n    fields: &["
        )?;
        for field in fields {
            self.render_field(out, field)?;
        }
        writeln!(out, "    ],\n}};")?;
        Ok(())
    }

    fn render_field(
        &self,
        out: &mut String,
        field: &FieldDescriptorProto,
    ) -> Result<(), Box<dyn Error>> {
        let repeated = field.label() == Label::Repeated;
        let scalar = !matches!(field.r#type(), Type::String | Type::Bytes | Type::Message);
        let declared = field.options.as_ref().and_then(|options| options.packed);
        let packed = repeated && scalar && declared.unwrap_or(true);
        let oneof = field.oneof_index.filter(|_| !field.proto3_optional());
        let oneof = oneof.map(u8::try_from).transpose()?;
        let (number, name, json_name) = (field.number(), field.name(), field.json_name());
        let ty = self.field_type(field)?;
        writeln!(
            out,
            "        FieldDesc {{ number: {number}, name: {name:?}, json_name: {json_name:?}, \
             ty: {ty}, repeated: {repeated}, packed: {packed}, oneof: {oneof:?} }},"
        )?;
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest are scalars, named alike"
    )]
    fn field_type(&self, field: &FieldDescriptorProto) -> Result<String, Box<dyn Error>> {
        let missing = || format!("{} has an unknown type {}", field.name(), field.type_name());
        Ok(match field.r#type() {
            Type::Message => {
                let (constant, _) = self.messages.get(field.type_name()).ok_or_else(missing)?;
                format!("FieldType::Message(&{constant}_TABLE)")
            }
            Type::Enum => {
                let (constant, _) = self.enums.get(field.type_name()).ok_or_else(missing)?;
                format!("FieldType::Enum(&{constant}_TABLE)")
            }
            Type::Group => return Err("groups do not exist in proto3".into()),
            scalar => format!("FieldType::{scalar:?}"),
        })
    }
}

/// The wire type of a single value, and what it is checked as.
const fn wire_and_shape(ty: Type) -> (usize, &'static str) {
    match ty {
        Type::Double | Type::Fixed64 | Type::Sfixed64 => (1, "Shape::Fixed64"),
        Type::Float | Type::Fixed32 | Type::Sfixed32 => (5, "Shape::Fixed32"),
        Type::String => (2, "Shape::Text"),
        Type::Bytes => (2, "Shape::Bytes"),
        Type::Message | Type::Group => (2, "Shape::Message"),
        Type::Int64
        | Type::Uint64
        | Type::Int32
        | Type::Bool
        | Type::Uint32
        | Type::Enum
        | Type::Sint32
        | Type::Sint64 => (0, "Shape::Varint"),
    }
}

/// `DashStreamMessage` to `DASH_STREAM_MESSAGE`.
fn constant_case(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out
}
