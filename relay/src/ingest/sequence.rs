//! Sequence numbers: what they say about lost, repeated and misplaced messages.
//!
//! A producer's number belongs to one of several counters that share a thread: that of the graph
//! callback, that of each run of a streaming node, and that of the producer itself. Only the first
//! and the last can be told apart from the outside; the others are counted as unchecked, because
//! comparing them would raise an alarm for every healthy stream (see [`class`]).
//!
//! The tracker is a pure machine. It holds a digest of each series and not its name, so that its
//! memory does not depend on what producers call their threads.

mod check;
mod class;
mod key;
mod table;
mod tracker;

pub(super) use check::{Halt, Notes, Run, Sequences};

#[cfg(test)]
mod tests;
