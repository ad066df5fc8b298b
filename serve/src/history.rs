//! What lies behind memory, as sessions ask for it: the trait that a tier implements, and a tier that has
//! nothing.
//!
//! A tier holds records, or canonical frames of one record each, and builds or [parses] a segment for a
//! question: how one relay happened to read a partition must not show in what another relay serves from the
//! same tier. What a tier answers is checked by the session that asked.
//!
//! [parses]: session::Segment::parse

mod shared;

use std::{future::Future, pin::Pin};

use session::{Answer, Fetch};

pub use shared::SharedReads;

/// An answer on its way. It owns what it needs, so that who asked may go away.
pub type Reading = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The first position that a tier can serve of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Partition.
    pub partition: u32,
    /// Which log of the partition the position belongs to.
    pub incarnation: u64,
    /// The position; `None` where the tier has nothing of it any more.
    pub position: Option<u64>,
}

/// Something that can be read further back than memory.
pub trait History: Send + Sync + 'static {
    /// How far back it reaches, for each partition that it knows. Asked whenever a client connects, so it
    /// answers from what it knows and waits for nothing.
    fn floors(&self) -> Vec<Floor>;

    /// Reads what was asked for. It ends in bounded time and memory, whatever is behind it; dropping it
    /// cancels it.
    fn read(&self, fetch: Fetch) -> Reading;
}

/// Nothing lies behind memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHistory;

impl History for NoHistory {
    fn floors(&self) -> Vec<Floor> {
        Vec::new()
    }

    fn read(&self, _: Fetch) -> Reading {
        Box::pin(std::future::ready(Answer::Failed))
    }
}
