//! The capture that is open in place of the relay.

use js_sys::Object;

use super::Panel;
use crate::worker::engine::Engine;
use crate::worker::file::OpenFile;
use crate::worker::js::{Columns, Fields};

pub(super) struct File;

asked! {
    /// The file has no questions of its own.
    FileQuery {}
}

object! {
    /// The open file; without a name where none is open.
    FileView as fill(file: Option<&OpenFile>) {
        /// Its name.
        name: Text = file.map_or("", |file| &file.name),
        /// "capture", "dashflow", "delimited", "dlq", "kcat" or "payload"; empty where it could not be told.
        format: Text = file.map_or("", OpenFile::format),
        /// Its length.
        bytes: Number = file.map_or(0.0, |file| file.bytes),
        /// How much of it was read.
        readBytes: Number = file.map_or(0.0, OpenFile::read_bytes),
        /// "reading", "done", "stopped" or "failed".
        state: Text as "\"reading\" | \"done\" | \"stopped\" | \"failed\"" = file.map_or("done", |file| file.shown().code()),
        /// Why it could not be read to its end, or what is to be said of it; else empty.
        word: Text = file.map_or("", |file| &file.word),
        /// Payloads that are too long, cut or unreadable, and are no rows.
        unusable: Number = file.map_or(0.0, |file| file.framer.unusable() as f64),
        /// JSON text that its writer put in front, or empty.
        metadata: Text = file.map_or("", OpenFile::metadata),
    }
}

impl Panel for File {
    type Query = FileQuery;

    fn read(fields: &Fields) -> Result<FileQuery, String> {
        FileQuery::read(fields)
    }

    fn version(_: &FileQuery, engine: &Engine, _: u64) -> f64 {
        match &engine.file {
            // Records of the relay do not change it.
            None => 1.0,
            Some(_) => engine.revision as f64 + 1.0,
        }
    }

    fn answer(_: &FileQuery, engine: &mut Engine, _: u64, _: &mut Columns<'_>, out: &Object) {
        fill(out, engine.file.as_ref());
    }
}
