//! Tokens and cost: counted once, over leaves, from one source per attempt.

/// Where a figure is from. Where an attempt has several, the first here that is there counts alone, as the
/// others repeat it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Usage that a producer reports for each model call.
    CallMetrics,
    /// Statistics at the end of a model's answer.
    TokenStats,
    /// Metrics of a node.
    Metrics,
    /// Messages of models that a state diff adds.
    State,
    /// Nobody reports it. Not the same as 0.
    #[default]
    NotReported,
}

impl Source {
    /// How many sources there are.
    pub(super) const COUNT: usize = 4;

    /// A stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CallMetrics => "call_metrics",
            Self::TokenStats => "token_stats",
            Self::Metrics => "metrics",
            Self::State => "state",
            Self::NotReported => "not_reported",
        }
    }
}

/// Tokens and cost. A figure that nobody reports is `None`, never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of prompts.
    pub input: Option<u64>,
    /// Tokens of answers.
    pub output: Option<u64>,
    /// Their sum as reported; of no use where the parts are known.
    pub total: Option<u64>,
    /// Cost in US dollars times 10^9.
    pub cost_nanos: Option<u64>,
    /// Where the figures are from.
    pub source: Source,
}

impl Usage {
    pub(super) const fn is_empty(&self) -> bool {
        self.input.is_none()
            && self.output.is_none()
            && self.total.is_none()
            && self.cost_nanos.is_none()
    }

    /// All tokens: the parts where they are known, else the reported sum.
    #[must_use]
    pub fn tokens(&self) -> Option<u64> {
        match (self.input, self.output) {
            (None, None) => self.total,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = *other;
            return;
        }
        // A call that reports parts and one that reports a sum add up to a sum.
        if (self.input.is_some() || self.output.is_some())
            != (other.input.is_some() || other.output.is_some())
        {
            let tokens = plus(self.tokens(), other.tokens());
            (self.input, self.output, self.total) = (None, None, tokens);
        } else {
            self.input = plus(self.input, other.input);
            self.output = plus(self.output, other.output);
            self.total = plus(self.total, other.total);
        }
        self.cost_nanos = plus(self.cost_nanos, other.cost_nanos);
        self.source = self.source.max(other.source);
    }
}

fn plus(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    }
}

/// The same in less room: the largest number stands for a figure that nobody reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedUsage {
    figures: [u64; 4],
    source: Source,
}

impl Usage {
    pub(super) fn packed(&self) -> PackedUsage {
        let figures = [self.input, self.output, self.total, self.cost_nanos];
        PackedUsage {
            figures: figures.map(|figure| figure.unwrap_or(u64::MAX)),
            source: self.source,
        }
    }
}

impl PackedUsage {
    pub(super) fn whole(&self) -> Usage {
        let figures = self
            .figures
            .map(|figure| Some(figure).filter(|it| *it != u64::MAX));
        let [input, output, total, cost_nanos] = figures;
        Usage {
            input,
            output,
            total,
            cost_nanos,
            source: self.source,
        }
    }
}

/// What one attempt reports, by source.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BySource {
    reported: [Usage; Source::COUNT],
}

impl BySource {
    pub(super) fn add(&mut self, usage: &Usage) {
        if let Some(sum) = self.reported.get_mut(usage.source as usize) {
            sum.add(usage);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, other) in self.reported.iter_mut().zip(&other.reported) {
            sum.add(other);
        }
    }

    /// Tokens of the first source that reports any, and cost of the first that reports one.
    pub(super) fn counted(&self) -> Usage {
        let first = |has: fn(&Usage) -> bool| self.reported.iter().find(|usage| has(usage));
        let tokens = first(|usage| usage.tokens().is_some());
        let cost = first(|usage| usage.cost_nanos.is_some());
        let mut counted = tokens.copied().unwrap_or_default();
        counted.cost_nanos = cost.and_then(|usage| usage.cost_nanos);
        if let (None, Some(cost)) = (tokens, cost) {
            counted.source = cost.source;
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(source: Source, input: u64, output: u64, cost: Option<u64>) -> Usage {
        Usage {
            input: Some(input),
            output: Some(output),
            total: Some(input + output),
            cost_nanos: cost,
            source,
        }
    }

    /// One source per attempt: what the others repeat is not added, and a reported sum is not added to its
    /// parts.
    #[test]
    fn tokens_are_counted_once() {
        let mut attempt = BySource::default();
        assert_eq!(attempt.counted().tokens(), None, "not reported is not 0");
        attempt.add(&usage(Source::Metrics, 100, 20, Some(420_000)));
        attempt.add(&usage(Source::CallMetrics, 60, 10, None));
        attempt.add(&usage(Source::CallMetrics, 40, 10, None));
        let counted = attempt.counted();
        assert_eq!(counted.tokens(), Some(120));
        assert_eq!(counted.source, Source::CallMetrics);
        assert_eq!(counted.cost_nanos, Some(420_000));
    }

    /// A call with parts and one with a sum only are a sum.
    #[test]
    fn sums_and_parts_add_up_to_a_sum() {
        let mut sum = usage(Source::Metrics, 100, 20, None);
        sum.add(&Usage {
            total: Some(30),
            source: Source::Metrics,
            ..Usage::default()
        });
        assert_eq!((sum.input, sum.tokens()), (None, Some(150)));
    }
}
