//! One run from inside: its spans, its messages, its texts, each in windows.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::Runs;
use super::fold::{Attempt, Outcome};
use super::integrity::{self, Gap};
use super::list::{RunRow, RunsQuery};
use super::step::{EventAddress, NO_ATTEMPT, Remark, RemarkKind};
use super::summary;
use super::tally::{Call, CallKey};
use super::thread::{Run, Thread};
use super::usage::Usage;
use crate::limits::{ANSWER_BYTES_MAX, QUERY_ROWS_MAX};
use crate::order;

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// An execution of a node.
    Attempt,
    /// A branch of a parallel group: its interval is the group's.
    Branch,
    /// A note without a duration.
    Point,
    /// Pieces of a model's answer with one request id.
    ModelCall,
    /// Stages of a tool with one call id.
    ToolCall,
}

impl SpanKind {
    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Branch => "branch",
            Self::Point => "point",
            Self::ModelCall => "model_call",
            Self::ToolCall => "tool_call",
        }
    }
}

/// Which spans of which run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// The run, by the address of its first event.
    pub id: EventAddress,
    /// First span wanted, in the order of their starts, calls behind their attempt.
    pub first: usize,
    /// How many, at most [`QUERY_ROWS_MAX`].
    pub count: usize,
    /// Only what failed or reports errors.
    pub errors_only: bool,
    /// How the run's own row is judged: time and limits.
    pub list: RunsQuery,
}

/// One bar of the waterfall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its number in the run, the same in every window.
    pub number: u32,
    /// What it is.
    pub kind: SpanKind,
    /// Number of the attempt it is or belongs to; `None` = the run itself.
    pub attempt: Option<u32>,
    /// Node, tool, or request id.
    pub name: Rc<str>,
    /// Call id of a tool, else empty.
    pub key: Rc<str>,
    /// Of an attempt: the how manyth start of its node it is, from 1.
    pub iteration: u32,
    /// Row of the waterfall at its level, so that none lies over another.
    pub lane: u32,
    /// Parallel group, from 0.
    pub group: Option<u32>,
    /// Start, µs since 1970 by the producer's clock.
    pub start_us: i64,
    /// End, or `None` while it is open.
    pub end_us: Option<i64>,
    /// Whether its end was seen, and what it was.
    pub outcome: Outcome,
    /// Whether its start was not seen, so that it is the end less the duration.
    pub start_unseen: bool,
    /// Its first event.
    pub start_at: EventAddress,
    /// Its last event, of an attempt that ended.
    pub end_at: Option<EventAddress>,
    /// State diffs in it, and whether they hold what the branches before it changed.
    pub diffs: u32,
    /// See `diffs`.
    pub holds_branches: bool,
    /// Messages made in it.
    pub messages: u32,
    /// Error messages in it of severity error and above, and its own failure.
    pub errors: u32,
    /// Of a model call: how often it began; more than once means that it was tried again.
    pub beginnings: u32,
    /// Of a tool: number of its latest stage.
    pub stage: u32,
    /// Tokens and cost, of attempts.
    pub usage: Usage,
    /// Why it failed, cut, or empty.
    pub error: Box<str>,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunView {
    /// Its row of the list.
    pub row: RunRow,
    /// Spans of the window; fewer than asked for where the answer would be too large.
    pub spans: Vec<Span>,
    /// Spans that match.
    pub total: usize,
    /// Messages of its callback that are missing; at most [`QUERY_ROWS_MAX`] gaps.
    pub gaps: Vec<Gap>,
    /// Messages made in its nodes that a bound took away; they are counted still.
    pub messages_evicted: u64,
    /// Whether its producer sends state.
    pub has_state: bool,
    /// Partitions its thread was seen on.
    pub partitions: Vec<u32>,
}

/// A message made in a node or beside the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMessage {
    /// Where it is.
    pub at: EventAddress,
    /// Its row of the event list, for [`crate::Store::open`].
    pub row: u64,
    /// Attempt it belongs to; `None` = the run itself.
    pub attempt: Option<u32>,
    /// What it is.
    pub role: RemarkKind,
    /// µs since 1970 by the producer's clock.
    pub time_us: i64,
    /// Node it names, or empty.
    pub node: Rc<str>,
    /// Request id, call id or error code, or empty.
    pub key: Rc<str>,
    /// Chunk index, stage or severity.
    pub number: u32,
}

/// Which messages of a run; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessagesOf {
    /// Only those of this attempt, or of none.
    pub(crate) attempt: Option<Option<u32>>,
    /// Only those of a kind with this request or call id.
    pub(crate) call: Option<(RemarkKind, Rc<str>)>,
}

/// A piece of a model's answer, where it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) row: u64,
    pub(crate) index: u32,
    /// Which of the tries it belongs to, from 0.
    pub(crate) part: u32,
}

impl Runs {
    pub(super) fn find(&self, id: EventAddress) -> Option<(&Thread, usize)> {
        let name = &self.table.get(id)?.thread;
        let (_, thread) = self.threads.get(self.threads.find(name)?)?;
        let index = thread
            .runs
            .iter()
            .position(|run| run.fold.first_at == Some(id))?;
        Some((thread, index))
    }

    /// All of a run but its spans.
    pub(super) fn head(&mut self, query: &RunQuery) -> Option<RunView> {
        let row = self.row(query.id, &query.list)?;
        let mut view = RunView {
            row,
            spans: Vec::new(),
            total: 0,
            gaps: Vec::new(),
            messages_evicted: 0,
            has_state: false,
            partitions: Vec::new(),
        };
        let Some((thread, index)) = self.find(query.id) else {
            return Some(view);
        };
        let run = thread.runs.get(index)?;
        view.gaps = integrity::gaps(thread, index);
        view.gaps.truncate(QUERY_ROWS_MAX);
        view.messages_evicted = run.remarks_evicted;
        view.has_state = run.fold.has_state || run.fold.diffs > 0;
        view.partitions.clone_from(&thread.partitions);
        Some(view)
    }

    /// One run; nothing where it is not known, and its row alone where its events are not held.
    pub(crate) fn view(&mut self, query: &RunQuery) -> Option<RunView> {
        let mut view = self.head(query)?;
        let Some((thread, index)) = self.find(query.id) else {
            return Some(view);
        };
        let run = thread.runs.get(index)?;
        let places = self.places(run, query.errors_only);
        view.total = places.len();
        let mut bytes = size_of::<RunView>() + view.gaps.len() * size_of::<Gap>();
        let wanted = places
            .into_iter()
            .skip(query.first)
            .take(query.count.min(QUERY_ROWS_MAX));
        let spans = wanted.map(|place| self.span(run, &place));
        let fits = spans.take_while(|span| {
            bytes += size_of::<Span>() + span.name.len() + span.key.len() + span.error.len();
            bytes <= ANSWER_BYTES_MAX
        });
        view.spans = fits.collect();
        Some(view)
    }

    /// All spans in their order.
    pub(super) fn places(&self, run: &Run, errors_only: bool) -> Vec<SpanPlace> {
        let mut calls: Vec<_> = summary::calls(run).collect();
        order::by_key(&mut calls, |(key, call)| {
            (key.attempt, call.first_us, call.at)
        });
        let mut attempts: Vec<u32> = (0..run.fold.attempts.len() as u32).collect();
        let start = |index: &u32| run.fold.attempts.get(*index as usize).map(|a| a.start_us);
        order::by_key(&mut attempts, |index| (start(index), *index));
        let mut places = Vec::with_capacity(attempts.len() + calls.len());
        let mut lanes = Lanes::default();
        let mut number = 0;
        for attempt in attempts.into_iter().chain([NO_ATTEMPT]) {
            let held = run.fold.attempts.get(attempt as usize);
            if let Some(held) = held {
                let end = bar_end(held);
                let place = SpanPlace {
                    number,
                    attempt,
                    call: None,
                    lane: lanes.take(held.start_us, end),
                };
                number += 1;
                if !errors_only || is_trouble(run, attempt, held) {
                    places.push(place);
                }
            }
            let from = calls.partition_point(|(key, _)| key.attempt < attempt);
            let of = calls.get(from..).unwrap_or_default();
            let mut inner = Lanes::default();
            for (key, call) in of.iter().take_while(|(key, _)| key.attempt == attempt) {
                let lane = inner.take(call.first_us, Some(call_end(call)));
                let place = SpanPlace {
                    number,
                    attempt,
                    call: Some(*key),
                    lane,
                };
                number += 1;
                if !errors_only || call.has_failed() {
                    places.push(place);
                }
            }
        }
        places
    }

    pub(super) fn span(&self, run: &Run, place: &SpanPlace) -> Span {
        match place.call {
            Some(key) => self.call_span(run, place, key),
            None => self.attempt_span(run, place),
        }
    }

    fn attempt_span(&self, run: &Run, place: &SpanPlace) -> Span {
        let mut span = Span::empty(place);
        let Some(attempt) = run.fold.attempts.get(place.attempt as usize) else {
            return span;
        };
        let figures = summary::figures(run, place.attempt);
        let step = attempt
            .error_step
            .and_then(|index| run.steps.get(index as usize));
        let error = step.and_then(|step| step.said.as_ref()?.error.clone());
        span.kind = match (attempt.outcome, attempt.group) {
            (Outcome::Point, _) => SpanKind::Point,
            (_, Some(_)) => SpanKind::Branch,
            (_, None) => SpanKind::Attempt,
        };
        span.name = self.names.shared(attempt.node);
        span.iteration = attempt.iteration;
        span.group = attempt.group;
        span.start_us = attempt.start_us;
        span.end_us = bar_end(attempt);
        span.outcome = attempt.outcome;
        span.start_unseen = attempt.start_unseen;
        span.start_at = attempt.start_at;
        span.end_at = attempt.end_at;
        span.diffs = attempt.diffs;
        span.holds_branches = attempt.holds_branches;
        span.messages = figures.remarks;
        span.errors = figures.errors + u32::from(attempt.outcome == Outcome::Failed);
        span.usage = figures.usage.counted();
        span.error = error.unwrap_or_default();
        span
    }

    fn call_span(&self, run: &Run, place: &SpanPlace, key: CallKey) -> Span {
        let mut span = Span::empty(place);
        let Some(call) = summary::call(run, key) else {
            return span;
        };
        let is_over = run
            .fold
            .attempts
            .get(place.attempt as usize)
            .is_none_or(|a| a.end_us.is_some());
        span.kind = if key.is_tool {
            SpanKind::ToolCall
        } else {
            SpanKind::ModelCall
        };
        (span.name, span.key) = match key.is_tool {
            true => (self.names.shared(call.name), self.names.shared(key.id)),
            false => (self.names.shared(key.id), Rc::default()),
        };
        span.start_us = call.first_us;
        span.end_us = Some(call_end(&call));
        span.outcome = match (call.has_failed(), is_over) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Ended,
            (false, false) => Outcome::Open,
        };
        span.start_at = call.at;
        span.messages = call.messages;
        span.errors = u32::from(call.has_failed());
        span.beginnings = call.beginnings;
        span.stage = call.stage;
        span
    }

    /// Messages of a run, of one attempt or all, in the order of their time: those of the window, and how many
    /// there are.
    pub(crate) fn messages(
        &mut self,
        id: EventAddress,
        attempt: Option<u32>,
        first: usize,
        count: usize,
    ) -> (Vec<RunMessage>, usize) {
        let attempt = attempt.map(|attempt| (attempt != NO_ATTEMPT).then_some(attempt));
        let of = MessagesOf {
            attempt,
            call: None,
        };
        self.messages_of(id, &of, first, count)
    }

    /// Some messages of a run in the order of their time: those of the window, and how many there are.
    pub(crate) fn messages_of(
        &mut self,
        id: EventAddress,
        of: &MessagesOf,
        first: usize,
        count: usize,
    ) -> (Vec<RunMessage>, usize) {
        self.settle_all();
        let attempt = of.attempt.map(|attempt| attempt.unwrap_or(NO_ATTEMPT));
        let is_of_call = |remark: &Remark| {
            of.call.as_ref().is_none_or(|(kind, key)| {
                remark.kind == *kind && *self.names.text(remark.key) == **key
            })
        };
        let all = self.remarks(id, |remark| {
            attempt.is_none_or(|wanted| remark.attempt == wanted) && is_of_call(remark)
        });
        let total = all.len();
        let mut bytes = 0;
        let window = all.into_iter().skip(first).take(count.min(QUERY_ROWS_MAX));
        let messages = window.map(|remark| RunMessage {
            at: remark.at,
            row: remark.row,
            attempt: (remark.attempt != NO_ATTEMPT).then_some(remark.attempt),
            role: remark.kind,
            time_us: remark.time_us,
            node: self.names.shared(remark.node),
            key: self.names.shared(remark.key),
            number: remark.number,
        });
        let fits = messages.take_while(|message| {
            bytes += size_of::<RunMessage>() + message.node.len() + message.key.len();
            bytes <= ANSWER_BYTES_MAX
        });
        (fits.collect(), total)
    }

    /// Held remarks of a run, in the order of their time and number.
    pub(super) fn remarks(
        &self,
        id: EventAddress,
        wanted: impl Fn(&Remark) -> bool,
    ) -> Vec<&Remark> {
        let Some((thread, index)) = self.find(id) else {
            return Vec::new();
        };
        let run = thread.runs.get(index);
        let settled = run.into_iter().flat_map(|run| &run.remarks);
        let loose = thread.loose.iter().filter(|remark| {
            super::place::place(thread, remark).is_some_and(|(run, _)| run == index)
        });
        let all = settled.chain(loose);
        let mut all: Vec<_> = all.filter(|remark| wanted(remark)).collect();
        order::by_key(&mut all, |remark| {
            (remark.time_us, remark.sequence, remark.at)
        });
        all
    }

    /// The pieces of an answer in the order in which they read: by their index, in each try.
    pub(crate) fn pieces(
        &mut self,
        id: EventAddress,
        attempt: Option<u32>,
        request: &str,
    ) -> Vec<Piece> {
        self.settle_all();
        let attempt = attempt.unwrap_or(NO_ATTEMPT);
        let mut of = self.remarks(id, |remark| {
            remark.kind == RemarkKind::Token
                && remark.attempt == attempt
                && self.names.text(remark.key) == request
        });
        order::by_key(&mut of, |remark| {
            (remark.sequence, remark.time_us, remark.at)
        });
        let mut part = 0;
        let mut pieces: Vec<_> = Vec::with_capacity(of.len());
        for remark in of {
            // An index that comes again: the answer was begun again.
            let again = |piece: &Piece| piece.part == part && piece.index == remark.number;
            part += u32::from(remark.number == 0 && pieces.iter().any(again));
            pieces.push(Piece {
                row: remark.row,
                index: remark.number,
                part,
            });
        }
        order::by_key(&mut pieces, |piece: &Piece| (piece.part, piece.index));
        pieces
    }
}

/// Which span, before its texts are looked up.
#[derive(Clone, Debug)]
pub(super) struct SpanPlace {
    number: u32,
    pub(super) attempt: u32,
    pub(super) call: Option<CallKey>,
    lane: u32,
}

impl Span {
    fn empty(place: &SpanPlace) -> Self {
        Self {
            number: place.number,
            kind: SpanKind::Attempt,
            attempt: (place.attempt != NO_ATTEMPT).then_some(place.attempt),
            name: Rc::default(),
            key: Rc::default(),
            iteration: 0,
            lane: place.lane,
            group: None,
            start_us: 0,
            end_us: None,
            outcome: Outcome::Open,
            start_unseen: false,
            start_at: EventAddress::default(),
            end_at: None,
            diffs: 0,
            holds_branches: false,
            messages: 0,
            errors: 0,
            beginnings: 0,
            stage: 0,
            usage: Usage::default(),
            error: Box::default(),
        }
    }
}

/// Where a bar ends: the duration counts, as an end is reported after the making of a state diff.
pub(super) fn bar_end(attempt: &Attempt) -> Option<i64> {
    let end = attempt.end_us?;
    Some(match attempt.duration_us {
        1.. => attempt.start_us.saturating_add(attempt.duration_us),
        _ => end,
    })
}

pub(super) fn call_end(call: &Call) -> i64 {
    call.last_us
        .max(call.first_us.saturating_add(call.duration_us.max(0)))
}

pub(super) fn is_trouble(run: &Run, attempt: u32, held: &Attempt) -> bool {
    held.outcome == Outcome::Failed || summary::figures(run, attempt).errors > 0
}

/// Rows of bars that do not lie over each other.
#[derive(Default)]
struct Lanes {
    ends: Vec<i64>,
}

impl Lanes {
    fn take(&mut self, start: i64, end: Option<i64>) -> u32 {
        let end = end.unwrap_or(i64::MAX);
        let free = self.ends.iter().position(|taken| *taken <= start);
        let lane = free.unwrap_or(self.ends.len()).min(LANES_MAX - 1);
        match self.ends.get_mut(lane) {
            Some(taken) => *taken = end.max(*taken),
            None => self.ends.push(end),
        }
        lane as u32
    }
}

/// Lanes of one level; what has no place in them shares the last.
const LANES_MAX: usize = 256;
