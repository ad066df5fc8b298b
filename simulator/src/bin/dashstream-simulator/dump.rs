//! Records into a file instead of Kafka, or beside it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use dashstream_simulator::capture::{self, CapturedRecord};

use crate::error::Error;
use crate::source::Outgoing;

pub(crate) struct DumpFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl DumpFile {
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        match File::create(path) {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                file: BufWriter::new(file),
            }),
            Err(source) => Err(Error::File {
                path: path.to_owned(),
                source,
            }),
        }
    }

    pub(crate) fn write(&mut self, record: &Outgoing, offset: u64) -> Result<(), Error> {
        let captured = CapturedRecord {
            partition: record.partition,
            offset,
            timestamp_ms: record.timestamp_ms.unwrap_or(0),
            key: record.key.clone(),
            value: record.value.clone(),
        };
        let result = capture::write(&mut self.file, &captured);
        result.map_err(|source| Error::File {
            path: self.path.clone(),
            source,
        })
    }

    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let result = self.file.flush();
        result.map_err(|source| Error::File {
            path: self.path,
            source,
        })
    }
}
