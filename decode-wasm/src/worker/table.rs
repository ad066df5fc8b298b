//! One table for each message: what the worker reads or writes, and its TypeScript, from the same lines.
//!
//! `choices!` is a union of texts, `asked!` an object the page sends, `object!` one the worker sends, and
//! `columns!` parallel arrays of a worker's answer. The TypeScript becomes part of the module's generated
//! type definitions; the page imports it from there and repeats none of it. In `object!` and `columns!`
//! the names are those of JavaScript.

/// The TypeScript of a kind of value.
#[allow(unused_macros, reason = "only the WASM build has type definitions")]
macro_rules! ts {
    ($kind:ident as $ts:literal) => {
        $ts
    };
    (Number) => {
        "number"
    };
    (Flag) => {
        "boolean"
    };
    (Text) => {
        "string"
    };
    (Texts) => {
        "readonly string[]"
    };
    (Numbers) => {
        "readonly number[]"
    };
    (MaybeNumber) => {
        "number | null"
    };
    (MaybeText) => {
        "string | null"
    };
    (ColumnU8) => {
        "Uint8Array"
    };
    (ColumnI32) => {
        "Int32Array"
    };
    (ColumnU32) => {
        "Uint32Array"
    };
    (ColumnU64) => {
        "BigUint64Array"
    };
    (ColumnF64) => {
        "Float64Array"
    };
    (ColumnText) => {
        "Uint32Array"
    };
    ($other:ident) => {
        stringify!($other)
    };
}

/// The Rust type a kind is read as.
macro_rules! read_as {
    (Number) => { f64 };
    (Flag) => { bool };
    (Text) => { String };
    (Texts) => { Vec<String> };
    (Numbers) => { Vec<f64> };
    (MaybeNumber) => { Option<f64> };
    (MaybeText) => { Option<String> };
    ($other:ident) => { $other };
}

/// Reads one property as its kind.
macro_rules! read {
    ($fields:ident, $wrong:ident, $name:expr, MaybeNumber) => {
        $fields.maybe_or($name, $wrong)
    };
    ($fields:ident, $wrong:ident, $name:expr, MaybeText) => {
        $fields.maybe_or($name, $wrong)
    };
    ($fields:ident, $wrong:ident, $name:expr, $kind:ident) => {
        $fields.need_or($name, $wrong)
    };
}

/// Sets one property to a value of its kind.
macro_rules! put {
    (Number, $out:expr, $name:expr, $value:expr) => {
        $crate::worker::js::set_number($out, $name, $value)
    };
    (Flag, $out:expr, $name:expr, $value:expr) => {
        $crate::worker::js::set_flag($out, $name, $value)
    };
    (Text, $out:expr, $name:expr, $value:expr) => {
        $crate::worker::js::set_text($out, $name, $value.as_ref())
    };
    (MaybeNumber, $out:expr, $name:expr, $value:expr) => {
        $crate::worker::js::set_maybe_number($out, $name, $value)
    };
    ($other:ident, $out:expr, $name:expr, $value:expr) => {
        $crate::worker::js::set($out, $name, &wasm_bindgen::JsValue::from($value))
    };
}

/// A union of texts, and the enum it is read as.
macro_rules! choices {
    ($(#[doc = $doc:literal])* $name:ident {
        $first:ident = $first_text:literal $(, $variant:ident = $text:literal)* $(,)?
    }) => {
        const _: () = {
            #[wasm_bindgen::prelude::wasm_bindgen(typescript_custom_section)]
            const TYPE: &str = concat!(
                "/**", $($doc,)* " */\nexport type ", stringify!($name), " =",
                " | \"", $first_text, "\"", $(" | \"", $text, "\"",)* ";\n"
            );
        };
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(in crate::worker) enum $name { #[default] $first $(, $variant)* }

        impl $crate::worker::js::FromJs for $name {
            fn from_js(value: wasm_bindgen::JsValue) -> Option<Self> {
                match value.as_string()?.as_str() {
                    $first_text => Some(Self::$first),
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

/// An object the page sends.
macro_rules! asked {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $field_doc:literal])* $field:ident = $js:literal : $kind:ident),* $(,)?
    }) => {
        const _: () = {
            #[wasm_bindgen::prelude::wasm_bindgen(typescript_custom_section)]
            const TYPE: &str = concat!(
                "/**", $($doc,)* " */\nexport interface ", stringify!($name), " {\n",
                $("  /**", $($field_doc,)* " */\n  readonly ", $js, ": ", ts!($kind), ";\n",)*
                "}\n"
            );
        };
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub(in crate::worker) struct $name {
            $($(#[doc = $field_doc])* pub(in crate::worker) $field: read_as!($kind)),*
        }

        impl $name {
            pub(in crate::worker) fn read(
                _fields: &$crate::worker::js::Fields,
            ) -> Result<Self, String> {
                let _wrong = &mut None;
                let read = Self { $($field: read!(_fields, _wrong, $js, $kind)),* };
                _wrong.map_or(Ok(read), |name| Err($crate::worker::js::invalid(name)))
            }
        }

        impl $crate::worker::js::FromJs for $name {
            fn from_js(value: wasm_bindgen::JsValue) -> Option<Self> {
                Self::read(&$crate::worker::js::Fields::of(value)).ok()
            }
        }
    };
}

/// An object the worker sends, and how it is filled from one value.
macro_rules! object {
    ($(#[doc = $doc:literal])* $name:ident as $fill:ident($($from:ident : $type:ty),+) {
        $($(#[doc = $field_doc:literal])* $field:ident : $kind:ident $(as $ts:literal)? = $value:expr),*
        $(,)?
    }) => {
        const _: () = {
            #[wasm_bindgen::prelude::wasm_bindgen(typescript_custom_section)]
            const TYPE: &str = concat!(
                "/**", $($doc,)* " */\nexport interface ", stringify!($name), " {\n",
                $("  /**", $($field_doc,)* " */\n  readonly ", stringify!($field), ": ",
                    ts!($kind $(as $ts)?), ";\n",)*
                "}\n"
            );
        };
        $(#[doc = $doc])*
        fn $fill(out: &js_sys::Object, $($from: $type),+) {
            $(put!($kind, out, stringify!($field), $value);)*
        }
    };
}

/// Parallel arrays the worker sends, an entry for each item, and how they are filled. A `ColumnText` holds
/// indexes into the answer's `strings`.
macro_rules! columns {
    ($(#[doc = $doc:literal])* $name:ident as $fill:ident($from:ident : $type:ty, $item:pat => $item_type:ty) {
        $($(#[doc = $field_doc:literal])* $field:ident : $kind:ident = $value:expr),* $(,)?
    }) => {
        const _: () = {
            #[wasm_bindgen::prelude::wasm_bindgen(typescript_custom_section)]
            const TYPE: &str = concat!(
                "/**", $($doc,)* " */\nexport interface ", stringify!($name), " {\n",
                $("  /**", $($field_doc,)* " */\n  readonly ", stringify!($field), ": ",
                    ts!($kind), ";\n",)*
                "}\n"
            );
        };
        $(#[doc = $doc])*
        #[allow(unused_variables, reason = "hardly a column needs all of what it could be made of")]
        fn $fill(
            columns: &mut $crate::worker::js::Columns<'_>,
            $from: $type,
            items: &[$item_type],
        ) -> js_sys::Object {
            use $crate::worker::js::{Kind, Rows};

            const COLUMNS: &[(&str, Kind)] = &[$((stringify!($field), column_kind!($kind))),*];
            let mut rows = Rows::new(columns, COLUMNS, items.len());
            for $item in items {
                $(cell!($kind, rows, $value);)*
            }
            rows.finish()
        }
    };
}

/// How a column's entries are held.
macro_rules! column_kind {
    (ColumnU8) => {
        Kind::U8
    };
    (ColumnI32) => {
        Kind::I32
    };
    (ColumnU32) => {
        Kind::U32
    };
    (ColumnU64) => {
        Kind::U64
    };
    (ColumnF64) => {
        Kind::F64
    };
    (ColumnText) => {
        Kind::U32
    };
}

/// Adds the next entry of a row. What follows the value's making is compiled once for all columns.
macro_rules! cell {
    (ColumnU8, $rows:ident, $value:expr) => {
        $rows.small(u8::from($value).into())
    };
    (ColumnI32, $rows:ident, $value:expr) => {
        $rows.small(i32::cast_unsigned($value))
    };
    (ColumnU32, $rows:ident, $value:expr) => {
        $rows.small($value)
    };
    (ColumnU64, $rows:ident, $value:expr) => {
        $rows.bits($value)
    };
    (ColumnF64, $rows:ident, $value:expr) => {
        $rows.number($value as f64)
    };
    (ColumnText, $rows:ident, $value:expr) => {
        $rows.text($value.as_ref())
    };
}
