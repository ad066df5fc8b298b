//! `dashstream inspect`: the canonical text of every record, one a line; of one that is refused,
//! what its bytes say down to where they fail.

use std::io::{self, BufWriter, Write};

use decode_core::Decoder;
use decode_core::wire::{GapCause, RejectCode};
use serde::Serialize;

use crate::input::{self, Content, Found, InputArgs, Item, Lines, ModeArgs, Place, Source, Wanted};
use crate::outcome::{Failure, Outcome};
use crate::output::{describe, gap_text, place_text, reject_text, write_line};
use crate::{truncated, wire_tree};

/// Print records as canonical JSON text, one a line
///
/// A record that is refused is a line {"@rejected": ...} with its wire-level tree down to the
/// failure, which stderr shows too; a gap is a line {"@gap": ...}. Of a capture with an index only
/// the blocks are read that can hold what --partition and --offset ask for.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    mode: ModeArgs,
    /// Only this partition (formats that hold partitions)
    #[arg(long)]
    partition: Option<u32>,
    /// Only from this offset on (formats that hold offsets)
    #[arg(long)]
    offset: Option<u64>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut inspection = Inspection {
        decoder: Decoder::new(args.mode.mode()),
        outcome: Outcome::Clean,
        out: stdout(&args.input.sources()),
    };
    let reading = args.input.reading()?;
    let mut lines = Lines::default();
    let mut is_found = args.wanted().is_anything();
    for source in args.input.sources() {
        let name = source.name();
        let mut visit = |found: Found<'_>| {
            let mut item = match found {
                Found::Item(item) if item.place.is_none() && !args.wanted().is_anything() => {
                    return Err(Failure::Usage(format!("{name}: {NO_PLACES}")));
                }
                Found::Item(item) => item,
                Found::Line(line) => lines.item(&line),
                Found::Mark(_) => return Ok(()),
                Found::Notice(text) => {
                    say!("{text}");
                    return Ok(());
                }
            };
            if !args.wants(&mut item) {
                return Ok(());
            }
            is_found = true;
            inspection
                .item(&name, &item)
                .map_err(|error| Failure::stdout(&error))
        };
        let read = input::read_from(&source, reading, args.wanted(), &mut visit);
        inspection
            .out
            .flush()
            .map_err(|error| Failure::stdout(&error))?;
        read?;
    }
    if !is_found {
        return Err(Failure::Io(format!("nothing was found {}", args.wanted())));
    }
    Ok(inspection.outcome)
}

/// What is piped in comes out line by line, as whoever sends it may pause; a file is not waited for.
fn stdout(sources: &[Source]) -> Box<dyn Write> {
    let out = io::stdout().lock();
    if sources.iter().any(|source| matches!(source, Source::Stdin)) {
        Box::new(out)
    } else {
        Box::new(BufWriter::new(out))
    }
}

impl Args {
    const fn wanted(&self) -> Wanted {
        Wanted {
            partition: self.partition,
            offset: self.offset,
        }
    }

    /// Of a line without a place nobody can say whether it is wanted: it is shown as that.
    fn wants(&self, item: &mut Item<'_>) -> bool {
        if self.wanted().is_anything() {
            return true;
        }
        let Some(place) = item.place else {
            if !matches!(item.content, Content::Unreadable(_)) {
                item.content = Content::Unreadable(NO_PLACE);
            }
            return true;
        };
        let last = match item.content {
            Content::Gap { last, .. } => last,
            Content::Payload(_)
            | Content::TooLong(_)
            | Content::Null
            | Content::Truncated { .. }
            | Content::Rejected { .. }
            | Content::Unreadable(_) => place.offset,
        };
        self.partition
            .is_none_or(|partition| partition == place.partition)
            && self.offset.is_none_or(|offset| offset <= last)
    }
}

struct Inspection<W> {
    decoder: Decoder,
    outcome: Outcome,
    out: W,
}

#[derive(Serialize)]
enum Odd<'a> {
    #[serde(rename = "@rejected")]
    Rejected {
        code: &'a str,
        what: &'a str,
        hex: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tree: Vec<String>,
    },
    #[serde(rename = "@truncated")]
    Truncated {
        bytes: u64,
        kept: usize,
        code: Option<&'static str>,
        hex: String,
    },
    #[serde(rename = "@gap")]
    Gap {
        partition: u32,
        first: String,
        last: String,
        cause: String,
    },
    #[serde(rename = "@unreadable")]
    Unreadable { what: &'a str },
}

impl<W: Write> Inspection<W> {
    fn item(&mut self, input: &str, item: &Item<'_>) -> io::Result<()> {
        let place = item.place.unwrap_or(Place::new(0, 0));
        let gap = |last: u64, cause: u32| Odd::Gap {
            partition: place.partition,
            first: place.offset.to_string(),
            last: last.to_string(),
            cause: gap_text(cause),
        };
        match item.content {
            Content::Payload(payload) => self.payload(input, item, payload),
            Content::TooLong(len) => self.odd(&Odd::Rejected {
                code: RejectCode::TooLarge.code(),
                what: &format!("{len} bytes"),
                hex: String::new(),
                tree: Vec::new(),
            }),
            Content::Truncated { head, len } => {
                let certain = truncated::certain_refusal(&mut self.decoder, head, len);
                self.odd(&Odd::Truncated {
                    bytes: len,
                    kept: head.len(),
                    code: certain.map(|(code, _)| code.code()),
                    hex: hex(head),
                })
            }
            Content::Rejected { code, prefix } => self.odd(&Odd::Rejected {
                code: &reject_text(code),
                what: "refused by the relay",
                hex: hex(prefix),
                tree: Vec::new(),
            }),
            Content::Null => self.odd(&gap(place.offset, GapCause::NullValue.number())),
            Content::Gap { last, cause } => self.odd(&gap(last, cause)),
            Content::Unreadable(what) => {
                say!("{}: {what}", place_text(input, item));
                self.odd(&Odd::Unreadable { what })
            }
        }
    }

    fn payload(&mut self, input: &str, item: &Item<'_>, payload: &[u8]) -> io::Result<()> {
        let text = match self.decoder.decode(payload, &mut ()) {
            Ok(decoded) => decoded.canonical_json(),
            Err(reject) => Err(reject),
        };
        let reject = match text {
            Ok(text) => return writeln!(self.out, "{text}"),
            Err(reject) => reject,
        };
        let what = describe(&reject);
        let tree = wire_tree::lines(&mut self.decoder, payload, &reject);
        say!("{}: {what}", place_text(input, item));
        for line in &tree {
            say!("  {line}");
        }
        self.odd(&Odd::Rejected {
            code: reject.code().code(),
            what: &what,
            hex: hex(payload),
            tree,
        })
    }

    fn odd(&mut self, odd: &Odd<'_>) -> io::Result<()> {
        self.outcome = match (odd, self.outcome) {
            (Odd::Unreadable { .. }, _) | (_, Outcome::Unreadable) => Outcome::Unreadable,
            _ => Outcome::Found,
        };
        write_line(&mut self.out, odd)
    }
}

const NO_PLACES: &str = "--partition and --offset need a format that holds partitions and offsets";
const NO_PLACE: &str = "a record without partition and offset";

/// The first bytes, enough to see what they are.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(HEX_BYTES_MAX)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

const HEX_BYTES_MAX: usize = 64;
