//! The operations of a diff: RFC 6902 exactly, all of them or none.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use dashstream_proto::v1::DiffOperation;
use dashstream_proto::v1::diff_operation::{OpType, ValueEncoding};

use super::fault::Fault;
use super::pointer::{index, tokens};
use super::value::Value;
use super::{
    OPERATIONS_MAX, PREVIEW_CHARS_MAX, STATE_BYTES_MAX, STATE_DEPTH_MAX, STATE_VALUES_MAX,
};

/// An operation that failed. The state is what it was before the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchError {
    /// Which operation, counted from 0.
    pub index: usize,
    /// Its number as sent.
    pub op: i32,
    /// Its path, cut to [`PREVIEW_CHARS_MAX`].
    pub path: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.fault.code();
        write!(f, "{code}: operation {} ", self.index)?;
        match OpType::try_from(self.op) {
            Ok(op) => write!(f, "({})", op.as_str_name())?,
            Err(_) => write!(f, "(number {})", self.op)?,
        }
        write!(f, " at {:?}", self.path)?;
        match self.fault {
            Fault::Encoding(number) => match ValueEncoding::try_from(number) {
                Ok(encoding) => write!(f, ": {}", encoding.as_str_name()),
                Err(_) => write!(f, ": encoding {number}"),
            },
            Fault::Json(error) => write!(f, ": {error}"),
            Fault::Operation(_)
            | Fault::Pointer
            | Fault::PointerTooLong
            | Fault::Missing
            | Fault::Index
            | Fault::Test
            | Fault::IntoItself
            | Fault::Root
            | Fault::TooManyOperations
            | Fault::TooLarge => Ok(()),
        }
    }
}

impl core::error::Error for PatchError {}

impl Value {
    /// Applies the operations in order. On an error nothing is changed.
    ///
    /// # Errors
    /// The first operation that cannot be applied, and why.
    pub fn apply(&mut self, operations: &[DiffOperation]) -> Result<(), PatchError> {
        // A clone shares everything, so that throwing it away costs what was changed.
        let mut next = self.clone();
        for (index, operation) in operations.iter().enumerate() {
            let applied = if index < OPERATIONS_MAX {
                next.operation(operation)
            } else {
                Err(Fault::TooManyOperations)
            };
            applied.map_err(|fault| PatchError {
                index,
                op: operation.op,
                path: operation.path.chars().take(PREVIEW_CHARS_MAX).collect(),
                fault,
            })?;
        }
        *self = next;
        Ok(())
    }

    fn operation(&mut self, operation: &DiffOperation) -> Result<(), Fault> {
        let Ok(op) = OpType::try_from(operation.op) else {
            return Err(Fault::Operation(operation.op));
        };
        let path = &operation.path;
        match op {
            OpType::Add => self.add(path, value_of(operation)?)?,
            OpType::Remove => drop(self.take(path)?),
            OpType::Replace => {
                let value = value_of(operation)?;
                self.at_mut(path, |target| *target = value)?;
            }
            OpType::Move => {
                let from = &operation.from;
                if from == path {
                    self.at(from)?;
                    return Ok(());
                }
                let inside = path.strip_prefix(from.as_str());
                if inside.is_some_and(|rest| rest.starts_with('/')) {
                    return Err(Fault::IntoItself);
                }
                let value = self.take(from)?;
                self.add(path, value)?;
            }
            OpType::Copy => {
                let value = self.at(&operation.from)?.clone();
                self.add(path, value)?;
            }
            OpType::Test => {
                let expected = value_of(operation)?;
                if !self.at(path)?.same(&expected) {
                    return Err(Fault::Test);
                }
            }
        }
        self.within_limits()
    }

    /// After one operation, so that copies of copies cannot outgrow the limits unseen.
    fn within_limits(&self) -> Result<(), Fault> {
        let size = self.size();
        let large = size.bytes > STATE_BYTES_MAX || size.values > STATE_VALUES_MAX;
        let deep = size.depth > STATE_DEPTH_MAX && self.depth() > STATE_DEPTH_MAX;
        if large || deep {
            return Err(Fault::TooLarge);
        }
        Ok(())
    }

    /// The value at a pointer.
    fn at(&self, pointer: &str) -> Result<&Self, Fault> {
        let mut here = self;
        for token in tokens(pointer)? {
            here = match here {
                Self::Array(array) => {
                    let at = index(&token).ok_or(Fault::Index)?;
                    array.items().get(at).ok_or(Fault::Index)?
                }
                Self::Object(object) => object.members().get(&*token).ok_or(Fault::Missing)?,
                Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => {
                    return Err(Fault::Missing);
                }
            };
        }
        Ok(here)
    }

    /// Changes the value at a pointer.
    fn at_mut<R>(&mut self, pointer: &str, edit: impl FnOnce(&mut Self) -> R) -> Result<R, Fault> {
        // First to see whether it is there: a miss must not copy what is shared.
        self.at(pointer)?;
        let path: Vec<_> = tokens(pointer)?.collect();
        self.descend(&path, edit)
    }

    fn descend<R>(
        &mut self,
        path: &[Cow<'_, str>],
        edit: impl FnOnce(&mut Self) -> R,
    ) -> Result<R, Fault> {
        let Some((token, rest)) = path.split_first() else {
            return Ok(edit(self));
        };
        match self {
            Self::Array(array) => {
                let at = index(token).ok_or(Fault::Index)?;
                let inner = Arc::make_mut(array).edit(at, |value| value.descend(rest, edit));
                inner.ok_or(Fault::Index)?
            }
            Self::Object(object) => {
                let inner = Arc::make_mut(object).edit(token, |value| value.descend(rest, edit));
                inner.ok_or(Fault::Missing)?
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => Err(Fault::Missing),
        }
    }

    fn add(&mut self, pointer: &str, value: Self) -> Result<(), Fault> {
        let Some((parent, last)) = parent_and_last(pointer)? else {
            *self = value;
            return Ok(());
        };
        self.at_mut(parent, |target| match target {
            Self::Array(array) => {
                let len = array.items().len();
                let at = if last == "-" { Some(len) } else { index(&last) };
                let at = at.filter(|at| *at <= len).ok_or(Fault::Index)?;
                Arc::make_mut(array).insert(at, value);
                Ok(())
            }
            Self::Object(object) => {
                Arc::make_mut(object).set(&last, value);
                Ok(())
            }
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => Err(Fault::Missing),
        })?
    }

    fn take(&mut self, pointer: &str) -> Result<Self, Fault> {
        self.at(pointer)?;
        let Some((parent, last)) = parent_and_last(pointer)? else {
            return Err(Fault::Root);
        };
        self.at_mut(parent, |target| match target {
            Self::Array(array) => {
                let at = index(&last).ok_or(Fault::Index)?;
                Arc::make_mut(array).remove(at).ok_or(Fault::Index)
            }
            Self::Object(object) => Arc::make_mut(object).remove(&last).ok_or(Fault::Missing),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => Err(Fault::Missing),
        })?
    }
}

/// The pointer of what holds the value, and the value's own token; nothing for the document.
fn parent_and_last(pointer: &str) -> Result<Option<(&str, Cow<'_, str>)>, Fault> {
    let last = tokens(pointer)?.last();
    let parent = pointer.rsplit_once('/').map(|(parent, _)| parent);
    Ok(parent.zip(last))
}

/// The value an operation carries. An empty one is `null`: that is how the library reads it.
fn value_of(operation: &DiffOperation) -> Result<Value, Fault> {
    if operation.encoding != ValueEncoding::Json as i32 {
        return Err(Fault::Encoding(operation.encoding));
    }
    if operation.value.is_empty() {
        return Ok(Value::Null);
    }
    Value::parse(&operation.value).map_err(Fault::Json)
}
