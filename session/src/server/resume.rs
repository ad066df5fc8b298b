//! The `resume` of a connection, put together from its parts.

use alloc::format;
use alloc::string::ToString as _;

use decode_core::wire::{ErrorCode, RESUME_PARTITIONS_MAX, UNLISTED_PARTITIONS_MAX};

use crate::control::{ControlError, Cursors, Partition, Resume};
use crate::log::TailLog;

/// Parts that came and the `resume` that is awaited. Where one of them is refused, all are forgotten.
#[derive(Debug, Default)]
pub(super) struct Parts {
    count: u64,
    cursors: Cursors,
}

impl Parts {
    /// Takes a part. The partitions that it names are known, so that what is kept of parts is bounded by what
    /// the log has.
    pub(super) fn add(&mut self, part: Cursors, log: &TailLog) -> Result<(), ControlError> {
        check_known(&part, log)?;
        self.count += 1;
        merge(&mut self.cursors, part)
    }

    /// The whole `resume`.
    pub(super) fn complete(
        &mut self,
        mut resume: Resume,
        log: &TailLog,
    ) -> Result<Resume, ControlError> {
        let parts = core::mem::take(self);
        if parts.count != resume.parts {
            let text = format!(
                "got {} parts of the resume, expected {}",
                parts.count, resume.parts
            );
            return Err(ControlError::new(ErrorCode::OutOfOrder, text));
        }
        check_known(&resume.cursors, log)?;
        let last = core::mem::replace(&mut resume.cursors, parts.cursors);
        merge(&mut resume.cursors, last)?;
        Ok(resume)
    }
}

fn check_known(cursors: &Cursors, log: &TailLog) -> Result<(), ControlError> {
    let unknown = |p: &&Partition| log.partition(p.0).is_none();
    let unknown = cursors.positions.keys().filter(unknown);
    let mut error = ControlError::new(ErrorCode::InvalidPartition, "");
    for partition in unknown {
        error.partition(&partition.0.to_string());
    }
    if error.invalid_counts.0 == 0 {
        return Ok(());
    }
    error.message = format!("{} unknown partitions", error.invalid_counts.0);
    Err(error)
}

fn merge(all: &mut Cursors, part: Cursors) -> Result<(), ControlError> {
    let mut twice = ControlError::new(ErrorCode::InvalidPartition, "a partition is in two parts");
    let unlisted = part.unlisted.iter().map(|(partition, _)| partition);
    for partition in part.positions.keys().chain(unlisted) {
        let known = all.unlisted.iter().any(|(known, _)| known == partition);
        if known || all.positions.contains_key(partition) {
            twice.partition(&partition.0.to_string());
        }
    }
    if twice.invalid_counts.0 > 0 {
        return Err(twice);
    }
    all.positions.extend(part.positions);
    all.unlisted.extend(part.unlisted);
    // A fingerprint is of a partition of its own part, which is in no other.
    all.fingerprints.extend(part.fingerprints);
    all.fingerprints
        .sort_unstable_by_key(|(partition, _)| *partition);
    let (most, unlisted) = (RESUME_PARTITIONS_MAX, UNLISTED_PARTITIONS_MAX);
    if all.len() > most || all.unlisted.len() > unlisted {
        let text = format!("at most {most} partitions, {unlisted} of them not listed");
        return Err(ControlError::new(ErrorCode::TooManyPartitions, text));
    }
    Ok(())
}
