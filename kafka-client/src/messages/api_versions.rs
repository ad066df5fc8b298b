//! What a broker speaks.

use kafka_wire::{Malformed, Reader, Writer};

use super::Call;
use crate::versions::{Api, Versions};

#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiVersions;

/// The code by which a broker says that it does not know this version of the question.
pub(crate) const UNSUPPORTED_VERSION: i16 = 35;

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub code: i16,
    pub versions: Versions,
}

impl Call for ApiVersions {
    type Answer = Answer;
    const API: Api = Api::Versions;

    fn write(&self, version: i16, to: &mut Writer) {
        if version >= 3 {
            to.compact_string("dashstream");
            to.compact_string(env!("CARGO_PKG_VERSION"));
            to.no_tagged();
        }
    }

    fn read(version: i16, from: &mut Reader) -> Result<Answer, Malformed> {
        let code = from.i16()?;
        if code == UNSUPPORTED_VERSION {
            // In which encoding the rest is written depends on the broker. It is asked again.
            return Ok(Answer {
                code,
                versions: Versions::default(),
            });
        }
        let is_compact = version >= 3;
        let entry = |from: &mut Reader| {
            let entry = (from.i16()?, from.i16()?, from.i16()?);
            if is_compact {
                from.skip_tagged()?;
            }
            Ok(entry)
        };
        let entries = if is_compact {
            from.compact_array(entry)?
        } else {
            from.array(entry)?
        };
        Ok(Answer {
            code,
            versions: Versions::new(entries),
        })
    }
}
