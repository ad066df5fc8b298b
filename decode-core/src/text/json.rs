//! JSON's own part of the canonical text: strings, base64 and numbers.

use alloc::format;
use alloc::string::String;
use core::fmt::{Display, Write as _};

use crate::json::push_text;

/// A key with the separator that must stand before it.
pub(super) fn key(out: &mut String, first: &mut bool, text: &str) {
    if !core::mem::replace(first, false) {
        out.push(',');
    }
    push_text(out, text);
    out.push(':');
}

/// The standard alphabet, padded, in quotes.
pub(super) fn base64(out: &mut String, bytes: &[u8]) {
    out.reserve(bytes.len().div_ceil(3) * 4 + 2);
    out.push('"');
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place) & 0x3F) as u8;
            out.push(if place > chunk.len() {
                '='
            } else {
                letter(index)
            });
        }
    }
    out.push('"');
}

fn letter(index: u8) -> char {
    char::from(match index {
        0..=25 => b'A' + index,
        26..=51 => b'a' + (index - 26),
        52..=61 => b'0' + (index - 52),
        62 => b'+',
        _ => b'/',
    })
}

/// A number of at most 32 bits.
pub(super) fn plain(out: &mut String, number: impl Display) {
    let _ = write!(out, "{number}");
}

/// A number of 64 bits, which JSON's readers would round.
pub(super) fn quoted(out: &mut String, number: impl Display) {
    let _ = write!(out, "\"{number}\"");
}

pub(super) fn double(out: &mut String, number: f64) {
    if !special(out, number) {
        lay_out(out, &format!("{number:e}"));
    }
}

/// The shortest digits that give this `f32` back, which are fewer than its `f64` has.
pub(super) fn float(out: &mut String, number: f32) {
    if !special(out, f64::from(number)) {
        lay_out(out, &format!("{number:e}"));
    }
}

fn special(out: &mut String, number: f64) -> bool {
    let text = if number.is_nan() {
        "\"NaN\""
    } else if number == f64::INFINITY {
        "\"Infinity\""
    } else if number == f64::NEG_INFINITY {
        "\"-Infinity\""
    } else if number == 0.0 && number.is_sign_negative() {
        // Many readers take `-0` for the integer zero and lose the sign.
        "-0.0"
    } else {
        return false;
    };
    out.push_str(text);
    true
}

/// Arranges digits and exponent (`d.ddde±n`) as ECMAScript does: plain from 1e-6 up to below
/// 1e21, with an exponent outside.
fn lay_out(out: &mut String, scientific: &str) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    out.push_str(sign);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !(-6..=20).contains(&exponent) {
        let dot = if fraction.is_empty() { "" } else { "." };
        let _ = write!(out, "{whole}{dot}{fraction}e{exponent:+}");
        return;
    }
    if exponent < 0 {
        out.push_str("0.");
        (1..-exponent).for_each(|_| out.push('0'));
        out.push_str(whole);
        out.push_str(fraction);
        return;
    }
    let before_point = exponent.unsigned_abs() as usize;
    let (integral, rest) = fraction
        .split_at_checked(before_point)
        .unwrap_or((fraction, ""));
    out.push_str(whole);
    out.push_str(integral);
    (integral.len()..before_point).for_each(|_| out.push('0'));
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn doubles_are_short_and_round_trip() {
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0.0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (123_456.789, "123456.789"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.25e21, "1.25e+21"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            let written = text(|out| double(out, number));
            assert_eq!(written, expected);
            assert_eq!(crate::text::double(number), expected.trim_matches('"'));
            if number.is_finite() {
                assert_eq!(
                    written.parse::<f64>().map(f64::to_bits),
                    Ok(number.to_bits())
                );
            }
        }
    }

    #[test]
    fn floats_use_their_own_digits() {
        for (number, expected) in [
            (0.1, "0.1"),
            (16_777_216.0, "16777216"),
            (f32::MAX, "3.4028235e+38"),
            (1e-45, "1e-45"),
        ] {
            assert_eq!(text(|out| float(out, number)), expected);
        }
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, expected) in [
            (&b""[..], "\"\""),
            (b"f", "\"Zg==\""),
            (b"fo", "\"Zm8=\""),
            (b"foo", "\"Zm9v\""),
            (b"foob", "\"Zm9vYg==\""),
            (&[0xFB, 0xFF, 0xFE], "\"+//+\""),
        ] {
            assert_eq!(text(|out| base64(out, bytes)), expected);
        }
    }
}
