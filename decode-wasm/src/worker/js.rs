//! Values across the border to JavaScript: reading the page's objects, building the worker's.

use std::collections::BTreeMap;
use std::rc::Rc;

use js_sys::{
    Array, BigUint64Array, Float64Array, Int32Array, JsString, Object, Reflect, Uint8Array,
    Uint32Array,
};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::DedicatedWorkerGlobalScope;

/// Sets a property of an object of our own, which cannot refuse it.
pub(crate) fn set(object: &Object, name: &str, value: &JsValue) {
    let _ = Reflect::set(object, &name.into(), value);
}

// Many tables of properties call these: each is compiled once and not into its callers.

#[inline(never)]
pub(super) fn set_number(object: &Object, name: &str, value: f64) {
    set(object, name, &JsValue::from_f64(value));
}

#[inline(never)]
pub(super) fn set_flag(object: &Object, name: &str, value: bool) {
    set(object, name, &JsValue::from_bool(value));
}

#[inline(never)]
pub(super) fn set_text(object: &Object, name: &str, value: &str) {
    set(object, name, &JsValue::from_str(value));
}

/// A number, or null.
pub(super) fn set_maybe_number(object: &Object, name: &str, value: Option<f64>) {
    set(
        object,
        name,
        &value.map_or(JsValue::NULL, JsValue::from_f64),
    );
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

    /// The same; the name of what is not valid goes to `wrong`. Who reads many properties asks once at their end:
    /// a way out of the middle of a half read object is larger than the reading.
    #[inline(never)]
    pub(super) fn maybe_or<T: FromJs>(
        &self,
        name: &'static str,
        wrong: &mut Option<&'static str>,
    ) -> Option<T> {
        let value = self.any(name)?;
        let read = T::from_js(value);
        if read.is_none() {
            *wrong = Some(name);
        }
        read
    }

    #[inline(never)]
    pub(super) fn need_or<T: FromJs + Default>(
        &self,
        name: &'static str,
        wrong: &mut Option<&'static str>,
    ) -> T {
        self.maybe_or(name, wrong).unwrap_or_else(|| {
            *wrong = Some(name);
            T::default()
        })
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

/// How the entries of a column are held.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    U8,
    I32,
    U32,
    U64,
    F64,
}

impl Kind {
    const fn width(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I32 | Self::U32 => 4,
            Self::U64 | Self::F64 => 8,
        }
    }
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

    fn column(&self, kind: Kind, bytes: &[u8]) -> JsValue {
        let array = Uint8Array::from(bytes);
        let buffer = array.buffer();
        self.transfer.push(&buffer);
        match kind {
            Kind::U8 => array.into(),
            Kind::I32 => Int32Array::new(&buffer).into(),
            Kind::U32 => Uint32Array::new(&buffer).into(),
            Kind::U64 => BigUint64Array::new(&buffer).into(),
            Kind::F64 => Float64Array::new(&buffer).into(),
        }
    }

    /// Bytes that move to the page.
    pub(super) fn bytes(&self, bytes: &[u8]) -> JsValue {
        self.column(Kind::U8, bytes)
    }

    pub(super) fn finish(self) -> Array {
        self.texts
    }
}

/// Parallel columns while they are filled, row by row.
pub(super) struct Rows<'a, 'b> {
    columns: &'a mut Columns<'b>,
    kinds: &'static [(&'static str, Kind)],
    /// By column.
    bytes: Vec<Vec<u8>>,
    /// The column whose entry comes next.
    next: usize,
}

impl<'a, 'b> Rows<'a, 'b> {
    pub(super) fn new(
        columns: &'a mut Columns<'b>,
        kinds: &'static [(&'static str, Kind)],
        rows: usize,
    ) -> Self {
        let room = |(_, kind): &(_, Kind)| Vec::with_capacity(rows * kind.width());
        Self {
            columns,
            kinds,
            bytes: kinds.iter().map(room).collect(),
            next: 0,
        }
    }

    fn entry(&mut self, bytes: &[u8]) {
        if let Some(column) = self.bytes.get_mut(self.next) {
            column.extend_from_slice(bytes);
        }
        self.next = (self.next + 1) % self.kinds.len();
    }

    /// An entry of at most 32 bits.
    #[inline(never)]
    pub(super) fn small(&mut self, bits: u32) {
        let bytes = bits.to_le_bytes();
        match self.kinds.get(self.next) {
            Some((_, Kind::U8)) => self.entry(&bytes[..1]),
            _ => self.entry(&bytes),
        }
    }

    #[inline(never)]
    pub(super) fn bits(&mut self, bits: u64) {
        self.entry(&bits.to_le_bytes());
    }

    #[inline(never)]
    pub(super) fn number(&mut self, number: f64) {
        self.bits(number.to_bits());
    }

    /// The number of a text in the answer's texts.
    #[inline(never)]
    pub(super) fn text(&mut self, text: &str) {
        let number = self.columns.text(text);
        self.small(number);
    }

    pub(super) fn finish(self) -> Object {
        let out = Object::new();
        for ((name, kind), bytes) in self.kinds.iter().zip(&self.bytes) {
            set(&out, name, &self.columns.column(*kind, bytes));
        }
        out
    }
}
