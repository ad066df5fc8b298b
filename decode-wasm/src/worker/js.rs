//! Values across the border to JavaScript: reading the page's objects, building the worker's.

use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{
    Array, ArrayBuffer, BigUint64Array, Float64Array, Int32Array, JsString, Object, Reflect,
    Uint8Array, Uint32Array,
};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::DedicatedWorkerGlobalScope;

/// Sets a property of an object of our own, which cannot refuse it.
pub(crate) fn set(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

/// The properties of an object of the page, which must be there. Read one by one: a generated reader for
/// each type is many times the size.
pub(super) struct Fields(JsValue);

impl Fields {
    pub(super) const fn of(value: JsValue) -> Self {
        Self(value)
    }

    fn any(&self, name: &str) -> Option<JsValue> {
        let value = Reflect::get(&self.0, &name.into()).ok()?;
        (!value.is_undefined() && !value.is_null()).then_some(value)
    }

    /// A value that may be missing or null.
    pub(super) fn maybe<T: FromJs>(&self, name: &str) -> Result<Option<T>, String> {
        let read = |value| T::from_js(value).ok_or_else(|| invalid(name));
        self.any(name).map(read).transpose()
    }

    pub(super) fn need<T: FromJs>(&self, name: &str) -> Result<T, String> {
        self.maybe(name)?.ok_or_else(|| invalid(name))
    }
}

pub(super) fn invalid(name: &str) -> String {
    [name, " is missing or not valid"].concat()
}

/// What a property of the page's can be read as.
pub(super) trait FromJs: Sized {
    fn from_js(value: JsValue) -> Option<Self>;
}

impl FromJs for f64 {
    fn from_js(value: JsValue) -> Option<Self> {
        value.as_f64()
    }
}

impl FromJs for bool {
    fn from_js(value: JsValue) -> Option<Self> {
        value.as_bool()
    }
}

impl FromJs for String {
    fn from_js(value: JsValue) -> Option<Self> {
        value.as_string()
    }
}

impl FromJs for Vec<String> {
    fn from_js(value: JsValue) -> Option<Self> {
        let list = value.dyn_into::<Array>().ok()?;
        list.iter().map(|text| text.as_string()).collect()
    }
}

impl FromJs for Vec<f64> {
    fn from_js(value: JsValue) -> Option<Self> {
        let list = value.dyn_into::<Array>().ok()?;
        list.iter().map(|number| number.as_f64()).collect()
    }
}

impl FromJs for web_sys::File {
    fn from_js(value: JsValue) -> Option<Self> {
        value.dyn_into().ok()
    }
}

impl FromJs for Fields {
    fn from_js(value: JsValue) -> Option<Self> {
        value.is_object().then_some(Self(value))
    }
}

/// A JavaScript number as an index; what is not one is 0.
pub(super) fn index(number: f64) -> usize {
    if number.is_finite() && number > 0.0 {
        number as usize
    } else {
        0
    }
}

/// A message and the buffers that move with it.
pub(super) struct Outgoing {
    pub(super) message: Object,
    transfer: Array,
}

impl Outgoing {
    pub(super) fn new(kind: &str) -> Self {
        let message = Object::new();
        set(&message, "type", &kind.into());
        Self {
            message,
            transfer: Array::new(),
        }
    }

    pub(super) fn post(&self, scope: &DedicatedWorkerGlobalScope) {
        // A message of our own making can be cloned.
        let _ = scope.post_message_with_transfer(&self.message, &self.transfer);
    }
}

/// One column before it becomes a typed array.
pub(super) enum Values {
    U8(Vec<u8>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    F64(Vec<f64>),
}

/// Collects one panel's columns, their buffers, and the texts they index.
pub(super) struct Columns<'a> {
    transfer: &'a Array,
    texts: Array,
    numbers: BTreeMap<Rc<str>, u32>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(out: &'a Outgoing) -> Self {
        let mut numbers = BTreeMap::new();
        numbers.insert(Rc::from(""), 0);
        Self {
            transfer: &out.transfer,
            texts: Array::of1(&JsString::from("")),
            numbers,
        }
    }

    pub(super) fn text(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.push(&JsString::from(text)) - 1;
        self.numbers.insert(Rc::from(text), number);
        number
    }

    pub(super) fn column(&self, values: Values) -> JsValue {
        let (array, buffer): (JsValue, ArrayBuffer) = match values {
            Values::U8(v) => typed(Uint8Array::from(v.as_slice()), Uint8Array::buffer),
            Values::I32(v) => typed(Int32Array::from(v.as_slice()), Int32Array::buffer),
            Values::U32(v) => typed(Uint32Array::from(v.as_slice()), Uint32Array::buffer),
            Values::U64(v) => typed(BigUint64Array::from(v.as_slice()), BigUint64Array::buffer),
            Values::F64(v) => typed(Float64Array::from(v.as_slice()), Float64Array::buffer),
        };
        self.transfer.push(&buffer);
        array
    }

    /// Bytes that move to the page.
    pub(super) fn bytes(&self, bytes: &[u8]) -> JsValue {
        self.column(Values::U8(bytes.to_vec()))
    }

    pub(super) fn finish(self) -> Array {
        self.texts
    }
}

fn typed<A: Into<JsValue>>(array: A, buffer: fn(&A) -> ArrayBuffer) -> (JsValue, ArrayBuffer) {
    let buffer = buffer(&array);
    (array.into(), buffer)
}
