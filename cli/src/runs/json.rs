//! Runs, spans and gaps as JSON. 64-bit numbers are decimal strings; what nobody reports is null.

use run_model::runs::{EventAddress, Gap, Outcome, RunRow, Span, Usage};
use serde_json::{Value, json};

/// An address: `PARTITION:OFFSET:INDEX`.
fn address(at: EventAddress) -> String {
    at.to_string()
}

pub(crate) fn row_json(row: &RunRow) -> Value {
    json!({
        "id": address(row.id),
        "thread": &*row.thread,
        "invocation": row.invocation,
        "tenant": &*row.tenant,
        "graph": &*row.graph,
        "schemaId": &*row.schema_id,
        "status": row.status.code(),
        "rule": row.rule.code(),
        "evidence": address(row.evidence),
        "node": &*row.node,
        "relation": row.relation.code(),
        "related": row.related.map(address),
        "startUs": row.start_us.to_string(),
        "endUs": row.end_us.map(|us| us.to_string()),
        "waitingSinceUs": row.waiting_since_us.map(|us| us.to_string()),
        "usage": usage_json(&row.usage),
        "error": &*row.error,
        "attempts": row.attempts,
        "errors": row.errors,
        "modelCalls": row.model_calls,
        "toolCalls": row.tool_calls,
        "failedTools": row.failed_tools,
        "alerts": row.alerts,
        "events": row.events.to_string(),
        "integrity": row.integrity.code(),
        "gaps": row.gaps,
        "missing": row.missing.to_string(),
    })
}

fn usage_json(usage: &Usage) -> Value {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    json!({
        "inputTokens": number(usage.input),
        "outputTokens": number(usage.output),
        "tokens": number(usage.tokens()),
        "costUsd": usage.cost_nanos.map(dollars),
        "source": usage.source.code(),
    })
}

/// Billionths of a dollar as a decimal number of dollars.
fn dollars(nanos: u64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(crate) fn span_json(span: &Span) -> Value {
    json!({
        "span": span.number,
        "kind": span.kind.code(),
        "attempt": span.attempt,
        "name": &*span.name,
        "key": &*span.key,
        "iteration": span.iteration,
        "lane": span.lane,
        "group": span.group,
        "startUs": span.start_us.to_string(),
        "endUs": span.end_us.map(|us| us.to_string()),
        "outcome": outcome(span.outcome),
        "startUnseen": span.start_unseen,
        "startAt": address(span.start_at),
        "endAt": span.end_at.map(address),
        "diffs": span.diffs,
        "messages": span.messages,
        "errors": span.errors,
        "usage": usage_json(&span.usage),
        "error": &*span.error,
    })
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Open => "open",
        Outcome::Ended => "ended",
        Outcome::Failed => "failed",
        Outcome::Point => "point",
    }
}

pub(crate) fn gap_json(gap: &Gap) -> Value {
    json!({
        "firstSequence": gap.first.to_string(),
        "lastSequence": gap.last.to_string(),
        "missing": gap.missing.to_string(),
        "before": address(gap.before),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_exact() {
        assert_eq!(dollars(420_000), "0.00042");
        assert_eq!(dollars(0), "0");
        assert_eq!(dollars(3_000_000_000), "3");
        assert_eq!(dollars(u64::MAX), "18446744073.709551615");
    }
}
