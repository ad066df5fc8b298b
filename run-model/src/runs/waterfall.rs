//! The waterfall of one run: a window of its lines, where its troubles are, what all of it looks like.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Runs;
use super::integrity::Gap;
use super::layout::{LaidOut, LineId, LineIds, What};
use super::list::RunRow;
use super::step::EventAddress;
use super::view::{RunQuery, RunView, Span};
use crate::limits::{ANSWER_BYTES_MAX, QUERY_ROWS_MAX};

/// Which lines of which run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaterfallQuery {
    /// The run, by the address of its first event, and how its own row is judged; `first` and `count` are about
    /// lines: the shown ones in their order.
    pub run: RunQuery,
    /// Lines whose parts are not shown.
    pub folded: LineIds,
    /// Whether it is the other way round: only of these the parts are shown.
    pub folds_others: bool,
    /// Only lines that reach into this time: from, to, µs since 1970.
    pub within: Option<(i64, i64)>,
    /// Which line is asked about besides.
    pub selected: Option<LineId>,
    /// Pieces of the picture of the whole, at most [`crate::limits::OVERVIEW_PIECES_MAX`].
    pub pieces: usize,
    /// Whether that picture leaves out where nothing went on.
    pub folds_idle: bool,
}

/// What a line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// A span.
    Span(Box<Span>),
    /// Messages that are missing.
    Gap(Gap),
    /// The run waits for a person.
    Wait,
}

/// One line of a waterfall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is known by.
    pub id: LineId,
    /// What it stands for.
    pub kind: LineKind,
    /// Index, among the shown lines, of the one it is part of; none = the run.
    pub parent: Option<usize>,
    /// Parts of it, shown or not.
    pub children: u32,
    /// Whether its parts are not shown.
    pub is_folded: bool,
    /// Whether it or a part of it is in trouble.
    pub has_trouble: bool,
    /// Start, µs since 1970 by the producer's clock.
    pub start_us: i64,
    /// End, or `None` while it is open.
    pub end_us: Option<i64>,
    /// Whether it lies outside of what it is part of. It is where its clock says.
    pub is_skewed: bool,
}

/// A piece of the picture of the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// From, µs since 1970.
    pub from_us: i64,
    /// To, where the next one begins unless idle time is left out between them.
    pub to_us: i64,
    /// Spans that reach into it.
    pub spans: u32,
    /// Whether one of them is in trouble.
    pub has_trouble: bool,
    /// Whether messages are missing in it.
    pub has_gap: bool,
}

/// What a line of interest is among the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Whether there is such a line.
    pub is_known: bool,
    /// Its index among the shown lines.
    pub index: Option<usize>,
    /// The line it is part of.
    pub parent: Option<LineId>,
    /// The nearest line in trouble before it, shown or not.
    pub previous_trouble: Option<LineId>,
    /// The nearest one behind it; the first of all where no line is selected.
    pub next_trouble: Option<LineId>,
    /// The last one of all.
    pub last_trouble: Option<LineId>,
}

/// A window of a run's waterfall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waterfall {
    /// The run and what is known of it besides its spans, which are not repeated here.
    pub view: RunView,
    /// Lines of the window; fewer than asked for where the answer would be too large.
    pub lines: Vec<Line>,
    /// Lines that are shown.
    pub total: usize,
    /// Spans of the run, shown or not.
    pub spans: usize,
    /// Spans in trouble.
    pub troubles: usize,
    /// The earliest and the latest time of all lines, µs since 1970.
    pub start_us: i64,
    /// See `start_us`.
    pub end_us: i64,
    /// Where nothing went on for long: from, to. Ascending.
    pub idle: Vec<(i64, i64)>,
    /// Shorter idle times that are not named, because there are so many.
    pub idle_unnamed: usize,
    /// The picture of the whole.
    pub pieces: Vec<Piece>,
    /// What is to be said of the line that was asked about.
    pub selected: Selected,
    /// The run before this one on its thread.
    pub previous_run: Option<EventAddress>,
    /// The one after it.
    pub next_run: Option<EventAddress>,
}

impl Runs {
    /// A window of a run's waterfall; nothing where the run is not known.
    pub(crate) fn waterfall(&mut self, query: &WaterfallQuery) -> Option<Waterfall> {
        // Of the view all but its spans.
        let head = RunQuery {
            count: 0,
            ..query.run.clone()
        };
        let view = self.head(&head)?;
        let (previous_run, next_run) = self.neighbours(&view.row);
        let mut answer = Waterfall {
            lines: Vec::new(),
            total: 0,
            spans: 0,
            troubles: 0,
            start_us: view.row.start_us,
            end_us: view.row.end_us.unwrap_or(view.row.last_us),
            idle: Vec::new(),
            idle_unnamed: 0,
            pieces: Vec::new(),
            selected: Selected::default(),
            previous_run,
            next_run,
            view,
        };
        if answer.view.row.is_held {
            self.lay_out(query.run.id);
            self.fill(query, &mut answer);
        }
        Some(answer)
    }

    fn fill(&self, query: &WaterfallQuery, answer: &mut Waterfall) {
        let layout = &self.layout;
        answer.spans = layout.lines.iter().filter(|line| line.is_span()).count();
        answer.troubles = layout.troubles;
        (answer.start_us, answer.end_us) = (layout.start_us, layout.end_us);
        answer.idle.clone_from(&layout.idle);
        answer.idle_unnamed = layout.idle_unfolded;
        answer.pieces = layout.overview(query.pieces, query.folds_idle);
        answer.selected = query
            .selected
            .map_or_else(|| layout.unselected(), |id| layout.selected(id));
        let Some((thread, index)) = self.find(query.run.id) else {
            return;
        };
        let Some(run) = thread.runs.get(index) else {
            return;
        };
        // Room for the picture and the idle times is taken beforehand.
        let mut bytes = ANSWER_BYTES_MAX / 4;
        let last = query
            .run
            .first
            .saturating_add(query.run.count.min(QUERY_ROWS_MAX));
        let mut shown_parent = None;
        for (place, laid_out) in layout.lines.iter().enumerate() {
            let parent = laid_out.parent.and_then(|at| layout.lines.get(at as usize));
            if !query.shows(laid_out, parent) {
                continue;
            }
            let at = answer.total;
            answer.total += 1;
            if laid_out.parent.is_none() {
                shown_parent = Some((place as u32, at));
            }
            if answer.selected.index.is_none() && query.selected == Some(laid_out.id) {
                answer.selected.index = Some(at);
            }
            if !(query.run.first..last).contains(&at) || bytes > ANSWER_BYTES_MAX {
                continue;
            }
            let parent = shown_parent.filter(|(place, _)| laid_out.parent == Some(*place));
            let line = self.line(run, laid_out, parent.map(|(_, at)| at), query);
            bytes += line.size();
            if bytes <= ANSWER_BYTES_MAX {
                answer.lines.push(line);
            }
        }
    }

    fn line(
        &self,
        run: &super::thread::Run,
        from: &LaidOut,
        parent: Option<usize>,
        query: &WaterfallQuery,
    ) -> Line {
        Line {
            id: from.id,
            kind: match &from.what {
                What::Span(place) => LineKind::Span(Box::new(self.span(run, place))),
                What::Gap(gap) => LineKind::Gap(*gap),
                What::Wait => LineKind::Wait,
            },
            parent,
            children: from.children,
            is_folded: from.children > 0 && query.folds(from.id),
            has_trouble: from.is_trouble || from.has_trouble,
            start_us: from.start_us,
            end_us: from.end_us,
            is_skewed: from.is_skewed,
        }
    }

    /// A line by what it is known by.
    pub(crate) fn line_of(&mut self, run: EventAddress, id: LineId) -> Option<Line> {
        self.lay_out(run);
        let (thread, index) = self.find(run)?;
        let laid_out = self.layout.lines.get(self.layout.place_of(id)?)?;
        let query = WaterfallQuery::default();
        Some(self.line(thread.runs.get(index)?, laid_out, None, &query))
    }

    /// The runs before and after a run on its thread.
    fn neighbours(&self, row: &RunRow) -> (Option<EventAddress>, Option<EventAddress>) {
        let of_thread = || self.table.iter().filter(|run| run.thread == row.thread);
        let before = of_thread().filter(|run| run.invocation < row.invocation);
        let after = of_thread().filter(|run| run.invocation > row.invocation);
        let previous = before.max_by_key(|run| run.invocation);
        let next = after.min_by_key(|run| run.invocation);
        (previous.map(|run| run.id), next.map(|run| run.id))
    }

    /// The next run in trouble behind a run, or before it, in the order in which runs began.
    pub(crate) fn next_in_trouble(
        &mut self,
        from: EventAddress,
        forward: bool,
    ) -> Option<EventAddress> {
        self.settle_all();
        let here = self.table.get(from).map(|run| (run.start_us, run.id))?;
        let troubled = self.table.iter().filter(|run| {
            run.verdict.status == super::verdict::Status::Failed
                || run.errors > 0
                || run.failed_tools > 0
        });
        let places = troubled.map(|run| (run.start_us, run.id));
        let found = if forward {
            places.filter(|place| *place > here).min()
        } else {
            places.filter(|place| *place < here).max()
        };
        found.map(|(_, id)| id)
    }
}

impl WaterfallQuery {
    fn folds(&self, id: LineId) -> bool {
        self.folded.contains(id) != self.folds_others
    }

    fn shows(&self, line: &LaidOut, parent: Option<&LaidOut>) -> bool {
        let is_wanted =
            !self.run.errors_only || line.is_trouble || line.has_trouble || !line.is_span();
        let is_near = self.within.is_none_or(|(from, to)| {
            line.start_us <= to && line.end_us.is_none_or(|end| end >= from)
        });
        is_wanted && is_near && parent.is_none_or(|parent| !self.folds(parent.id))
    }
}

impl Line {
    fn size(&self) -> usize {
        let own = size_of::<Self>();
        match &self.kind {
            LineKind::Span(span) => {
                own + size_of::<Span>() + span.name.len() + span.key.len() + span.error.len()
            }
            LineKind::Gap(_) | LineKind::Wait => own,
        }
    }
}

impl super::layout::Layout {
    fn unselected(&self) -> Selected {
        let first = self.lines.iter().find(|line| line.is_trouble);
        Selected {
            next_trouble: first.map(|line| line.id),
            last_trouble: self.last_trouble(),
            ..Selected::default()
        }
    }

    fn selected(&self, id: LineId) -> Selected {
        let Some(place) = self.place_of(id) else {
            return self.unselected();
        };
        let (before, from) = self.lines.split_at(place);
        let parent = from.first().and_then(|line| line.parent);
        let parent = parent.and_then(|parent| self.lines.get(parent as usize));
        let previous = before.iter().rfind(|line| line.is_trouble);
        let next = from.iter().skip(1).find(|line| line.is_trouble);
        Selected {
            is_known: true,
            index: None,
            parent: parent.map(|line| line.id),
            previous_trouble: previous.map(|line| line.id),
            next_trouble: next.map(|line| line.id),
            last_trouble: self.last_trouble(),
        }
    }

    fn last_trouble(&self) -> Option<LineId> {
        let last = self.lines.iter().rfind(|line| line.is_trouble);
        last.map(|line| line.id)
    }
}
