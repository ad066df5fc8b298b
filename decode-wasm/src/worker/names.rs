//! Every name the page shows for a number.

use dashstream_proto::schema;
use decode_core::wire::{GapCause, RejectCode, SCHEMA_VERSION};
use js_sys::{Array, JsString, Object};
use run_model::RowKind;

use super::js::set;

object! {
    /// Every name the page shows for a number, from the core.
    Names as fill(row_kinds: &Array, event_types: &Object, reject_codes: &Object, gap_causes: &Object) {
        /// Index = value of the column `kind`: "event", "state_diff", ..., "gap", "reject".
        rowKinds: Any as "readonly string[]" = row_kinds,
        /// Event type number to name such as "NODE_START".
        eventTypes: Any as "Readonly<Record<number, string>>" = event_types,
        /// Reject code number to name.
        rejectCodes: Any as "Readonly<Record<number, string>>" = reject_codes,
        /// Gap cause number to name.
        gapCauses: Any as "Readonly<Record<number, string>>" = gap_causes,
        /// The newest schema version this build applies.
        schemaVersion: Number = f64::from(SCHEMA_VERSION),
    }
}

pub(super) fn names() -> Object {
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
    fill(&names, &row_kinds, &event_types, &reject_codes, &gap_causes);
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
