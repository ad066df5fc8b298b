//! What became of a run, by which rule, and on what evidence.

use alloc::rc::Rc;

use super::fold::{Asked, End, Fold, Last};
use super::step::{EventAddress, StepKind};
use super::topology::{Next, Topology, is_end};
use crate::names::Names;

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It goes on, as far as is known.
    Running,
    /// It goes on and nothing was heard of it for longer than its last event lets expect.
    Quiet,
    /// It waits for a person: interrupted and not resumed, or a question without an answer.
    Waiting,
    /// It ended as the graph demands.
    Completed,
    /// It failed.
    Failed,
    /// It was interrupted, and a later run took it up.
    Interrupted,
    /// It ended; whether it completed or waits cannot be decided.
    Ended,
    /// No end was seen, and none is to be expected.
    NoEndSeen,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Quiet,
        Self::Waiting,
        Self::Completed,
        Self::Failed,
        Self::Interrupted,
        Self::Ended,
        Self::NoEndSeen,
    ];

    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Quiet => "quiet",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Ended => "ended",
            Self::NoEndSeen => "no_end_seen",
        }
    }
}

macro_rules! rules {
    ($($variant:ident = $code:literal, $text:literal;)+) => {
        /// By what a status was concluded. The text is a sentence for people.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule { $(#[doc = $text] $variant),+ }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// A stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it says.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

rules! {
    LastStepLeadsToEnd = "last_step_leads_to_end", "GRAPH_END after a step that leads to the end of the graph.";
    InterruptedAfter = "interrupted_after_node", "GRAPH_END right after NODE_END: the executor stopped after this node.";
    InterruptedBefore = "interrupted_before_node", "GRAPH_END after a step that leads to another node: the executor stopped before it.";
    InterruptedAtStart = "interrupted_before_first_step", "GRAPH_END right after GRAPH_START: the executor stopped before the first step.";
    EndOrWait = "branch_may_end_or_wait", "GRAPH_END after a condition that may end the graph or lead to a node: completed, or waits before that node.";
    MessagesMissing = "messages_missing_before_end", "GRAPH_END, but messages right before it are missing.";
    GraphUnknown = "graph_not_declared", "GRAPH_END, but the graph was not declared, so what comes next is not known.";
    NodeFailed = "node_error", "NODE_ERROR ends a run.";
    GraphFailed = "graph_error", "GRAPH_ERROR reported by the run itself.";
    ReportedStatus = "reported_status", "The producer reported this status at the end.";
    ReportedFailure = "reported_failure", "The producer reported an error at the end.";
    ApprovalOpen = "approval_open", "A person was asked and has not answered.";
    ApprovalNodeOpen = "approval_node_open", "A node of the type for approvals is open.";
    Resumed = "resumed", "Interrupted, and a later run of the thread took it up.";
    GraphStartLast = "graph_start_last", "GRAPH_START is the last event: it was working before its first step, or it was killed.";
    NodeOpen = "node_open", "A node is open: it works, waits, is in a retry, or its process is gone.";
    BranchesOpen = "branches_open", "A parallel group is open: a branch failed or is still running.";
    NodeEndedLast = "node_end_last", "A node ended and nothing followed: a checkpoint or a condition failed, the tail was lost, or the process is gone.";
    BetweenSteps = "edge_last", "An edge was taken and nothing followed: recursion limit, missing target, interrupt without a checkpointer, or the process is gone.";
    GroupEndedLast = "parallel_end_last", "A parallel group ended and nothing followed: merging or a checkpoint failed, or the process is gone.";
    TailLost = "state_last", "A state diff or checkpoint is the last message: the tail was lost.";
    NothingKnown = "nothing_known", "No event of the graph was seen.";
}

/// When silence is suspicious, and when it is taken for an end. In milliseconds, by the clock of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietLimits {
    /// An open node is suspicious: the executor's default timeout of a node.
    pub open_node_ms: i64,
    /// An open node is over: four tries of that timeout, and the pauses between them.
    pub open_node_over_ms: i64,
    /// Between two steps nothing takes long.
    pub between_steps_ms: i64,
    /// Any run is over: the executor's default timeout of a graph.
    pub run_over_ms: i64,
}

impl Default for QuietLimits {
    fn default() -> Self {
        Self {
            open_node_ms: 300_000,
            open_node_over_ms: 1_210_000,
            between_steps_ms: 30_000,
            run_over_ms: 3_600_000,
        }
    }
}

/// A status with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What became of the run.
    pub(super) status: Status,
    /// By which rule.
    pub(super) rule: Rule,
    /// The event that shows it.
    pub(super) evidence: EventAddress,
    /// The node it is about: that which failed, is open, or comes next; else empty.
    pub(super) node: Rc<str>,
    /// Since when it waits, in microseconds of the producer's clock; 0 = it does not.
    pub(super) waiting_since_us: i64,
    /// Whether more silence changes it, and into what.
    pub(super) silence: Silence,
}

/// What silence means for a run without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing any more.
    Nothing,
    /// A node is open.
    OpenNode,
    /// Nothing is, so something should have followed soon.
    BetweenSteps,
}

/// The steps' own verdict; later runs of the thread may change it.
pub(super) fn verdict(
    fold: &Fold,
    names: &Names,
    is_missing: &dyn Fn(u64, u64) -> bool,
) -> Verdict {
    match &fold.end {
        Some(end) => ended(fold, end, names, is_missing),
        None => open(fold, names),
    }
}

fn conclude(status: Status, rule: Rule, evidence: EventAddress, node: Rc<str>) -> Verdict {
    Verdict {
        status,
        rule,
        evidence,
        node,
        waiting_since_us: 0,
        silence: Silence::Nothing,
    }
}

fn ended(fold: &Fold, end: &End, names: &Names, is_missing: &dyn Fn(u64, u64) -> bool) -> Verdict {
    let node = || names.shared(end.node);
    match end.kind {
        StepKind::NodeError => {
            return conclude(Status::Failed, Rule::NodeFailed, end.at, node());
        }
        StepKind::GraphError => {
            return conclude(Status::Failed, Rule::GraphFailed, end.at, node());
        }
        StepKind::GraphStart
        | StepKind::GraphEnd
        | StepKind::NodeStart
        | StepKind::NodeEnd
        | StepKind::Edge
        | StepKind::Branch
        | StepKind::ParallelStart
        | StepKind::ParallelEnd
        | StepKind::Diff
        | StepKind::Checkpoint => {}
    }
    if let Some(text) = end.text.as_deref().filter(|_| fold.is_agent) {
        return reported(text, end);
    }
    let Some(last) = fold.last else {
        return conclude(Status::Ended, Rule::MessagesMissing, end.at, Rc::default());
    };
    if is_missing(last.sequence, end.sequence) {
        return conclude(Status::Ended, Rule::MessagesMissing, end.at, Rc::default());
    }
    let nothing = Topology::default();
    let topology = fold.topology.as_deref().unwrap_or(&nothing);
    after(topology, &last, end, names)
}

fn reported(text: &str, end: &End) -> Verdict {
    let (status, rule) = match text {
        "complete" => (Status::Completed, Rule::ReportedStatus),
        "error" => (Status::Failed, Rule::ReportedFailure),
        "interrupted" => (Status::Waiting, Rule::ReportedStatus),
        // turn_limit, in_progress and what is not known.
        _ => (Status::Ended, Rule::ReportedStatus),
    };
    waiting(conclude(status, rule, end.at, Rc::default()), end.time_us)
}

fn waiting(mut verdict: Verdict, since_us: i64) -> Verdict {
    if verdict.status == Status::Waiting {
        verdict.waiting_since_us = since_us;
    }
    verdict
}

/// The verdict at GRAPH_END: what the last event leads to, if not to this end.
fn after(topology: &Topology, last: &Last, end: &End, names: &Names) -> Verdict {
    let next = topology.next(names.text(last.node));
    let (status, rule, node) = match (last.kind, next) {
        (StepKind::NodeEnd, _) => (Status::Waiting, Rule::InterruptedAfter, None),
        (StepKind::GraphStart, _) => (Status::Waiting, Rule::InterruptedAtStart, None),
        (_, Next::Unknown) => (Status::Ended, Rule::GraphUnknown, None),
        (_, Next::End) => (Status::Completed, Rule::LastStepLeadsToEnd, None),
        // Also of several direct edges: the first counts, and which is first is not known.
        (_, Next::EndOr(targets)) => (Status::Ended, Rule::EndOrWait, targets.first().copied()),
        (_, Next::Nodes(targets)) => (
            Status::Waiting,
            Rule::InterruptedBefore,
            targets.first().copied(),
        ),
    };
    let node = node.map_or_else(|| names.shared(last.node), Rc::from);
    waiting(conclude(status, rule, end.at, node), end.time_us)
}

fn open(fold: &Fold, names: &Names) -> Verdict {
    if let Some(Asked { node, at, time_us }) = fold.asked {
        let node = names.shared(node);
        return waiting(
            conclude(Status::Waiting, Rule::ApprovalOpen, at, node),
            time_us,
        );
    }
    let Some(last) = fold.last_step else {
        let nowhere = EventAddress::default();
        return conclude(
            Status::NoEndSeen,
            Rule::NothingKnown,
            nowhere,
            Rc::default(),
        );
    };
    let open = fold
        .open
        .last()
        .and_then(|&index| fold.attempts.get(index as usize));
    let mut verdict = conclude(
        Status::Running,
        Rule::NothingKnown,
        last.at,
        names.shared(last.node),
    );
    verdict.silence = Silence::BetweenSteps;
    if let Some(attempt) = open {
        verdict.node = names.shared(attempt.node);
        verdict.evidence = attempt.start_at;
        verdict.silence = Silence::OpenNode;
        verdict.rule = match attempt.group {
            Some(_) => Rule::BranchesOpen,
            None => Rule::NodeOpen,
        };
        let topology = fold.topology.as_deref();
        let kind = topology.map_or("", |graph| graph.kind_of(names.text(attempt.node)));
        if matches!(kind, "human_in_loop" | "humaninloop" | "approval") {
            verdict.status = Status::Waiting;
            verdict.rule = Rule::ApprovalNodeOpen;
            return waiting(verdict, attempt.start_us);
        }
        return verdict;
    }
    verdict.rule = match last.kind {
        StepKind::GraphStart => Rule::GraphStartLast,
        StepKind::NodeEnd => Rule::NodeEndedLast,
        StepKind::Edge | StepKind::Branch => Rule::BetweenSteps,
        StepKind::ParallelEnd => Rule::GroupEndedLast,
        StepKind::Diff | StepKind::Checkpoint => Rule::TailLost,
        StepKind::NodeStart | StepKind::ParallelStart => Rule::NodeOpen,
        StepKind::GraphEnd | StepKind::NodeError | StepKind::GraphError => Rule::NothingKnown,
    };
    verdict
}

impl Verdict {
    /// The status at a time of arrival; without one nothing more will come.
    pub(super) fn status_at(
        &self,
        heard_ms: i64,
        now_ms: Option<i64>,
        limits: &QuietLimits,
    ) -> Status {
        let (suspicious, over) = match self.silence {
            Silence::Nothing => return self.status,
            Silence::OpenNode => (limits.open_node_ms, limits.open_node_over_ms),
            Silence::BetweenSteps => (limits.between_steps_ms, limits.run_over_ms),
        };
        let Some(now) = now_ms else {
            return Status::NoEndSeen;
        };
        let quiet = now.saturating_sub(heard_ms);
        // A person may take their time.
        if self.status == Status::Waiting {
            self.status
        } else if quiet >= over.min(limits.run_over_ms) {
            Status::NoEndSeen
        } else if quiet >= suspicious {
            Status::Quiet
        } else {
            self.status
        }
    }
}

/// Whether a run that starts at this node takes another one up: a fresh run begins at the entry point.
pub(super) fn resumes(fold: &Fold, names: &Names) -> bool {
    let (Some(topology), Some(first)) = (&fold.topology, fold.first_node) else {
        return false;
    };
    let first = names.text(first);
    fold.start_seen && !topology.entry.is_empty() && !is_end(first) && *first != *topology.entry
}
