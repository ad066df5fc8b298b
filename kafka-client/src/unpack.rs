//! Unpacks a batch piece by piece, so that it costs the same however well it was compressed.

mod codec;
mod snappy;
mod window;

use bytes::Bytes;

use crate::{
    batch::{Codec, Header},
    budget::{Budgets, CHUNK_BYTES, Share},
    record::{self, Found, Record, Times},
};
use window::{State, Window};

/// Records at most in one piece: they take memory too.
const CHUNK_RECORDS: usize = 16 * 1024;

/// Why the rest of a batch, or one record, cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It cannot be read.
    Damaged(String),
    /// It is larger than the memory allowed for it.
    TooLarge(String),
}

/// The next piece of a batch.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    Records(Vec<Record<'a>>),
    /// Offsets that are passed over. The batch goes on behind them.
    Lost(u64, u64, Loss),
}

/// A batch on its way.
#[derive(Debug)]
pub(crate) struct Unpacking {
    times: Times,
    /// Records not yet taken.
    left: i32,
    /// First offset wanted.
    from: u64,
    /// First offset not yet taken.
    at: u64,
    last: u64,
    records: Records,
    /// Bytes of the piece given last.
    used: usize,
    /// What unpacking takes of the budget.
    _share: Share,
    /// What a record larger than a piece takes, for as long as it is there.
    large: Option<Share>,
}

#[derive(Debug)]
enum Records {
    /// All there.
    Whole {
        bytes: Bytes,
        at: usize,
    },
    Packed(Box<Window>),
}

impl Unpacking {
    /// Begins to unpack the records of a batch from the offset `from` on; waits for the memory it takes.
    pub(crate) async fn begin(
        header: &Header,
        packed: Bytes,
        from: u64,
        budgets: &Budgets,
    ) -> Result<Self, Loss> {
        let damaged = |text: &str| Loss::Damaged(text.to_owned());
        let codec = header
            .codec()
            .ok_or_else(|| damaged("unknown compression"))?;
        let (first, last) = header
            .range()
            .ok_or_else(|| damaged("impossible offsets"))?;
        let (records, share) = match codec {
            Codec::None => {
                let records = Records::Whole {
                    bytes: packed,
                    at: 0,
                };
                (records, Share::default())
            }
            Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd => {
                codec::begin(codec, packed, &budgets.unpacked).await?
            }
        };
        Ok(Self {
            times: Times {
                base_offset: header.base_offset,
                base_timestamp: header.base_timestamp,
                append_time: header.has_append_time().then_some(header.max_timestamp),
            },
            left: header.count,
            from,
            at: first.max(from),
            last,
            records,
            used: 0,
            _share: share,
            large: None,
        })
    }

    /// Whether all was taken.
    pub(crate) const fn is_finished(&self) -> bool {
        self.left <= 0
    }

    /// The next piece; nothing once all was taken.
    pub(crate) async fn next(&mut self, budgets: &Budgets) -> Piece<'_> {
        if self.is_finished() {
            return Piece::Records(Vec::new());
        }
        let used = std::mem::take(&mut self.used);
        match &mut self.records {
            Records::Whole { at, .. } => *at += used,
            Records::Packed(window) => window.consume(used),
        }
        let state = match &mut self.records {
            Records::Whole { .. } => State::Ready,
            Records::Packed(window) => match window.fill(CHUNK_BYTES) {
                State::Large(len) => {
                    if len > budgets.record_max {
                        return self.pass_over(len);
                    }
                    if self.large.is_none() {
                        self.large = Some(budgets.large.take(len).await);
                    }
                    window.fill(len)
                }
                state @ (State::Ready | State::Damaged(_)) => {
                    self.large = None;
                    state
                }
            },
        };
        match state {
            State::Ready => self.read(),
            State::Large(_) => self.lose("a record ends too early"),
            State::Damaged(why) => self.lose(why),
        }
    }

    /// The records that are there, up to the first that is not or cannot be read.
    fn read(&mut self) -> Piece<'_> {
        let (bytes, is_whole) = match &self.records {
            Records::Whole { bytes, at } => (bytes.get(*at..).unwrap_or_default(), true),
            Records::Packed(window) => (window.bytes(), false),
        };
        let run = Run::read(
            bytes,
            self.times,
            self.left,
            (self.from, self.at, self.last),
        );
        self.used = run.used;
        self.left -= run.count;
        self.at = run.at;
        let missing = run.missing.filter(|_| is_whole);
        let why = run.damage.or(missing);
        match why {
            Some(why) if run.records.is_empty() => lose(&mut self.left, self.at, self.last, why),
            _ => Piece::Records(run.records),
        }
    }

    fn lose(&mut self, why: &str) -> Piece<'static> {
        lose(&mut self.left, self.at, self.last, why)
    }

    /// Leaves out a record of `len` bytes.
    fn pass_over(&mut self, len: usize) -> Piece<'static> {
        let Records::Packed(window) = &mut self.records else {
            return self.lose("a record ends too early");
        };
        let offset = record::offset(window.bytes(), self.times);
        let is_passed = window.skip(len);
        let offset = match (offset, is_passed) {
            (Some(offset), true) if offset >= self.at && offset <= self.last => offset,
            (Some(offset), true) if offset < self.from => {
                self.left -= 1;
                return Piece::Records(Vec::new());
            }
            _ => return self.lose("a record ends too early"),
        };
        self.left -= 1;
        self.at = offset + 1;
        let why = format!("a record of {len} bytes");
        Piece::Lost(offset, offset, Loss::TooLarge(why))
    }
}

/// Gives up what is left of a batch.
fn lose(left: &mut i32, at: u64, last: u64, why: &str) -> Piece<'static> {
    *left = 0;
    if at > last {
        return Piece::Records(Vec::new());
    }
    Piece::Lost(at, last, Loss::Damaged(why.to_owned()))
}

/// Records that lie one after the other.
struct Run<'a> {
    records: Vec<Record<'a>>,
    /// Records read, those left out included, and their bytes.
    count: i32,
    used: usize,
    /// The offset behind them.
    at: u64,
    damage: Option<&'static str>,
    /// The next record is not all there.
    missing: Option<&'static str>,
}

impl<'a> Run<'a> {
    /// Reads at most `left` records of the offsets `at..=last`; those before `from` are left out.
    fn read(bytes: &'a [u8], times: Times, left: i32, (from, at, last): (u64, u64, u64)) -> Self {
        let mut run = Self {
            records: Vec::new(),
            count: 0,
            used: 0,
            at,
            damage: None,
            missing: None,
        };
        while run.count < left && run.records.len() < CHUNK_RECORDS && run.used < CHUNK_BYTES {
            let (record, len) = match record::next(bytes.get(run.used..).unwrap_or_default(), times)
            {
                Ok(Found::Record { record, len }) => (record, len),
                Ok(Found::More(_)) => {
                    run.missing = Some("a record ends too early");
                    break;
                }
                Err(damaged) => {
                    run.damage = Some(damaged.0);
                    break;
                }
            };
            if record.offset >= from {
                if record.offset < run.at || record.offset > last {
                    run.damage = Some("offsets out of order");
                    break;
                }
                run.at = record.offset + 1;
                run.records.push(record);
            }
            run.count += 1;
            run.used += len;
        }
        run
    }
}

#[cfg(test)]
mod tests;
