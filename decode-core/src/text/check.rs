//! Whether a body is a valid message at all, replaced values included: the walk that writes text
//! sees only what counts in the end.

use dashstream_proto::schema::{FieldType, MessageDesc};

use super::TOO_DEEP;
use super::field::{Elements, fits, next_field};
use crate::error::Reject;
use crate::reader::Reader;
use crate::wire::RejectCode;

pub(super) fn check(
    desc: &'static MessageDesc,
    bytes: &[u8],
    depth_left: u32,
) -> Result<(), Reject> {
    let mut reader = Reader::new(bytes);
    while let Some(field) = next_field(&mut reader, depth_left)? {
        let Some(known) = desc
            .field(field.number)
            .filter(|known| fits(known, field.wire))
        else {
            continue;
        };
        let base = reader.at() - field.raw.len();
        match known.ty {
            FieldType::Message(inner) => {
                let below = depth_left
                    .checked_sub(1)
                    .ok_or_else(|| TOO_DEEP.shifted(base))?;
                check(inner, field.raw, below).map_err(|reject| reject.shifted(base))?;
            }
            FieldType::String => {
                core::str::from_utf8(field.raw).map_err(|error| {
                    let at = base + error.valid_up_to();
                    Reject::new(RejectCode::Utf8, at, "text is not UTF-8")
                })?;
            }
            FieldType::Bytes => {}
            _ => {
                for element in Elements::new(known, field) {
                    element.map_err(|reject| reject.shifted(base))?;
                }
            }
        }
    }
    Ok(())
}
