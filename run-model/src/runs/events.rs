//! Which events make up a run or an attempt, for the filter of the event list.

use alloc::rc::Rc;
use alloc::vec::Vec;

use super::Runs;
use super::step::EventAddress;
use super::thread::Run;
use crate::order;

/// Events of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunEvents {
    /// Its thread: no event of another one is in it.
    pub(crate) thread: Rc<str>,
    /// Ascending.
    pub(crate) addresses: Vec<EventAddress>,
}

impl Runs {
    /// The thread of a run that is known.
    pub(crate) fn thread_of(&mut self, id: EventAddress) -> Option<Rc<str>> {
        self.settle_all();
        Some(Rc::clone(&self.table.get(id)?.thread))
    }

    /// The events that are held of a run, or of one of its attempts; none where it is not known.
    pub(crate) fn events_of(&mut self, id: EventAddress, attempt: Option<u32>) -> RunEvents {
        self.settle_all();
        let Some((thread, index)) = self.find(id) else {
            return RunEvents::default();
        };
        let run = thread.runs.get(index);
        let steps = run.map(|run| steps_of(run, attempt)).unwrap_or_default();
        let remarks = self.remarks(id, |remark| {
            attempt.is_none_or(|wanted| remark.attempt == wanted)
        });
        let mut addresses: Vec<_> = remarks.into_iter().map(|remark| remark.at).collect();
        addresses.extend(steps);
        order::by(&mut addresses, Ord::cmp);
        RunEvents {
            thread: Rc::clone(&thread.name),
            addresses,
        }
    }
}

/// Steps of a run. Those of an attempt are its start, its end, and what was sent between them of its node or of
/// none: branches run side by side.
fn steps_of(run: &Run, attempt: Option<u32>) -> Vec<EventAddress> {
    let Some(number) = attempt else {
        return run.steps.iter().map(|step| step.at).collect();
    };
    let Some(attempt) = run.fold.attempts.get(number as usize) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut is_inside = false;
    for step in &run.steps {
        let is_end = attempt.end_at == Some(step.at);
        is_inside |= step.at == attempt.start_at;
        if is_end || (is_inside && (step.node == attempt.node || step.node == 0)) {
            found.push(step.at);
        }
        is_inside &= !is_end;
    }
    found
}
