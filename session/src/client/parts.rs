//! Messages of the relay that come in parts, put together again.

use decode_core::wire::{RESUME_PARTITIONS_MAX, control};

use crate::control::{RelayMessage, RelayPart};

/// The parts that came of a message that is awaited.
#[derive(Debug, Default)]
pub(super) struct Parts {
    count: u64,
    whole: RelayPart,
}

impl Parts {
    /// Takes a part; `false` where it does not belong to those before it, or they are more than there can be.
    pub(super) fn add(&mut self, part: RelayPart) -> bool {
        let whole = &mut self.whole;
        if self.count == 0 {
            whole.of = part.of;
        } else if whole.of != part.of {
            return false;
        }
        self.count += 1;
        whole.partitions.extend(part.partitions);
        whole.heads.extend(part.heads);
        whole.positions.extend(part.positions);
        let last_offsets = part.last_offsets_by_partition;
        whole.last_offsets_by_partition.extend(last_offsets);
        whole.blocked.extend(part.blocked);
        let most = [
            whole.partitions.len(),
            whole.heads.len(),
            whole.positions.len(),
            whole.last_offsets_by_partition.len(),
            whole.blocked.len(),
        ];
        most.iter().all(|&count| count <= RESUME_PARTITIONS_MAX)
    }

    /// Adds to a message what went before it; `false` where that is not all.
    pub(super) fn complete(&mut self, message: &mut RelayMessage) -> bool {
        let (of, parts) = if let RelayMessage::Welcome(welcome) = message {
            (control::WELCOME, welcome.parts)
        } else if let RelayMessage::Resumed { parts, .. } = message {
            (control::RESUMED, *parts)
        } else if let RelayMessage::ReplayComplete { parts, .. } = message {
            (control::REPLAY_COMPLETE, *parts)
        } else {
            // Whatever comes in between.
            return true;
        };
        let Self { count, whole } = core::mem::take(self);
        let expected = if parts == 0 { "" } else { of };
        if (count, whole.of.as_str()) != (parts, expected) {
            return false;
        }
        if let RelayMessage::Welcome(welcome) = message {
            welcome.partitions.extend(whole.partitions);
        } else if let RelayMessage::Resumed {
            heads, positions, ..
        } = message
        {
            heads.extend(whole.heads);
            positions.extend(whole.positions);
        } else if let RelayMessage::ReplayComplete {
            last_offsets_by_partition,
            blocked,
            ..
        } = message
        {
            let last_offsets = whole.last_offsets_by_partition;
            last_offsets_by_partition.extend(last_offsets);
            blocked.extend(whole.blocked);
        }
        true
    }
}
