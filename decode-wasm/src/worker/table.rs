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
    ($fields:ident, $name:expr, MaybeNumber) => {
        $fields.maybe($name)?
    };
    ($fields:ident, $name:expr, MaybeText) => {
        $fields.maybe($name)?
    };
    ($fields:ident, $name:expr, $kind:ident) => {
        $fields.need($name)?
    };
}

/// One property's value as JavaScript has it.
macro_rules! value {
    (Number, $value:expr) => {
        wasm_bindgen::JsValue::from_f64($value)
    };
    (Flag, $value:expr) => {
        wasm_bindgen::JsValue::from_bool($value)
    };
    (Text, $value:expr) => {
        wasm_bindgen::JsValue::from_str($value.as_ref())
    };
    (MaybeNumber, $value:expr) => {
        $value.map_or(wasm_bindgen::JsValue::NULL, wasm_bindgen::JsValue::from_f64)
    };
    ($other:ident, $value:expr) => {
        wasm_bindgen::JsValue::from($value)
    };
}

/// A union of texts, and the enum it is read as.
macro_rules! choices {
    ($(#[doc = $doc:literal])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        const _: () = {
            #[wasm_bindgen::prelude::wasm_bindgen(typescript_custom_section)]
            const TYPE: &str = concat!(
                "/**", $($doc,)* " */\nexport type ", stringify!($name), " =",
                $(" | \"", $text, "\"",)+ ";\n"
            );
        };
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::worker) enum $name { $($variant),+ }

        impl $crate::worker::js::FromJs for $name {
            fn from_js(value: wasm_bindgen::JsValue) -> Option<Self> {
                match value.as_string()?.as_str() {
                    $($text => Some(Self::$variant),)+
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
                Ok(Self { $($field: read!(_fields, $js, $kind)),* })
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
            $($crate::worker::js::set(out, stringify!($field), &value!($kind, $value));)*
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
            let out = js_sys::Object::new();
            $({
                let values = column!($kind, columns, items, $item, $value);
                $crate::worker::js::set(&out, stringify!($field), &columns.column(values));
            })*
            out
        }
    };
}

macro_rules! column {
    (ColumnU8, $columns:ident, $items:ident, $item:pat, $value:expr) => {
        $crate::worker::js::Values::U8($items.iter().map(|$item| u8::from($value)).collect())
    };
    (ColumnI32, $columns:ident, $items:ident, $item:pat, $value:expr) => {
        $crate::worker::js::Values::I32($items.iter().map(|$item| $value).collect())
    };
    (ColumnU32, $columns:ident, $items:ident, $item:pat, $value:expr) => {
        $crate::worker::js::Values::U32($items.iter().map(|$item| $value).collect())
    };
    (ColumnU64, $columns:ident, $items:ident, $item:pat, $value:expr) => {
        $crate::worker::js::Values::U64($items.iter().map(|$item| $value).collect())
    };
    (ColumnF64, $columns:ident, $items:ident, $item:pat, $value:expr) => {
        $crate::worker::js::Values::F64($items.iter().map(|$item| $value as f64).collect())
    };
    (ColumnText, $columns:ident, $items:ident, $item:pat, $value:expr) => {
        $crate::worker::js::Values::U32(
            $items
                .iter()
                .map(|$item| $columns.text($value.as_ref()))
                .collect(),
        )
    };
}
