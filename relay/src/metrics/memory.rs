//! Where the memory is: every part that grows with what producers, clients and brokers send has a name, and what has
//! none is shown as well.

use dashstream_counters::labels;

use super::{row::Emit, sources::Sources};
use crate::heap;

labels! {
    /// Parts of the memory.
    pub enum MemoryPart {
        /// The log, with its index.
        Log = "log",
        /// Answers of brokers, packed as they are in Kafka.
        Fetched = "fetched",
        /// What batches are unpacked to, and what unpacking takes.
        Unpacked = "unpacked",
        /// Series of sequence numbers.
        Sequence = "sequence",
        /// Dead letters on their way.
        Letters = "letters",
        /// What is being sent to clients and is in the log no more, or was copied for those that take long.
        Clients = "clients",
        /// Everything else that is in use: the program itself, its connections and tasks.
        Program = "program",
        /// What the allocator keeps for later, and stacks.
        Free = "free",
    }
}

/// One value for each part. Where the system tells how much memory the process has, they add up to it.
pub(super) fn parts(sources: &Sources, emit: Emit<'_>) {
    let held = sources.kafka.held();
    let letters = sources.dlq.as_ref();
    let named = [
        (MemoryPart::Log, sources.hub.log().bytes() as u64),
        (MemoryPart::Fetched, held.fetched as u64),
        (MemoryPart::Unpacked, held.unpacked as u64),
        (
            MemoryPart::Sequence,
            sources.counts.ingest.sequences.bytes.get(),
        ),
        (
            MemoryPart::Letters,
            letters.map_or(0, |letters| letters.memory_bytes() as u64),
        ),
        (
            MemoryPart::Clients,
            sources.hub.log().bytes_held_elsewhere() as u64
                + sources.counts.clients.copied_bytes.get(),
        ),
    ];
    let sum: u64 = named.iter().map(|(_, bytes)| bytes).sum();
    for (part, bytes) in named {
        emit(bytes as f64, &[part.text()]);
    }
    let in_use = heap::in_use().unwrap_or(sum);
    let program = in_use.saturating_sub(sum);
    emit(program as f64, &[MemoryPart::Program.text()]);
    let resident = heap::resident().unwrap_or(in_use);
    let free = resident.saturating_sub(in_use);
    emit(free as f64, &[MemoryPart::Free.text()]);
}
