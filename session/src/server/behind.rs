//! A lane whose cursor lies behind memory: what was asked, what came of it, and for how long to go on asking.

use decode_core::wire::GapCause;

use crate::Millis;
use crate::history::{Answer, Fetch};
use crate::limits::{
    FETCH_ANSWER_MS_MAX, FETCH_PATIENCE_MS, FETCH_RETRY_MS_MAX, FETCH_RETRY_MS_MIN, FETCH_WRONG_MAX,
};
use crate::log::Segment;

/// Where a lane is with its question.
#[derive(Debug)]
pub(super) enum Behind {
    /// It was asked and not answered yet.
    Asked {
        fetch: Fetch,
        since_ms: Millis,
        trouble: Trouble,
    },
    /// Frames to be sent.
    Answered(Segment),
    /// It is asked again at this time.
    Retry { at_ms: Millis, trouble: Trouble },
    /// What lies before this position can't be had.
    Lost { to: u64, cause: GapCause },
}

/// What went wrong since something last came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    since_ms: Option<Millis>,
    failures: u32,
    /// Of them, those that did not answer the question.
    wrong: u32,
}

/// What an answer was worth, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Taken,
    /// To a question that nobody asks any more.
    Stale,
    Busy,
    Failed,
    /// It does not answer the question.
    Wrong,
}

impl Behind {
    pub(super) const fn ask(fetch: Fetch, trouble: Trouble, now: Millis) -> Self {
        Self::Asked {
            fetch,
            since_ms: now,
            trouble,
        }
    }

    /// What it becomes by an answer.
    pub(super) fn answered(&mut self, to: &Fetch, answer: Answer, now: Millis) -> Verdict {
        let (fetch, trouble) = match self {
            Self::Asked { fetch, trouble, .. } if fetch == to => (*fetch, *trouble),
            Self::Asked { .. } | Self::Answered(_) | Self::Retry { .. } | Self::Lost { .. } => {
                return Verdict::Stale;
            }
        };
        let verdict = match answer {
            Answer::Frames {
                incarnation,
                segment,
            } if fetch.is_answered_by(incarnation, &segment) => {
                *self = Self::Answered(segment);
                return Verdict::Taken;
            }
            Answer::Lost { until, cause } if fetch.covers(until) => {
                *self = Self::Lost { to: until, cause };
                return Verdict::Taken;
            }
            Answer::Busy { retry_ms } => {
                let retry_ms = retry_ms.clamp(FETCH_RETRY_MS_MIN, FETCH_RETRY_MS_MAX);
                *self = trouble.wait(&fetch, now, retry_ms);
                return Verdict::Busy;
            }
            Answer::Frames { .. } | Answer::Lost { .. } => Verdict::Wrong,
            Answer::Failed => Verdict::Failed,
        };
        *self = trouble.failed(&fetch, verdict == Verdict::Wrong, now);
        verdict
    }

    /// Gives a question up that was not answered in time. Returns when to look again.
    pub(super) fn expire(&mut self, now: Millis) -> Option<Millis> {
        if let Self::Asked {
            fetch,
            since_ms,
            trouble,
        } = self
        {
            let deadline = *since_ms + FETCH_ANSWER_MS_MAX;
            if now < deadline {
                return Some(deadline);
            }
            *self = trouble.failed(fetch, false, now);
        }
        match self {
            Self::Retry { at_ms, .. } => Some(*at_ms),
            Self::Asked { .. } | Self::Answered(_) | Self::Lost { .. } => None,
        }
    }
}

impl Trouble {
    fn failed(mut self, fetch: &Fetch, wrong: bool, now: Millis) -> Behind {
        self.failures += 1;
        self.wrong += u32::from(wrong);
        if self.wrong >= FETCH_WRONG_MAX {
            return given_up(fetch);
        }
        let retry_ms = FETCH_RETRY_MS_MIN << self.failures.min(16);
        self.wait(fetch, now, retry_ms.min(FETCH_RETRY_MS_MAX))
    }

    fn wait(mut self, fetch: &Fetch, now: Millis, retry_ms: Millis) -> Behind {
        let since = *self.since_ms.get_or_insert(now);
        if now.saturating_sub(since) >= FETCH_PATIENCE_MS {
            return given_up(fetch);
        }
        Behind::Retry {
            at_ms: now + retry_ms,
            trouble: self,
        }
    }
}

/// What was asked for is not delivered on this connection: memory does not hold it, and nobody else gave it.
const fn given_up(fetch: &Fetch) -> Behind {
    Behind::Lost {
        to: fetch.until,
        cause: GapCause::Evicted,
    }
}
