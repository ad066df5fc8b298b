//! The captures that the page opens or is served: made once, kept under the target directory.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use dashstream_e2e::place;
use dashstream_simulator::partition_of;
use decode_core::{capture::CaptureWriter, frame::FrameWriter};

use super::runs::{self, Record, Runs};

/// A capture and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) file: PathBuf,
    pub(super) records: u64,
    /// Of their frames, as they come over the wire.
    pub(super) wire_bytes: u64,
}

/// Records of many runs.
pub(super) fn of_runs(records: u64) -> Capture {
    let name = format!("runs-{records}");
    let count = usize::try_from(records).expect("they are made one by one");
    provide(&name, &mut Runs::new(SEED).take(count))
}

/// One run of so many spans.
pub(super) fn of_one_run(spans: usize) -> Capture {
    let name = format!("one-run-{spans}");
    provide(&name, &mut runs::long(spans).into_iter())
}

fn provide(name: &str, records: &mut dyn Iterator<Item = Record>) -> Capture {
    let folder = place::target().join("bench/web");
    fs::create_dir_all(&folder).expect("the target directory can be written");
    let file = folder.join(format!("{name}.dscap"));
    let facts = folder.join(format!("{name}.facts"));
    if let Some(capture) = known(&file, &facts) {
        return capture;
    }
    eprintln!("making {}", file.display());
    let mut out = BufWriter::new(File::create(&file).expect("room for a capture"));
    let metadata = r#"{"writer":"bench","topic":"bench","mode":"strict"}"#;
    let mut writer = CaptureWriter::new(metadata).expect("short metadata");
    let mut partitions: Vec<_> = (0..PARTITIONS).map(|it| FrameWriter::new(it, 0)).collect();
    let (mut frames, mut bytes) = (Vec::new(), Vec::new());
    let (mut count, mut wire_bytes) = (0, 0);
    for record in records {
        let partition = partition_of(record.thread.as_bytes(), PARTITIONS) as usize;
        let to = &mut partitions[partition];
        to.record(
            &mut frames,
            to.position(),
            record.time_us / 1_000,
            &record.value,
        );
        wire_bytes += frames.len() as u64;
        writer.frames(&frames).expect("frames of our own");
        frames.clear();
        count += 1;
        if count % 1_000 == 0 {
            writer.take(&mut bytes);
            out.write_all(&bytes).expect("room for a capture");
            bytes.clear();
        }
    }
    let rest = writer.finish().expect("few enough blocks");
    out.write_all(&rest).expect("room for a capture");
    out.flush().expect("room for a capture");
    // Last, so that it stands for a whole file.
    fs::write(&facts, format!("{VERSION} {count} {wire_bytes}")).expect("room for a line");
    known(&file, &facts).expect("it was written just before")
}

fn known(file: &Path, facts: &Path) -> Option<Capture> {
    let text = fs::read_to_string(facts).ok()?;
    let mut numbers = text.split(' ').map(str::parse);
    let mut number = || numbers.next()?.ok();
    if number()? != VERSION || !file.exists() {
        return None;
    }
    Some(Capture {
        file: file.to_owned(),
        records: number()?,
        wire_bytes: number()?,
    })
}

const PARTITIONS: u32 = 4;
const SEED: u64 = 11;
/// Rises when the same name stands for other records.
const VERSION: u64 = 1;
