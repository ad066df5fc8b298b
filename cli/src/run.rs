//! `dashstream run`: one run from inside; the same answers as the page's waterfall.

use std::io::{self, Write};

use run_model::Store;
use run_model::limits::QUERY_ROWS_MAX;
use run_model::runs::{
    EventAddress, Outcome as SpanOutcome, RunQuery, RunView, RunsQuery, Span, SpanKind,
};
use serde_json::json;

use crate::follow::RelayArgs;
use crate::input::{InputArgs, ModeArgs};
use crate::outcome::{Failure, Outcome, concluded};
use crate::output::{shown, write_line};
use crate::runs::{Loaded, each_run, gap_json, load, row_json, seconds, span_json, write_row};

/// Show one run: attempts, model and tool calls, errors, and what is missing
///
/// The input is files, or what a relay holds: ws://HOST:PORT, wss://HOST, or the address of its page.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The run: its id (PARTITION:OFFSET:INDEX of its first event), or THREAD#INVOCATION, or THREAD for the
    /// latest run of a thread
    #[arg(value_name = "RUN")]
    run: String,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    relay: RelayArgs,
    /// Only what failed or reports errors
    #[arg(long)]
    errors: bool,
    /// The text of models' answers, joined from their pieces
    #[arg(long)]
    texts: bool,
    /// The run, then its spans, texts and gaps, one JSON object per line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut loaded = load(&args.input, &args.mode, &args.relay)?;
    let Some(id) = find(&mut loaded.store, &args.run) else {
        return Err(Failure::Io(format!("no run {:?} in the input", args.run)));
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = write_run(&mut out, &mut loaded, id, args).and_then(|()| out.flush());
    concluded(written, loaded.outcome())
}

/// The run that is meant: an id, a thread's run by number, or a thread's latest.
fn find(store: &mut Store, text: &str) -> Option<EventAddress> {
    let mut found = None;
    let wanted = text.parse::<EventAddress>().ok();
    let numbered = text.rsplit_once('#');
    let numbered = numbered.and_then(|(thread, n)| Some((thread, n.parse::<u32>().ok()?)));
    let query = RunsQuery {
        ascending: true,
        ..RunsQuery::default()
    };
    each_run(store, &query, |row| {
        let is_numbered =
            numbered.is_some_and(|(thread, n)| *thread == *row.thread && n == row.invocation);
        let is_certain = wanted == Some(row.id) || is_numbered;
        if is_certain || *text == *row.thread {
            found = Some(row.id);
        }
        !is_certain
    });
    found
}

fn write_run(
    out: &mut impl Write,
    loaded: &mut Loaded,
    id: EventAddress,
    args: &Args,
) -> io::Result<()> {
    let store = &mut loaded.store;
    let list = RunsQuery {
        now_ms: loaded.now_ms,
        ..RunsQuery::default()
    };
    let mut query = RunQuery {
        list,
        id,
        count: QUERY_ROWS_MAX,
        errors_only: args.errors,
        ..RunQuery::default()
    };
    let mut is_first = true;
    while let Some(view) = store.run(&query) {
        if is_first {
            write_head(out, &view, args.json)?;
        }
        is_first = false;
        for span in &view.spans {
            write_span(out, span, view.row.start_us, args.json)?;
            if args.texts && span.kind == SpanKind::ModelCall {
                write_text(out, store, id, span, args.json)?;
            }
        }
        query.first += view.spans.len();
        if view.spans.is_empty() || query.first >= view.total {
            return write_gaps(out, &view, args.json);
        }
    }
    Ok(())
}

fn write_head(out: &mut impl Write, view: &RunView, as_json: bool) -> io::Result<()> {
    if as_json {
        return write_line(out, &json!({ "run": row_json(&view.row) }));
    }
    write_row(out, &view.row)?;
    writeln!(out, "  {}", view.row.rule.text())?;
    if !view.row.is_held {
        writeln!(
            out,
            "  its events were evicted, because later events exceeded the bound"
        )?;
    }
    Ok(())
}

/// `   0.004    0.085 s  attempt     triage (2)`, indented by level.
fn write_span(out: &mut impl Write, span: &Span, start_us: i64, as_json: bool) -> io::Result<()> {
    if as_json {
        return write_line(out, &span_json(span));
    }
    let from = span.start_us.saturating_sub(start_us);
    let took = span.end_us.map_or_else(
        || "open".to_owned(),
        |end| seconds(end.saturating_sub(span.start_us)),
    );
    let level = match span.kind {
        SpanKind::ModelCall | SpanKind::ToolCall if span.attempt.is_some() => "  ",
        SpanKind::Attempt
        | SpanKind::Branch
        | SpanKind::Point
        | SpanKind::ModelCall
        | SpanKind::ToolCall => "",
    };
    write!(
        out,
        "{:>12}  {took:>12}  {level}{}  {}",
        seconds(from),
        span.kind.code(),
        shown(&span.name)
    )?;
    if span.iteration > 1 {
        write!(out, " ({})", span.iteration)?;
    }
    if !span.key.is_empty() {
        write!(out, " {}", shown(&span.key))?;
    }
    if span.outcome == SpanOutcome::Failed {
        write!(out, "  failed")?;
    }
    if !span.error.is_empty() {
        write!(out, ": {}", shown(&span.error))?;
    }
    writeln!(out)
}

/// Whole, in windows.
fn write_text(
    out: &mut impl Write,
    store: &mut Store,
    id: EventAddress,
    span: &Span,
    as_json: bool,
) -> io::Result<()> {
    let mut whole = String::new();
    let window = loop {
        let window = store.run_text(id, span.attempt, &span.name, whole.len());
        whole.push_str(&window.text);
        if window.text.is_empty() || whole.len() >= window.total_bytes {
            break window;
        }
    };
    if !as_json {
        return writeln!(out, "{:>30}{}", "", shown(&whole));
    }
    let text = json!({
        "attempt": span.attempt,
        "request": &*span.name,
        "text": whole,
        "pieces": window.pieces,
        "missing": window.missing.to_string(),
        "notHeld": window.not_held,
        "restarts": window.restarts,
    });
    write_line(out, &json!({ "text": text }))
}

fn write_gaps(out: &mut impl Write, view: &RunView, as_json: bool) -> io::Result<()> {
    for gap in &view.gaps {
        if as_json {
            write_line(out, &json!({ "gap": gap_json(gap) }))?;
        } else {
            let (first, last) = (gap.first, gap.last);
            writeln!(
                out,
                "  {} messages missing, numbers {first} to {last}, before {}",
                gap.missing, gap.before
            )?;
        }
    }
    Ok(())
}
