//! `dashstream runs`: the runs of a stream and what became of them; the same answers as the page's list.

mod json;
mod load;

use std::io::{self, Write};

use run_model::Store;
use run_model::limits::QUERY_ROWS_MAX;
use run_model::runs::{RunChip, RunCounts, RunRow, RunsQuery, Status};
use serde_json::json;

use crate::follow::RelayArgs;
use crate::input::{InputArgs, ModeArgs};
use crate::outcome::{Failure, Outcome, concluded};
use crate::output::{shown, write_line};
use crate::utc::utc;

pub(crate) use self::json::{gap_json, row_json, span_json};
pub(crate) use self::load::{Loaded, load};

/// List runs: the status of each, the rule behind it, and what is missing
///
/// The input is files, or what a relay holds: ws://HOST:PORT, wss://HOST, or the address of its page. Of files
/// nothing more is expected to come: a run without an end has the status no_end_seen.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    relay: RelayArgs,
    /// Only runs that failed
    #[arg(long)]
    failed: bool,
    /// Only runs without an end
    #[arg(long)]
    stuck: bool,
    /// Only runs that wait for a person
    #[arg(long)]
    waiting: bool,
    /// Only runs of which messages are missing
    #[arg(long)]
    lossy: bool,
    /// Only runs of this thread
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// Only runs whose thread, graph, node or error contains this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// One JSON object per run, then {"summary": ...}
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Oldest first, as in the stream.
    fn query(&self) -> RunsQuery {
        let chips = [
            (self.failed, RunChip::Failed),
            (self.stuck, RunChip::Stuck),
            (self.waiting, RunChip::Waiting),
            (self.lossy, RunChip::Lossy),
        ];
        let chips = chips.into_iter().filter(|(is_asked, _)| *is_asked);
        RunsQuery {
            chips: chips.map(|(_, chip)| chip).collect(),
            thread: self.thread.clone(),
            text: self.search.clone().unwrap_or_default(),
            ascending: true,
            ..RunsQuery::default()
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut loaded = load(&args.input, &args.mode, &args.relay)?;
    let query = RunsQuery {
        now_ms: loaded.now_ms,
        ..args.query()
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut failed = None;
    let counts = each_run(&mut loaded.store, &query, |row| {
        let written = if args.json {
            write_line(&mut out, &row_json(row))
        } else {
            write_row(&mut out, row)
        };
        failed = written.err();
        failed.is_none()
    });
    let written = match failed {
        Some(error) => Err(error),
        None => write_summary(&mut out, &counts, args.json).and_then(|()| out.flush()),
    };
    concluded(written, loaded.outcome())
}

/// Gives every run that the query asks for, window by window, until `visit` has enough.
pub(crate) fn each_run(
    store: &mut Store,
    query: &RunsQuery,
    mut visit: impl FnMut(&RunRow) -> bool,
) -> RunCounts {
    let mut query = RunsQuery {
        count: QUERY_ROWS_MAX,
        ..query.clone()
    };
    loop {
        let page = store.runs(&query);
        let enough = page.rows.iter().any(|row| !visit(row));
        query.first += page.rows.len();
        if enough || page.rows.is_empty() || query.first >= page.total {
            return page.counts;
        }
    }
}

/// `2026-07-30T12:34:56.789Z  failed  thread#1  graph  at parse  1.2 s  rule`
pub(crate) fn write_row(out: &mut impl Write, row: &RunRow) -> io::Result<()> {
    write!(
        out,
        "{}  {:<11}  {}#{}",
        utc(row.start_us.div_euclid(1_000)),
        row.status.code(),
        shown(&row.thread),
        row.invocation,
    )?;
    if !row.graph.is_empty() {
        write!(out, "  {}", shown(&row.graph))?;
    }
    if !row.node.is_empty() && row.status != Status::Completed {
        write!(out, "  at {}", shown(&row.node))?;
    }
    let until = row.end_us.unwrap_or(row.last_us);
    write!(out, "  {}", seconds(until.saturating_sub(row.start_us)))?;
    if let Some(tokens) = row.usage.tokens() {
        write!(out, "  {tokens} tokens")?;
    }
    if row.missing > 0 {
        write!(out, "  {} missing", row.missing)?;
    }
    write!(out, "  [{}]  {}", row.id, row.rule.code())?;
    if !row.error.is_empty() {
        write!(out, "  {}", shown(&row.error))?;
    }
    writeln!(out)
}

/// Microseconds in seconds.
pub(crate) fn seconds(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let us = us.unsigned_abs();
    format!("{sign}{}.{:03} s", us / 1_000_000, us % 1_000_000 / 1_000)
}

fn write_summary(out: &mut impl Write, counts: &RunCounts, as_json: bool) -> io::Result<()> {
    let of = |status: Status| counts.with(status);
    if !as_json {
        let known = Status::ALL.iter().filter(|status| of(**status) > 0);
        let parts: Vec<_> = known
            .map(|status| format!("{} {}", of(*status), status.code()))
            .collect();
        return writeln!(out, "{} runs: {}", counts.all, parts.join(", "));
    }
    let statuses: serde_json::Map<_, _> = Status::ALL
        .iter()
        .map(|status| (status.code().to_owned(), json!(of(*status))))
        .collect();
    let summary = json!({
        "runs": counts.all,
        "statuses": statuses,
        "lossy": counts.of(RunChip::Lossy),
        "evicted": counts.evicted,
        "dropped": counts.dropped,
    });
    write_line(out, &json!({ "summary": summary }))
}
