//! What the event list shows, saved as a capture file: made piece by piece, each when the page asks for it, so that
//! neither side holds it whole.

use run_model::{Saved, Saving};

use super::engine::Engine;
use super::js::{Columns, Fields, Outgoing, index, set};
use super::panels::EventsQuery;

/// Begins to save what the event list shows; answered by one `saved`.
pub(super) struct SaveMessage {
    id: f64,
    list: EventsQuery,
    metadata_bytes: f64,
}

asked! {
    /// Asks for the next piece of the file; answered by one `saved`.
    SaveOnMessage {
        /// Comes back with the answer.
        id = "id": Number,
        /// Once all pieces are there: the metadata, for the piece that stands before all others. Else empty.
        metadata = "metadata": Text,
    }
}

object! {
    /// How much was saved, and what was not.
    SavedCounts as fill(saved: &Saved, over: bool) {
        /// Whether all pieces but the first are there.
        over: Flag = over,
        /// Rows in the file.
        rows: Number = saved.rows as f64,
        /// Records, gaps and rejects in it.
        frames: Number = saved.frames as f64,
        /// Matching rows that could not be saved, because their bytes are no longer held.
        lost: Number = saved.lost as f64,
        /// Rows that were no longer held when they were looked at, whatever they were.
        evicted: Number = saved.evicted as f64,
    }
}

impl SaveMessage {
    pub(super) fn read(message: &Fields) -> Result<Self, String> {
        Ok(Self {
            id: message.need("id")?,
            list: EventsQuery::read(&message.need("list")?)?,
            metadata_bytes: message.need("metadataBytes")?,
        })
    }

    pub(super) fn answer(&self, engine: &mut Engine) -> Outgoing {
        let (filter, frozen_at) = (self.list.filter(), self.list.frozen_at());
        let metadata_bytes = index(self.metadata_bytes);
        engine.saving = engine.store.save(&filter, frozen_at, metadata_bytes);
        piece(self.id, engine)
    }
}

impl SaveOnMessage {
    pub(super) fn answer(&self, engine: &mut Engine) -> Outgoing {
        if self.metadata.is_empty() {
            return piece(self.id, engine);
        }
        let saving = engine.saving.take();
        saved(self.id, saving.as_ref(), &Saving::head(&self.metadata))
    }
}

/// The next piece; without bytes where what was to be saved is gone.
fn piece(id: f64, engine: &mut Engine) -> Outgoing {
    let Engine { saving, store, .. } = engine;
    let piece = saving.as_mut().map(|saving| store.save_on(saving));
    saved(id, saving.as_ref(), &piece.unwrap_or_default())
}

fn saved(id: f64, saving: Option<&Saving>, bytes: &[u8]) -> Outgoing {
    let out = Outgoing::new("saved");
    set(&out.message, "id", &id.into());
    if let Some(saving) = saving {
        let columns = Columns::new(&out);
        set(&out.message, "bytes", &columns.bytes(bytes));
        fill(&out.message, &saving.saved(), saving.is_over());
    }
    out
}
