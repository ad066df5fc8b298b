//! Every name the page shows for a number.

use std::collections::BTreeMap;

use decode_core::proto::schema;
use decode_core::wire::{GapCause, RejectCode, SCHEMA_VERSION};
use run_model::RowKind;
use serde::Serialize;

/// `Names` of messages.ts. Keys are text because they become property names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Names {
    row_kinds: Vec<&'static str>,
    event_types: BTreeMap<String, &'static str>,
    reject_codes: BTreeMap<String, &'static str>,
    gap_causes: BTreeMap<String, &'static str>,
    schema_version: u32,
}

pub(crate) fn names() -> Names {
    let short = |name: &'static str| name.strip_prefix("EVENT_TYPE_").unwrap_or(name);
    Names {
        row_kinds: RowKind::ALL.iter().map(|kind| kind.name()).collect(),
        event_types: schema::EVENT_TYPE
            .values
            .iter()
            .map(|(n, name)| (n.to_string(), short(name)))
            .collect(),
        reject_codes: RejectCode::ALL
            .iter()
            .map(|c| (c.number().to_string(), c.code()))
            .collect(),
        gap_causes: GapCause::ALL
            .iter()
            .map(|c| (c.number().to_string(), c.code()))
            .collect(),
        schema_version: SCHEMA_VERSION,
    }
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
