//! The lines of one run's waterfall in their order, made once for each change of its thread: spans, the gaps
//! and the waiting between them, and where nothing went on.

use crate::keyed::Keyed;
use crate::order;
use alloc::vec::Vec;
use core::fmt;

use super::Runs;
use super::integrity::{self, Gap};
use super::step::{EventAddress, NO_ATTEMPT};
use super::summary;
use super::thread::{Run, Thread};
use super::view::{SpanPlace, bar_end, call_end, is_trouble};

/// Which part of what begins at an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinePart {
    /// A span.
    #[default]
    Span,
    /// A branch of a parallel group, all of which begin with one event: which one, from 0.
    Branch(u32),
    /// Messages that are missing before it.
    Gap,
    /// The waiting for a person that it shows.
    Wait,
}

/// What a line of a waterfall is known by, in links too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId {
    /// Its first event.
    pub at: EventAddress,
    /// Which of the lines that this event begins.
    pub part: LinePart,
}

/// Lines, each once or more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineIds {
    ascending: Vec<LineId>,
}

impl LineIds {
    /// Whether a line is among them.
    #[must_use]
    pub fn contains(&self, id: LineId) -> bool {
        self.ascending.binary_search(&id).is_ok()
    }
}

impl FromIterator<LineId> for LineIds {
    fn from_iter<I: IntoIterator<Item = LineId>>(lines: I) -> Self {
        let mut ascending: Vec<_> = lines.into_iter().collect();
        order::by(&mut ascending, Ord::cmp);
        Self { ascending }
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            LinePart::Span => write!(f, "{}", self.at),
            LinePart::Branch(branch) => write!(f, "{}:{branch}", self.at),
            LinePart::Gap => write!(f, "{}:gap", self.at),
            LinePart::Wait => write!(f, "{}:wait", self.at),
        }
    }
}

impl core::str::FromStr for LineId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Ok(at) = text.parse() {
            let part = LinePart::Span;
            return Ok(Self { at, part });
        }
        let (at, part) = text.rsplit_once(':').ok_or(())?;
        let part = match part {
            "gap" => LinePart::Gap,
            "wait" => LinePart::Wait,
            branch => LinePart::Branch(branch.parse().map_err(drop)?),
        };
        let at = at.parse()?;
        Ok(Self { at, part })
    }
}

/// What a line stands for.
#[derive(Clone, Debug)]
pub(super) enum What {
    Span(SpanPlace),
    Gap(Gap),
    Wait,
}

#[derive(Clone, Debug)]
pub(super) struct LaidOut {
    pub(super) id: LineId,
    pub(super) what: What,
    /// Index of the line that it is part of; none = the run.
    pub(super) parent: Option<u32>,
    pub(super) children: u32,
    pub(super) start_us: i64,
    pub(super) end_us: Option<i64>,
    pub(super) is_trouble: bool,
    /// Whether a part of it is in trouble.
    pub(super) has_trouble: bool,
    /// Whether it lies outside of what it is part of, by more than clocks round.
    pub(super) is_skewed: bool,
}

/// All lines of one run.
#[derive(Debug, Default)]
pub(super) struct Layout {
    run: EventAddress,
    changed: u64,
    pub(super) lines: Vec<LaidOut>,
    pub(super) troubles: usize,
    pub(super) start_us: i64,
    pub(super) end_us: i64,
    /// Where no span was open for long, ascending; the longest where there are very many.
    pub(super) idle: Vec<(i64, i64)>,
    pub(super) idle_unfolded: usize,
}

impl Runs {
    /// The lines of a run, those of before where nothing came since.
    pub(super) fn lay_out(&mut self, id: EventAddress) {
        self.settle_all();
        let found = self.find(id).map(|(thread, _)| thread.changed);
        let known = (self.layout.run, self.layout.changed);
        if found == Some(known.1) && known.0 == id {
            return;
        }
        let made = self.find(id).map(|(thread, index)| {
            let mut layout = self.lines_of(thread, index).unwrap_or_default();
            (layout.run, layout.changed) = (id, thread.changed);
            layout
        });
        self.layout = made.unwrap_or_default();
    }

    fn lines_of(&self, thread: &Thread, index: usize) -> Option<Layout> {
        let run = thread.runs.get(index)?;
        let summary = self.table.get(run.fold.first_at?)?;
        let start_us = summary.start_us;
        let end_us = summary.end_us.get().unwrap_or(summary.last_us);
        let mut layout = Layout {
            start_us,
            end_us: end_us.max(start_us),
            ..Layout::default()
        };
        let mut between = gap_lines(run, integrity::gaps(thread, index));
        between.extend(self.wait_line(summary));
        order::by_key(&mut between, |line| line.start_us);
        let mut between = between.into_iter().peekable();
        let mut parent: Option<u32> = None;
        let mut groups = Keyed::default();
        for place in self.places(run, false) {
            let (line, is_head) = span_line(run, place, &mut groups);
            if is_head {
                while let Some(before) = between.next_if(|other| other.start_us < line.start_us) {
                    layout.push(before, None);
                }
                parent = Some(layout.lines.len() as u32);
                layout.push(line, None);
            } else {
                layout.push(line, parent);
            }
        }
        for rest in between {
            layout.push(rest, None);
        }
        layout.find_idle();
        Some(layout)
    }

    fn wait_line(&self, summary: &summary::Summary) -> Option<LaidOut> {
        let since = summary.waits_since()?;
        let until = summary.related.get().and_then(|next| self.table.get(next));
        let answered = summary.was_resumed();
        Some(LaidOut {
            id: LineId {
                at: summary.verdict.evidence,
                part: LinePart::Wait,
            },
            what: What::Wait,
            start_us: since,
            end_us: until.filter(|_| answered).map(|next| next.start_us),
            ..LaidOut::empty()
        })
    }
}

/// The line of a span, and whether it is an attempt, which others may be part of. A call beside the graph is
/// part of the run.
fn span_line(run: &Run, place: SpanPlace, groups: &mut Keyed<u32>) -> (LaidOut, bool) {
    let mut line = LaidOut::empty();
    let attempt = run.fold.attempts.get(place.attempt as usize);
    match (place.call, attempt) {
        (None, Some(attempt)) => {
            line.id.at = attempt.start_at;
            if let Some(group) = attempt.group {
                let first = *groups.get_or_insert(group.into(), place.attempt);
                line.id.part = LinePart::Branch(place.attempt.saturating_sub(first));
            }
            (line.start_us, line.end_us) = (attempt.start_us, bar_end(attempt));
            line.is_trouble = is_trouble(run, place.attempt, attempt);
        }
        (Some(key), _) => {
            if let Some(call) = summary::call(run, key) {
                line.id.at = call.at;
                (line.start_us, line.end_us) = (call.first_us, Some(call_end(&call)));
                line.is_trouble = call.has_failed();
            }
        }
        (None, None) => {}
    }
    let is_head = place.call.is_none() || place.attempt == NO_ATTEMPT;
    line.what = What::Span(place);
    (line, is_head)
}

/// Each gap reaches from the message before it to the one after it.
fn gap_lines(run: &Run, mut gaps: Vec<Gap>) -> Vec<LaidOut> {
    order::by_key(&mut gaps, |gap| gap.before);
    let mut lines = Vec::with_capacity(gaps.len());
    let mut before_us = None;
    for step in &run.steps {
        let found = gaps.binary_search_by_key(&step.at, |gap| gap.before);
        if let Some(gap) = found.ok().and_then(|place| gaps.get(place)) {
            lines.push(LaidOut {
                id: LineId {
                    at: gap.before,
                    part: LinePart::Gap,
                },
                what: What::Gap(*gap),
                start_us: before_us.unwrap_or(step.time_us),
                end_us: Some(step.time_us),
                ..LaidOut::empty()
            });
        }
        before_us = Some(step.time_us);
    }
    lines
}

impl LaidOut {
    fn empty() -> Self {
        Self {
            id: LineId::default(),
            what: What::Wait,
            parent: None,
            children: 0,
            start_us: 0,
            end_us: None,
            is_trouble: false,
            has_trouble: false,
            is_skewed: false,
        }
    }

    fn is_outside(&self, start_us: i64, end_us: Option<i64>) -> bool {
        let ends_late = |end: i64| {
            self.end_us
                .is_some_and(|own| own > end.saturating_add(SKEW_US))
        };
        self.start_us < start_us.saturating_sub(SKEW_US)
            || end_us.is_some_and(ends_late)
            || self.end_us.is_some_and(|end| end < self.start_us)
    }

    pub(super) const fn is_span(&self) -> bool {
        matches!(self.what, What::Span(_))
    }
}

impl Layout {
    fn push(&mut self, mut line: LaidOut, parent: Option<u32>) {
        line.parent = parent;
        let above = parent.and_then(|parent| self.lines.get_mut(parent as usize));
        if line.is_span() {
            line.is_skewed = match &above {
                Some(above) => line.is_outside(above.start_us, above.end_us),
                None => line.is_outside(self.start_us, None),
            };
            self.troubles += usize::from(line.is_trouble);
        }
        if let Some(above) = above {
            above.children += 1;
            above.has_trouble |= line.is_trouble;
        }
        self.start_us = self.start_us.min(line.start_us);
        self.end_us = self.end_us.max(line.end_us.unwrap_or(line.start_us));
        self.lines.push(line);
    }

    /// Where no span was open for longer than [`IDLE_US_MIN`]. Waiting is idle: nothing works.
    fn find_idle(&mut self) {
        let spans = self.lines.iter().filter(|line| line.is_span());
        let end = |line: &LaidOut| line.end_us.unwrap_or(self.end_us);
        let mut busy: Vec<_> = spans.map(|line| (line.start_us, end(line))).collect();
        order::by(&mut busy, Ord::cmp);
        let mut idle = Vec::new();
        let mut until = self.start_us;
        for (start, end) in busy.into_iter().chain([(self.end_us, self.end_us)]) {
            if start.saturating_sub(until) >= IDLE_US_MIN {
                idle.push((until, start));
            }
            until = until.max(end);
        }
        if idle.len() > IDLE_MAX {
            order::by_key(&mut idle, |(from, to)| {
                core::cmp::Reverse(to.saturating_sub(*from))
            });
            self.idle_unfolded = idle.len() - IDLE_MAX;
            idle.truncate(IDLE_MAX);
            order::by(&mut idle, Ord::cmp);
        }
        self.idle = idle;
    }

    pub(super) fn place_of(&self, id: LineId) -> Option<usize> {
        self.lines.iter().position(|line| line.id == id)
    }
}

/// Shorter pauses are not worth folding.
const IDLE_US_MIN: i64 = 1_000_000;
/// Pauses that are named of one run.
const IDLE_MAX: usize = 256;
/// Clocks of one process do not differ, but times are taken at different moments.
const SKEW_US: i64 = 1_000;
