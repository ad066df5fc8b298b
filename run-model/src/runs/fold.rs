//! What the steps of one run add up to, in their order: attempts, groups, its end. The steps alone decide, so
//! the same steps give the same answer whatever the order in which they came.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;

use super::step::{EventAddress, LLM_METRICS, NO_ATTEMPT, Step, StepKind};
use super::topology::Topology;
use super::usage::Usage;
use crate::keyed::Keyed;
use crate::names::Names;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not ended, as far as is known.
    Open,
    /// It ended.
    Ended,
    /// It failed, and with it the run.
    Failed,
    /// It has a time and no duration: a note that the other producer sends as an event of a node.
    Point,
}

/// One execution of a node: the k-th start of its name in the run. Retries inside it are not visible.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) node: u32,
    /// From 1.
    pub(super) iteration: u32,
    pub(super) outcome: Outcome,
    pub(super) start_us: i64,
    /// When its end was reported; later than start plus duration by the making of a state diff.
    pub(super) end_us: Option<i64>,
    pub(super) duration_us: i64,
    pub(super) start_at: EventAddress,
    pub(super) end_at: Option<EventAddress>,
    /// Members of a parallel group share its number and its interval.
    pub(super) group: Option<u32>,
    /// Whether the start was not seen.
    pub(super) start_unseen: bool,
    pub(super) diffs: u32,
    /// Whether its diff holds what the branches before it changed.
    pub(super) holds_branches: bool,
    /// Index of the step that says why it failed.
    pub(super) error_step: Option<u32>,
}

/// A number that is missing between two steps, unless somebody else used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hole {
    /// First and last number that are missing.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The step after it.
    pub(super) before: EventAddress,
}

/// What ended a run.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) kind: StepKind,
    pub(super) at: EventAddress,
    pub(super) sequence: u64,
    pub(super) time_us: i64,
    pub(super) duration_us: i64,
    pub(super) node: u32,
    pub(super) text: Option<Box<str>>,
}

/// The latest step of a kind that counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    pub(super) kind: StepKind,
    /// Of a group: its last member.
    pub(super) node: u32,
    pub(super) at: EventAddress,
    pub(super) sequence: u64,
}

/// A question to a person that nobody answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) node: u32,
    pub(super) at: EventAddress,
    pub(super) time_us: i64,
}

#[derive(Debug, Default)]
pub(super) struct Fold {
    /// Of the agent adapter: numbers are not in the order of calls, and all values are text.
    pub(super) is_agent: bool,
    pub(super) topology: Option<Rc<Topology>>,
    pub(super) start_seen: bool,
    pub(super) has_state: bool,
    pub(super) attempts: Vec<Attempt>,
    pub(super) open: Vec<u32>,
    starts: Keyed<u32>,
    group: Option<u32>,
    groups: u32,
    branches_unsaid: bool,
    /// The latest event of the graph, its end not counted.
    pub(super) last: Option<Last>,
    /// The latest step of any kind.
    pub(super) last_step: Option<Last>,
    pub(super) end: Option<End>,
    pub(super) holes: Vec<Hole>,
    pub(super) first_at: Option<EventAddress>,
    pub(super) first_sequence: u64,
    pub(super) last_sequence: u64,
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    pub(super) arrived_ms: i64,
    pub(super) first_node: Option<u32>,
    pub(super) asked: Option<Asked>,
    pub(super) diffs: u32,
    pub(super) checkpoints: u32,
    /// Usage of steps that are no attempt of their own.
    pub(super) usage: Usage,
    /// Usage in messages of models that diffs added, by attempt; and which of those were counted.
    pub(super) from_state: Keyed<Usage>,
    answers: Keyed<()>,
    pub(super) calls: u32,
    /// Names of groups' members, which no step holds; whoever drops this releases them.
    pub(super) held: Vec<u32>,
}

impl Fold {
    /// Takes the next step. `index` is its place among the run's steps.
    pub(super) fn step(&mut self, step: &Step, index: u32, names: &mut Names) {
        self.sequence(step);
        self.last_us = self.last_us.max(step.time_us);
        self.arrived_ms = self.arrived_ms.max(step.arrived_ms);
        let mut latest = Last {
            kind: step.kind,
            node: step.node,
            at: step.at,
            sequence: step.sequence,
        };
        match step.kind {
            StepKind::GraphStart => self.graph_start(step),
            StepKind::NodeStart => self.node_start(step, names),
            StepKind::NodeEnd => self.node_end(step, names),
            StepKind::NodeError => self.node_error(step, index),
            StepKind::ParallelStart => latest.node = self.parallel_start(step, names),
            StepKind::ParallelEnd => latest.node = self.parallel_end(step, names),
            StepKind::Branch => self.branch(step, names),
            StepKind::Diff => self.diff(step),
            StepKind::Checkpoint => self.checkpoints += 1,
            StepKind::GraphEnd | StepKind::GraphError => self.graph_end(step),
            StepKind::Edge => {}
        }
        self.last_step = Some(latest);
        if step.kind.is_lifecycle() && !matches!(step.kind, StepKind::GraphEnd) {
            self.last = Some(latest);
        }
    }

    fn sequence(&mut self, step: &Step) {
        if self.first_at.is_none() {
            self.first_at = Some(step.at);
            self.first_us = step.time_us;
        }
        if step.sequence == 0 {
            return;
        }
        if self.first_sequence == 0 {
            self.first_sequence = step.sequence;
        } else if step.sequence > self.last_sequence + 1 {
            self.holes.push(Hole {
                first: self.last_sequence + 1,
                last: step.sequence - 1,
                before: step.at,
            });
        }
        self.last_sequence = self.last_sequence.max(step.sequence);
        // The step after a failure says that the run went on.
        if self
            .end
            .as_ref()
            .is_some_and(|end| end.kind != StepKind::GraphEnd)
        {
            self.end = None;
        }
    }

    fn graph_start(&mut self, step: &Step) {
        self.start_seen = true;
        self.is_agent = step.starts_agent();
        if let Some(said) = &step.said {
            self.topology.clone_from(&said.topology);
            self.has_state = said.has_state;
        }
    }

    fn open_attempt(&mut self, step: &Step, node: u32, group: Option<u32>) -> u32 {
        let iteration = self.starts.get_or_insert(node.into(), 0);
        *iteration += 1;
        let index = self.attempts.len() as u32;
        self.attempts.push(Attempt {
            node,
            iteration: *iteration,
            outcome: Outcome::Open,
            start_us: step.time_us,
            end_us: None,
            duration_us: 0,
            start_at: step.at,
            end_at: None,
            group,
            start_unseen: false,
            diffs: 0,
            holds_branches: false,
            error_step: None,
        });
        self.open.push(index);
        self.first_node.get_or_insert(node);
        index
    }

    fn node_start(&mut self, step: &Step, names: &Names) {
        // A tool that is asked for is never ended; the tool that runs is another event.
        let is_point = self.is_agent && names.text(step.node).starts_with("tool:");
        let index = self.open_attempt(step, step.node, None);
        if is_point {
            self.close(index, step, Outcome::Point);
        }
    }

    fn close(&mut self, index: u32, step: &Step, outcome: Outcome) {
        self.open.retain(|open| *open != index);
        if let Some(attempt) = self.attempts.get_mut(index as usize) {
            attempt.outcome = outcome;
            attempt.end_us = Some(step.time_us);
            attempt.duration_us = step.duration_us;
            attempt.end_at = Some(step.at);
        }
    }

    /// The open attempt of a node. The oldest: two calls of one tool cannot be told apart.
    fn open_of(&self, node: u32) -> Option<u32> {
        let of = |index: &&u32| {
            let attempt = self.attempts.get(**index as usize);
            attempt.is_some_and(|attempt| attempt.node == node && attempt.group.is_none())
        };
        self.open.iter().find(of).copied()
    }

    pub(super) fn has_open(&self, node: u32) -> bool {
        self.open_of(node).is_some()
    }

    fn node_end(&mut self, step: &Step, names: &Names) {
        if let Some(said) = &step.said {
            self.usage.add(&said.usage);
        }
        if let Some(index) = self.open_of(step.node) {
            self.close(index, step, Outcome::Ended);
            return;
        }
        let is_call = names.text(step.node).starts_with(LLM_METRICS);
        self.calls += u32::from(is_call);
        let index = self.open_attempt(step, step.node, None);
        let is_point = self.is_agent || is_call;
        self.close(
            index,
            step,
            if is_point {
                Outcome::Point
            } else {
                Outcome::Ended
            },
        );
        if let (false, Some(attempt)) = (is_point, self.attempts.get_mut(index as usize)) {
            attempt.start_us = step.time_us.saturating_sub(step.duration_us.max(0));
            attempt.start_unseen = true;
        }
    }

    fn node_error(&mut self, step: &Step, index: u32) {
        let attempt = match self.open_of(step.node) {
            Some(attempt) => attempt,
            None => {
                let attempt = self.open_attempt(step, step.node, None);
                if let Some(attempt) = self.attempts.get_mut(attempt as usize) {
                    attempt.start_unseen = true;
                }
                attempt
            }
        };
        self.close(attempt, step, Outcome::Failed);
        if let Some(attempt) = self.attempts.get_mut(attempt as usize) {
            attempt.error_step = Some(index);
        }
        self.end_by(step);
    }

    fn end_by(&mut self, step: &Step) {
        let said = step.said.as_ref();
        self.end = Some(End {
            kind: step.kind,
            at: step.at,
            sequence: step.sequence,
            time_us: step.time_us,
            duration_us: step.duration_us,
            node: step.node,
            text: said.and_then(|said| said.error.clone().or_else(|| said.status.clone())),
        });
    }

    fn graph_end(&mut self, step: &Step) {
        // The other producer's second end only adds totals, which its calls have said already.
        if self
            .end
            .as_ref()
            .is_none_or(|end| end.kind != StepKind::GraphEnd)
        {
            self.end_by(step);
        }
    }

    fn members(&mut self, step: &Step, names: &mut Names) -> Vec<u32> {
        let before = self.last.map(|last| last.node);
        let members = {
            let before = before.map(|node| names.text(node));
            let list = names.text(step.node);
            match &self.topology {
                Some(topology) => topology.members(before, list),
                None => Topology::default().members(None, list),
            }
        };
        let members: Vec<_> = members.iter().map(|name| names.hold(name)).collect();
        self.held.extend(&members);
        members
    }

    fn parallel_start(&mut self, step: &Step, names: &mut Names) -> u32 {
        let members = self.members(step, names);
        let group = self.groups;
        self.groups += 1;
        self.group = Some(group);
        for &node in &members {
            self.open_attempt(step, node, Some(group));
        }
        members.last().copied().unwrap_or(step.node)
    }

    fn parallel_end(&mut self, step: &Step, names: &mut Names) -> u32 {
        self.branches_unsaid = true;
        let Some(group) = self.group.take() else {
            return self
                .members(step, names)
                .last()
                .copied()
                .unwrap_or(step.node);
        };
        let mut last = step.node;
        for index in 0..self.attempts.len() as u32 {
            let attempt = self.attempts.get(index as usize);
            if let Some(attempt) = attempt.filter(|attempt| attempt.group == Some(group)) {
                last = attempt.node;
                self.close(index, step, Outcome::Ended);
            }
        }
        last
    }

    /// The other producer asks a person by way of a branch, and the answer is another one.
    fn branch(&mut self, step: &Step, names: &Names) {
        let name = names.text(step.node);
        if name.starts_with("approval_required:") {
            self.asked = Some(Asked {
                node: step.node,
                at: step.at,
                time_us: step.time_us,
            });
        } else if name.starts_with("tool_selection:") {
            self.asked = None;
        }
    }

    fn diff(&mut self, step: &Step) {
        self.diffs += 1;
        let open = self.open.last().copied();
        for answer in step.said.iter().flat_map(|said| &said.answers) {
            // The same message again, as when a list is rewritten.
            if self.answers.get(answer.key).is_none() {
                self.answers.get_or_insert(answer.key, ());
                let attempt = open.unwrap_or(NO_ATTEMPT).into();
                let of = self.from_state.get_or_insert(attempt, Usage::default());
                of.add(&answer.usage);
            }
        }
        if let Some(attempt) = open.and_then(|open| self.attempts.get_mut(open as usize)) {
            attempt.diffs += 1;
            attempt.holds_branches |= core::mem::take(&mut self.branches_unsaid);
        }
    }

    /// When the run began: its start's header is stamped late, so its duration says more where it is known.
    pub(super) fn start_us(&self) -> i64 {
        match &self.end {
            Some(end) if end.duration_us > 0 && self.start_seen => {
                let by_duration = end.time_us.saturating_sub(end.duration_us);
                by_duration.min(self.first_us)
            }
            _ => self.first_us,
        }
    }
}
