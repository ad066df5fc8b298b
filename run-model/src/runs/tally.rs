//! What remarks add up to: calls of models and tools by (attempt, id), figures by attempt. Each addition
//! commutes with each other, so the order in which remarks come does not matter.

use dashstream_proto::v1::error::Severity;
use dashstream_proto::v1::tool_execution::ExecutionStage;

use super::step::{EventAddress, Remark, RemarkKind};
use super::usage::BySource;
use crate::keyed::Keyed;

/// Which call of its run: ids are free text and come again in other attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallKey {
    pub(super) attempt: u32,
    pub(super) is_tool: bool,
    /// Number of the request or call id.
    pub(super) id: u32,
}

impl CallKey {
    /// Attempt, kind and id in the order of its bits. Names are far fewer than 2^31: memory bounds them.
    pub(super) const fn number(self) -> u64 {
        (self.attempt as u64) << 32 | (self.is_tool as u64) << 31 | (self.id & ID_MAX) as u64
    }

    const fn of(number: u64) -> Self {
        Self {
            attempt: (number >> 32) as u32,
            is_tool: number >> 31 & 1 == 1,
            id: number as u32 & ID_MAX,
        }
    }
}

/// The largest id in a [`CallKey::number`].
const ID_MAX: u32 = (1 << 31) - 1;

/// One call of a model or tool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    /// As reported; 0 = not.
    pub(super) duration_us: i64,
    pub(super) at: EventAddress,
    /// Number of the tool's name.
    pub(super) name: u32,
    /// Chunks of a model, stages of a tool.
    pub(super) messages: u32,
    /// Of a tool: its latest stage, and when.
    pub(super) stage: u32,
    stage_at: (i64, u64),
    /// Of a model: chunks with index 0; more than one means that it was tried again.
    pub(super) beginnings: u32,
}

impl Call {
    /// Adds what another tally knows of the same call.
    pub(super) fn merge(&mut self, other: &Self) {
        if (other.first_us, other.at) < (self.first_us, self.at) {
            (self.first_us, self.at) = (other.first_us, other.at);
        }
        self.last_us = self.last_us.max(other.last_us);
        self.duration_us = self.duration_us.max(other.duration_us);
        self.name = self.name.max(other.name);
        self.messages += other.messages;
        self.beginnings += other.beginnings;
        if other.stage_at >= self.stage_at {
            (self.stage, self.stage_at) = (other.stage, other.stage_at);
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.stage == ExecutionStage::Failed as u32
    }
}

/// Figures of one attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) remarks: u32,
    pub(super) errors: u32,
    pub(super) usage: BySource,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    calls: Keyed<Call>,
    pub(super) by_attempt: Keyed<Figures>,
    pub(super) alerts: u32,
    /// Lowest number of its remarks; 0 = none has one.
    pub(super) lowest: u64,
}

impl Figures {
    pub(super) fn merge(&mut self, other: &Self) {
        self.remarks += other.remarks;
        self.errors = self.errors.saturating_add(other.errors);
        self.usage.merge(&other.usage);
    }
}

impl Tally {
    pub(super) fn is_empty(&self) -> bool {
        self.by_attempt.len() == 0
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = (CallKey, &Call)> {
        self.calls
            .iter()
            .map(|(key, call)| (CallKey::of(key), call))
    }

    pub(super) fn call_of(&self, key: CallKey) -> Option<&Call> {
        self.calls.get(key.number())
    }

    pub(super) fn add(&mut self, remark: &Remark) {
        let figures = self
            .by_attempt
            .get_or_insert(remark.attempt.into(), Figures::default());
        figures.remarks += 1;
        if let Some(usage) = &remark.usage {
            figures.usage.add(usage);
        }
        if remark.kind != RemarkKind::Alert && remark.sequence > 0 {
            self.lowest = self.lowest.wrapping_sub(1).min(remark.sequence - 1) + 1;
        }
        match remark.kind {
            // Warnings and below are remarks.
            RemarkKind::Error => {
                figures.errors += u32::from(remark.number >= Severity::Error as u32);
            }
            RemarkKind::Alert => self.alerts += 1,
            RemarkKind::Token => self.call(remark, false),
            RemarkKind::Tool => self.call(remark, true),
            RemarkKind::Event(_) | RemarkKind::Metrics | RemarkKind::Other => {}
        }
    }

    fn call(&mut self, remark: &Remark, is_tool: bool) {
        let key = CallKey {
            attempt: remark.attempt,
            is_tool,
            id: remark.key,
        };
        let call = self.calls.get_or_insert(
            key.number(),
            Call {
                first_us: i64::MAX,
                last_us: i64::MIN,
                duration_us: 0,
                at: remark.at,
                name: remark.text,
                messages: 0,
                stage: 0,
                stage_at: (i64::MIN, 0),
                beginnings: 0,
            },
        );
        call.messages += 1;
        if (remark.time_us, remark.at) < (call.first_us, call.at) {
            call.at = remark.at;
            call.first_us = remark.time_us;
        }
        call.last_us = call.last_us.max(remark.time_us);
        call.duration_us = call.duration_us.max(remark.duration_us);
        call.name = call.name.max(remark.text);
        let stage_at = (remark.time_us, remark.sequence);
        if is_tool && stage_at >= call.stage_at {
            (call.stage, call.stage_at) = (remark.number, stage_at);
        }
        call.beginnings += u32::from(!is_tool && remark.number == 0);
    }

    pub(super) fn measure(&self) -> usize {
        self.calls.measure() + self.by_attempt.measure()
    }
}
