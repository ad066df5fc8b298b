//! `dashstream inspect`: the canonical text of every record, one a line.

use std::io::{self, BufWriter, Write};

use decode_core::Decoder;
use serde::Serialize;

use crate::input::{self, Content, InputArgs, Item, ModeArgs};
use crate::outcome::{Failure, Outcome};
use crate::output::{describe, gap_text, place_text, reject_text, write_line};

/// Print records as canonical JSON text, one a line
///
/// A record that cannot be read is a line {"@rejected": ...}, a gap in a capture {"@gap": ...}.
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
        found: false,
        out: BufWriter::new(io::stdout().lock()),
    };
    for source in args.input.sources() {
        let name = source.name();
        let mut visit = |item: Item<'_>| {
            if !args.wants(&item) {
                return Ok(());
            }
            inspection
                .item(&name, &item)
                .map_err(|error| Failure::stdout(&error))
        };
        let read = input::read(&source, args.input.format, &mut visit);
        inspection
            .out
            .flush()
            .map_err(|error| Failure::stdout(&error))?;
        read?;
    }
    Ok(if inspection.found {
        Outcome::Found
    } else {
        Outcome::Clean
    })
}

impl Args {
    fn wants(&self, item: &Item<'_>) -> bool {
        let Some(place) = item.place else {
            return self.partition.is_none() && self.offset.is_none();
        };
        let last = match item.content {
            Content::Gap { last, .. } => last,
            _ => place.offset,
        };
        self.partition
            .is_none_or(|partition| partition == place.partition)
            && self.offset.is_none_or(|offset| offset <= last)
    }
}

struct Inspection<W> {
    decoder: Decoder,
    found: bool,
    out: W,
}

#[derive(Serialize)]
enum Odd<'a> {
    #[serde(rename = "@rejected")]
    Rejected {
        code: &'a str,
        what: &'a str,
        hex: String,
    },
    #[serde(rename = "@gap")]
    Gap {
        partition: u32,
        first: String,
        last: String,
        cause: String,
    },
}

impl<W: Write> Inspection<W> {
    fn item(&mut self, input: &str, item: &Item<'_>) -> io::Result<()> {
        let odd = match item.content {
            Content::Payload(payload) => {
                let text = match self.decoder.decode(payload, &mut ()) {
                    Ok(decoded) => decoded.canonical_json(),
                    Err(reject) => Err(reject),
                };
                match text {
                    Ok(text) => return writeln!(self.out, "{text}"),
                    Err(reject) => {
                        let what = describe(&reject);
                        eprintln!("{}: {what}", place_text(input, item));
                        return self.odd(&Odd::Rejected {
                            code: reject.code().code(),
                            what: &what,
                            hex: hex(payload),
                        });
                    }
                }
            }
            Content::TooLong(len) => Odd::Rejected {
                code: decode_core::wire::RejectCode::TooLarge.code(),
                what: &format!("{len} bytes"),
                hex: String::new(),
            },
            Content::Rejected { code, prefix } => Odd::Rejected {
                code: &reject_text(code),
                what: "refused by the relay",
                hex: hex(prefix),
            },
            Content::Gap { last, cause } => Odd::Gap {
                partition: item.place.map_or(0, |place| place.partition),
                first: item.place.map_or(0, |place| place.offset).to_string(),
                last: last.to_string(),
                cause: gap_text(cause),
            },
        };
        self.odd(&odd)
    }

    fn odd(&mut self, odd: &Odd<'_>) -> io::Result<()> {
        self.found = true;
        write_line(&mut self.out, odd)
    }
}

/// The first bytes, enough to see what they are.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(HEX_BYTES_MAX)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

const HEX_BYTES_MAX: usize = 64;
