//! What is taken away whole, by copy or download: more than an answer for the screen holds.

use run_model::BytesOf;

use super::engine::Engine;
use super::js::{Columns, Outgoing, index, set};

choices! {
    /// What to take of a record: its message as it is shown, its canonical text, one value of it, its bytes on
    /// Kafka, its protobuf.
    TakeWhat {
        Json = "json", Canonical = "canonical", Value = "value", Kafka = "kafka", Decoded = "decoded"
    }
}

asked! {
    /// Takes something of a record; answered by one `taken`.
    TakeMessage {
        /// Comes back with the answer.
        id = "id": Number,
        /// Row id.
        row = "row": Number,
        /// Of a batch the whole record, not the row's event alone.
        whole = "whole": Flag,
        /// What.
        what = "what": TakeWhat,
        /// Id of the value, where one is wanted.
        value = "value": MaybeNumber,
    }
}

impl TakeMessage {
    /// The answer; without bytes where the record is no longer held.
    pub(super) fn answer(&self, engine: &mut Engine) -> Outgoing {
        let out = Outgoing::new("taken");
        let columns = Columns::new(&out);
        set(&out.message, "id", &self.id.into());
        if let Some(bytes) = self.bytes(engine) {
            set(&out.message, "bytes", &columns.bytes(&bytes));
        }
        out
    }

    fn bytes(&self, engine: &mut Engine) -> Option<Vec<u8>> {
        let opened = engine.store.open(index(self.row) as u64, self.whole)?;
        Some(match self.what {
            TakeWhat::Json => opened.tree()?.whole().into_bytes(),
            TakeWhat::Canonical => opened.canonical().into_bytes(),
            TakeWhat::Value => opened.tree()?.value(index(self.value?) as u32).into_bytes(),
            TakeWhat::Kafka => opened.bytes(BytesOf::Kafka).to_vec(),
            TakeWhat::Decoded => opened.bytes(BytesOf::Decoded).to_vec(),
        })
    }
}
