//! The message of the open record, as a tree.

use js_sys::Object;
use run_model::{TreePage, TreeQuery, TreeRow};

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::js::{Columns, Fields, index};

pub(super) struct Message;

asked! {
    /// Lines of the message of a row.
    MessageQuery {
        /// Row id.
        row = "row": Number,
        /// Of a batch the whole record, not the row's event alone.
        whole = "whole": Flag,
        /// First line wanted.
        first = "first": Number,
        /// How many.
        count = "count": Number,
        /// Ids of containers that are not as they are at first: closed, or open.
        toggled = "toggled": Numbers,
        /// Text to look for in keys and values; empty looks for nothing.
        search = "search": Text,
        /// Which hit is wanted, from 0, or null.
        hit = "hit": MaybeNumber,
        /// Id of the value whose pointer is wanted, or null.
        chosen = "chosen": MaybeNumber,
    }
}

columns! {
    /// Parallel columns, one entry a line.
    MessageLines as fill_lines(_engine: &Engine, line => TreeRow) {
        /// What the value is known by.
        id: ColumnU32 = line.id,
        /// Containers around it.
        depth: ColumnU32 = line.depth,
        /// Key or index, as it stands in the text, cut.
        key: ColumnText = &line.key,
        /// "object", "array", "text", "number" or "word".
        kind: ColumnText = line.kind.code(),
        /// The value as it stands in the text, cut; of a container nothing.
        text: ColumnText = &line.text,
        /// Bytes of the value in the text.
        bytes: ColumnU32 = line.bytes,
        /// Members of a container, or -1 where they were not counted.
        members: ColumnF64 = line.members.map_or(-1.0, f64::from),
        /// 1 where its members can be shown.
        canOpen: ColumnU8 = line.can_open,
        /// 1 where they are.
        isOpen: ColumnU8 = line.is_open,
        /// What the field really holds, or empty: "json", "text", "compressed", "uuid", "hash", "binary", "time_us",
        /// "duration_us", "duration_ms".
        note: ColumnText = line.note.map_or("", |note| note.kind.code()),
        /// Its bytes, or its time.
        noteValue: ColumnF64 = line.note.map_or(0.0, |note| note.value as f64),
    }
}

object! {
    /// A window of the message.
    MessageView as fill(lines: &Object, page: &TreePage, pointer: &str) {
        /// A line each.
        lines: Any as "MessageLines" = lines,
        /// Lines there are.
        total: Number = page.total as f64,
        /// Places where the text was found; the count ends at 10,000.
        hits: Number = page.hits as f64,
        /// Line of the wanted hit, or -1.
        foundLine: Number = page.found.map_or(-1.0, |(_, line)| line as f64),
        /// Id of the value it is in, or -1.
        found: Number = page.found.map_or(-1.0, |(id, _)| f64::from(id)),
        /// Whether a list on the screen has more members than are shown.
        cut: Flag = page.is_cut,
        /// JSON Pointer of the chosen value.
        pointer: Text = pointer,
    }
}

impl Panel for Message {
    type Query = MessageQuery;

    fn read(fields: &Fields) -> Result<MessageQuery, String> {
        MessageQuery::read(fields)
    }

    /// A message never changes.
    fn version(_: &MessageQuery, _: &Engine, _: u64) -> f64 {
        1.0
    }

    fn answer(
        query: &MessageQuery,
        engine: &mut Engine,
        _: u64,
        columns: &mut Columns<'_>,
        out: &Object,
    ) {
        let wanted = TreeQuery {
            first: index(query.first),
            count: index(query.count),
            toggled: query.toggled.iter().map(|id| index(*id) as u32).collect(),
            search: query.search.clone(),
            hit: query.hit.map(index),
        };
        let opened = engine.store.open(index(query.row) as u64, query.whole);
        let (page, pointer) = match opened.and_then(|opened| opened.tree()) {
            Some(tree) => {
                let chosen = query.chosen.map(|id| tree.pointer(index(id) as u32));
                (tree.page(&wanted), chosen.unwrap_or_default())
            }
            None => Default::default(),
        };
        let lines = fill_lines(columns, engine, &page.rows);
        fill(out, &lines, &page, &pointer);
    }
}
