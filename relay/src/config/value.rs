//! Typed values of the configuration and how each is read from text.

use std::{fmt, net::IpAddr, time::Duration};

use decode_core::wire;
use serde::Serialize;

/// Bootstrap brokers, at least one, sorted and without repetition so that the order in which an
/// operator wrote them does not matter anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Brokers(Vec<String>);

impl Brokers {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut brokers = Vec::new();
        let mut wrong = Vec::new();
        // A password may hold any character, so nobody can say where in the list it begins or ends.
        let may_hold_password = text.contains('@');
        for (at, part) in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .enumerate()
        {
            if is_broker(part) {
                brokers.push(part.to_owned());
            } else if may_hold_password {
                wrong.push(format!(
                    "entry {} (not shown, as there is an @) is not host:port",
                    at + 1
                ));
            } else {
                wrong.push(format!("\"{part}\" is not host:port"));
            }
        }
        if may_hold_password && !wrong.is_empty() {
            wrong.push("set the login with KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD".to_owned());
        }
        if !wrong.is_empty() {
            return Err(wrong.join(", "));
        }
        if brokers.is_empty() {
            return Err("names no broker".to_owned());
        }
        brokers.sort();
        brokers.dedup();
        Ok(Self(brokers))
    }

    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let legal = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '/' | '@');
    !host.is_empty() && host.chars().all(legal) && matches!(port.parse::<u16>(), Ok(1..))
}

/// A legal Kafka topic name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topic(String);

/// Kafka's own bound on topic names.
const TOPIC_BYTES_MAX: usize = 249;

impl Topic {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if text.len() > TOPIC_BYTES_MAX || matches!(text, "." | "..") || !text.chars().all(legal) {
            return Err(format!("\"{text}\" is not a Kafka topic name"));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a partition is read from when the relay starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
    /// The first record of the last so much time.
    Back(Duration),
}

/// Longer than any topic keeps its records; a bound on mistakes.
const START_BACK_SECS_MAX: u64 = 10 * 366 * 24 * 3600;

impl Start {
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "earliest" => return Ok(Self::Earliest),
            "latest" => return Ok(Self::Latest),
            _ => {}
        }
        let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 24 * 3600)];
        let secs = units.iter().find_map(|&(unit, secs)| {
            let count = whole(text.strip_suffix(unit)?)?;
            count.checked_mul(secs)
        });
        match secs {
            Some(secs @ 1..=START_BACK_SECS_MAX) => Ok(Self::Back(Duration::from_secs(secs))),
            _ => Err(format!(
                "\"{text}\" is not earliest, latest or a time back such as 30m, 2h or 7d"
            )),
        }
    }
}

impl Serialize for Start {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Earliest => serializer.serialize_str("earliest"),
            Self::Latest => serializer.serialize_str("latest"),
            Self::Back(back) => serializer.collect_str(&format_args!("{}s", back.as_secs())),
        }
    }
}

/// What a Kafka value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DecodeMode {
    Strict,
    Compatible,
}

impl DecodeMode {
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            wire::mode::STRICT => Ok(Self::Strict),
            wire::mode::COMPATIBLE => Ok(Self::Compatible),
            other => Err(format!(
                "\"{other}\" is neither {} nor {}",
                wire::mode::STRICT,
                wire::mode::COMPATIBLE
            )),
        }
    }

    /// The name clients know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => wire::mode::STRICT,
            Self::Compatible => wire::mode::COMPATIBLE,
        }
    }
}

/// Which port to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The first free one of the defaults.
    FirstFree,
    /// This one, or the relay does not start. 0 is any free one.
    Exactly(u16),
}

impl Port {
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Ok(Self::FirstFree),
            text => text
                .parse()
                .map(Self::Exactly)
                .map_err(|_| format!("\"{text}\" is not a port (0 to 65535)")),
        }
    }
}

impl Serialize for Port {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::FirstFree => serializer.serialize_none(),
            Self::Exactly(port) => serializer.serialize_u16(*port),
        }
    }
}

/// Text shown to people; bounded because every client gets it.
pub(super) fn notice(text: &str) -> Result<String, String> {
    const NOTICE_BYTES_MAX: usize = 500;
    if text.len() > NOTICE_BYTES_MAX {
        return Err(format!("is longer than {NOTICE_BYTES_MAX} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("contains control characters".to_owned());
    }
    Ok(text.trim().to_owned())
}

pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    match text.trim() {
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        text => text
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .map_err(|_| format!("\"{text}\" is not an IP address")),
    }
}

/// A count or size with an optional binary suffix K, M or G.
pub(super) fn bytes(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let text = text.trim();
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let value = whole(digits)
        .and_then(|value| value.checked_mul(1 << shift))
        .ok_or_else(|| format!("\"{text}\" is not a size such as 1048576, 512K or 64M"))?;
    within(value, min, max)
}

pub(super) fn count(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let text = text.trim();
    let value = whole(text).ok_or_else(|| format!("\"{text}\" is not a whole number"))?;
    within(value, min, max)
}

pub(super) fn seconds(text: &str, min: u64, max: u64) -> Result<Duration, String> {
    count(text, min, max).map(Duration::from_secs)
}

pub(super) fn millis(text: &str, min: u64, max: u64) -> Result<Duration, String> {
    count(text, min, max).map(Duration::from_millis)
}

fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn within(value: u64, min: u64, max: u64) -> Result<u64, String> {
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{value} is not between {min} and {max}"))
    }
}

/// A duration as the configuration shows it.
pub(super) fn as_millis<S: serde::Serializer>(
    value: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_sorted_and_unique() {
        let brokers = Brokers::parse(" b:2, a:1 ,b:2,").unwrap();
        assert_eq!(brokers.as_slice(), ["a:1", "b:2"]);
        for bad in ["", " , ", "a", "a:", ":9092", "a:0", "a:99999", "a:1,b"] {
            assert!(Brokers::parse(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(Brokers::parse("[::1]:9092").is_ok());
    }

    /// SEC-08: a login in a broker's address is refused without repeating any of it.
    #[test]
    fn a_password_among_brokers_is_not_shown() {
        let error = Brokers::parse("a:1, sasl://bob:S3,cr@et@h:9092").unwrap_err();
        for part in ["bob", "S3", "cr@", "et@", "h:9092"] {
            assert!(!error.contains(part), "{error}");
        }
        assert!(
            error.contains("entry 2") && error.contains("KAFKA_SASL_PASSWORD"),
            "{error}"
        );
        let error = Brokers::parse("nowhere").unwrap_err();
        assert!(error.contains("\"nowhere\""), "{error}");
    }

    #[test]
    fn topics_follow_kafka() {
        assert_eq!(Topic::parse(" a.b_c-1 ").unwrap().as_str(), "a.b_c-1");
        for bad in ["", " ", ".", "..", "a b", "a/b", &"x".repeat(250)] {
            assert!(Topic::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    /// OPS-03: latest, earliest, or a duration back.
    #[test]
    fn starts_are_named_or_a_time_back() {
        let back = |secs| Ok(Start::Back(Duration::from_secs(secs)));
        assert_eq!(Start::parse(" earliest "), Ok(Start::Earliest));
        assert_eq!(Start::parse("latest"), Ok(Start::Latest));
        assert_eq!(Start::parse("45s"), back(45));
        assert_eq!(Start::parse("30m"), back(1_800));
        assert_eq!(Start::parse("2h"), back(7_200));
        assert_eq!(Start::parse("7d"), back(604_800));
        for bad in ["", "h", "0h", "-2h", "2", "2 h", "1.5h", "2w", "9999999d"] {
            assert!(Start::parse(bad).is_err(), "{bad:?} was accepted");
        }
        let text = serde_json::to_string(&Start::parse("2h")).expect("serialises");
        assert!(text.contains("\"7200s\""), "{text}");
    }

    #[test]
    fn sizes_have_suffixes_and_bounds() {
        assert_eq!(bytes("64M", 0, u64::MAX), Ok(64 << 20));
        assert_eq!(bytes("7", 7, 7), Ok(7));
        assert_eq!(bytes("1g", 0, u64::MAX), Ok(1 << 30));
        for bad in [
            "",
            "M",
            "-1",
            "1.5M",
            "1 M",
            "99999999999G",
            "0x10",
            "+5",
            "1é",
        ] {
            assert!(bytes(bad, 0, u64::MAX).is_err(), "{bad:?} was accepted");
        }
        assert!(bytes("6", 7, 8).is_err() && bytes("9", 7, 8).is_err());
    }

    #[test]
    fn ports_and_hosts() {
        assert_eq!(Port::parse(""), Ok(Port::FirstFree));
        assert_eq!(Port::parse("0"), Ok(Port::Exactly(0)));
        assert!(Port::parse("65536").is_err() && Port::parse("http").is_err());
        assert!(host("::1").is_ok() && host("[::1]").is_ok() && host("localhost").is_ok());
        assert!(host("example.org").is_err());
    }

    #[test]
    fn notices_are_bounded_text() {
        assert_eq!(notice(" simulated "), Ok("simulated".to_owned()));
        assert!(notice("a\nb").is_err() && notice(&"x".repeat(501)).is_err());
    }
}
