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
            Self::Text(text) => nanos_of_text(text),
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

/// The same of a number as text, in units of 10^-9 and rounded. Read digit by digit: the tables of the standard
/// library's reader are the largest thing that the browser would fetch for it.
fn nanos_of_text(text: &str) -> Option<u64> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (digits, is_negative) = match number.strip_prefix('-') {
        Some(digits) => (digits, true),
        None => (number.strip_prefix('+').unwrap_or(number), false),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut digits = whole.bytes().chain(fraction.bytes());
    let is_number = digits.clone().all(|digit| digit.is_ascii_digit());
    if !is_number || whole.len() + fraction.len() == 0 {
        return None;
    }
    if is_negative && digits.clone().any(|digit| digit != b'0') {
        return None;
    }
    let mut nanos = 0;
    let mut left = (whole.len() as i64).checked_add(exponent)?.checked_add(9)?;
    while left > 0 {
        let digit = match digits.next() {
            Some(digit) => digit - b'0',
            None if nanos == 0 => break,
            None => 0,
        };
        nanos = nanos * 10 + u64::from(digit);
        if nanos >= NANOS_END {
            return None;
        }
        left -= 1;
    }
    let is_half = left == 0 && digits.next().is_some_and(|digit| digit >= b'5');
    Some(nanos + u64::from(is_half)).filter(|nanos| *nanos < NANOS_END)
}

/// A thousand million, in units of 10^-9.
const NANOS_END: u64 = 1_000_000_000_000_000_000;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_as_text_is_exact() {
        for (text, nanos) in [
            ("0", Some(0)),
            ("-0.0", Some(0)),
            ("0.00042", Some(420_000)),
            ("4.2E-4", Some(420_000)),
            (".5", Some(500_000_000)),
            ("+5.", Some(5_000_000_000)),
            ("1e3", Some(1_000_000_000_000)),
            ("0.0000000014999", Some(1)),
            ("0.0000000015", Some(2)),
            ("5e-10", Some(1)),
            ("9e-11", Some(0)),
            ("1e-999999", Some(0)),
            ("0e999999", Some(0)),
            ("999999999.999999999", Some(999_999_999_999_999_999)),
            ("0.1000000000000000055511151231257827", Some(100_000_000)),
            ("999999999.9999999996", None),
            ("1e9", None),
            ("1e999999", None),
            ("1e9223372036854775807", None),
            ("-0.5", None),
            ("", None),
            (".", None),
            ("e5", None),
            ("1e", None),
            ("1.2.3", None),
            ("0x10", None),
            ("--1", None),
            ("nan", None),
            ("inf", None),
            ("$1", None),
        ] {
            assert_eq!(nanos_of_text(text), nanos, "{text}");
        }
    }

    /// As floating point has it, wherever that is exact.
    #[test]
    fn money_as_text_and_as_number_agree() {
        let mut seed = 1_u64;
        for _ in 0..10_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (micros, places) = (seed >> 40, (seed >> 32) as usize % 7);
            let number = micros as f64 / 1e6;
            for text in [
                alloc::format!("{number:.places$}"),
                alloc::format!("{number:.places$e}"),
            ] {
                let parsed: f64 = text.parse().expect("a number");
                assert_eq!(nanos_of_text(&text), nanos_of(parsed), "{text}");
            }
        }
    }

    /// DEC-15: each kind of value is read as what it is, the last where there are several, and numbers strictly.
    #[test]
    fn every_kind_of_attribute_is_told() {
        let float = [&[0x19][..], &1.5_f64.to_le_bytes()].concat();
        for (bytes, expected) in [
            (&[0x0A, 2, b'4', b'2'][..], Attribute::Text("42")),
            (&[0x10, 5], Attribute::Int(5)),
            (&float, Attribute::Float(1.5)),
            (&[0x20, 1], Attribute::Bool(true)),
            (&[0x2A, 1, 9], Attribute::Other),
            (&[0x32, 2, 0x0A, 0], Attribute::Other),
            (&[0x3A, 0], Attribute::Other),
            (&[0x10, 5, 0x20, 1], Attribute::Bool(true)),
            (&[], Attribute::Other),
        ] {
            assert_eq!(attribute(bytes), expected, "{bytes:?}");
        }
        for (text, count) in [("42", Some(42)), ("123abc", None), ("", None), ("-1", None)] {
            assert_eq!(Attribute::Text(text).count(), count, "{text}");
        }
        assert_eq!(Attribute::Float(1.5).count(), None);
        assert_eq!(Attribute::Text("0.5x").nanos(), None);
    }
}
