//! Every name the page shows for a number.

use decode_core::proto::schema;
use decode_core::wire::{GapCause, RejectCode, SCHEMA_VERSION};
use js_sys::{Array, JsString, Object};
use run_model::RowKind;

use crate::worker::set;

/// `Names` of messages.ts.
pub(crate) fn names() -> Object {
    let short = |name: &'static str| name.strip_prefix("EVENT_TYPE_").unwrap_or(name);
    let row_kinds: Array = RowKind::ALL
        .iter()
        .map(|kind| JsString::from(kind.name()))
        .collect();
    let event_types = Object::new();
    for &(number, name) in schema::EVENT_TYPE.values {
        set_number(&event_types, number.into(), short(name));
    }
    let reject_codes = Object::new();
    for code in RejectCode::ALL {
        set_number(&reject_codes, code.number().into(), code.code());
    }
    let gap_causes = Object::new();
    for cause in GapCause::ALL {
        set_number(&gap_causes, cause.number().into(), cause.code());
    }
    let names = Object::new();
    set(&names, "rowKinds", &row_kinds);
    set(&names, "eventTypes", &event_types);
    set(&names, "rejectCodes", &reject_codes);
    set(&names, "gapCauses", &gap_causes);
    set(&names, "schemaVersion", &SCHEMA_VERSION.into());
    names
}

/// Keys are text, as all names of properties are.
fn set_number(object: &Object, number: i64, name: &str) {
    set(object, &number.to_string(), &name.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_kind_names_stand_at_their_numbers() {
        for (index, kind) in RowKind::ALL.iter().enumerate() {
            assert_eq!(usize::from(kind.number()), index, "{}", kind.name());
        }
    }
}
