//! Attributes of events and values of metrics, read where they lie.

use decode_core::fields::{Fields, Value};

use crate::row::Row;

/// One attribute's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Attribute<'a> {
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Bytes, a list or a map.
    Other,
}

impl<'a> Attribute<'a> {
    pub(super) fn text(self) -> &'a str {
        match self {
            Self::Text(text) => text,
            Self::Int(_) | Self::Float(_) | Self::Bool(_) | Self::Other => "",
        }
    }

    /// A count, as a number or as the digits of one: one of the producers sends nothing but text.
    pub(super) fn count(self) -> Option<u64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Int(number) => u64::try_from(number).ok(),
            Self::Float(number) => whole(number),
            Self::Bool(_) | Self::Other => None,
        }
    }

    /// An amount of money in units of 10^-9, so that sums are exact whatever their order.
    pub(super) fn nanos(self) -> Option<u64> {
        match self {
            Self::Text(text) => nanos_of(text.parse().ok()?),
            Self::Int(number) => nanos_of(number as f64),
            Self::Float(number) => nanos_of(number),
            Self::Bool(_) | Self::Other => None,
        }
    }
}

fn whole(number: f64) -> Option<u64> {
    // Exact below 2^53; a count beyond it is none.
    ((0.0..9.0e15).contains(&number) && number as u64 as f64 == number).then_some(number as u64)
}

fn nanos_of(amount: f64) -> Option<u64> {
    (0.0..1.0e9)
        .contains(&amount)
        .then_some((amount * 1.0e9 + 0.5) as u64)
}

/// The attributes of an event, in the order in which they stand.
pub(super) fn attributes<'a>(row: &Row<'a>) -> impl Iterator<Item = (&'a str, Attribute<'a>)> {
    entries(row, EVENT_ATTRIBUTES).map(|(key, value)| (key, attribute(value)))
}

/// The values of a Metrics message: name, value, unit.
pub(super) fn metrics<'a>(
    row: &Row<'a>,
) -> impl Iterator<Item = (&'a str, Attribute<'a>, &'a str)> {
    entries(row, METRICS_VALUES).map(|(key, value)| {
        let unit = Fields::new(value).filter(|(number, _)| *number == METRIC_UNIT);
        let unit = unit.last().map_or("", |(_, unit)| unit.text());
        (key, metric(value), unit)
    })
}

/// The entries of a map field: key, and the value's message.
fn entries<'a>(row: &Row<'a>, field: u32) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let found = row.fields().filter(move |(number, _)| *number == field);
    found.map(|(_, entry)| {
        let mut key = "";
        let mut value = &[][..];
        for (number, part) in Fields::new(entry.bytes()) {
            match number {
                1 => key = part.text(),
                2 => value = part.bytes(),
                _ => {}
            }
        }
        (key, value)
    })
}

fn attribute(value: &[u8]) -> Attribute<'_> {
    let last = Fields::new(value).last();
    match last {
        Some((1, text)) => Attribute::Text(text.text()),
        Some((2, number)) => Attribute::Int(number.bits() as i64),
        Some((3, number)) => Attribute::Float(f64::from_bits(number.bits())),
        Some((4, flag)) => Attribute::Bool(flag.bits() != 0),
        _ => Attribute::Other,
    }
}

fn metric(value: &[u8]) -> Attribute<'_> {
    let last = Fields::new(value).filter(|(number, _)| *number <= METRIC_VALUE_LAST);
    match last.last() {
        Some((1, number)) => Attribute::Int(number.bits() as i64),
        Some((2, number)) => Attribute::Float(f64::from_bits(number.bits())),
        Some((3, text)) => Attribute::Text(text.text()),
        Some((4, flag)) => Attribute::Bool(flag.bits() != 0),
        _ => Attribute::Other,
    }
}

/// What a token chunk says about usage: prompt, completion and total tokens.
pub(super) fn token_stats(row: &Row<'_>) -> Option<(Option<u64>, Option<u64>, Option<u64>)> {
    let stats = row.fields().filter(|(number, _)| *number == TOKEN_STATS);
    let (_, stats) = stats.last()?;
    let field = |wanted| {
        let found = Fields::new(stats.bytes()).filter(|(number, _)| *number == wanted);
        found
            .last()
            .map(|(_, value): (u32, Value<'_>)| value.bits())
    };
    Some((field(1), field(2), field(3)))
}

/// `Event.attributes`.
const EVENT_ATTRIBUTES: u32 = 4;
/// `Metrics.metrics`.
const METRICS_VALUES: u32 = 4;
/// `MetricValue.unit`; the members of its `value` have the numbers before it.
const METRIC_UNIT: u32 = 6;
const METRIC_VALUE_LAST: u32 = 5;
/// `TokenChunk.stats`.
const TOKEN_STATS: u32 = 10;
