//! Text of the kind agents exchange: mostly plain words, some in other scripts, some identifiers
//! that do not compress.

use crate::rng::Rng;

const WORDS: &[&str] = &[
    "the",
    "and",
    "of",
    "to",
    "a",
    "agent",
    "graph",
    "planner",
    "retrieval",
    "context",
    "token",
    "cursor",
    "partition",
    "offset",
    "schema",
    "budget",
    "window",
    "policy",
    "merge",
    "branch",
    "snapshot",
    "latency",
    "throughput",
    "vector",
    "replay",
    "naïve",
    "façade",
    "данные",
    "日本語",
    "größe",
    "🚀",
    "ключ",
];

/// About `bytes` bytes of text, ending at a word.
pub(crate) fn prose(rng: &mut Rng, bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 16);
    while out.len() < bytes {
        if !out.is_empty() {
            out.push(if rng.chance(0.03) { '\n' } else { ' ' });
        }
        out.push_str(rng.pick(WORDS).copied().unwrap_or_default());
        if rng.chance(0.12) {
            out.push('-');
            out.push_str(&rng.hex(6));
        }
    }
    out
}

/// Rough token count of a text, as the simulated graphs keep it.
pub(crate) fn tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_seeded_and_about_as_long_as_asked() {
        let text = prose(&mut Rng::new(3), 3000);
        assert_eq!(text, prose(&mut Rng::new(3), 3000));
        assert!((3000..3040).contains(&text.len()), "{}", text.len());
        assert!(!text.is_ascii());
    }
}
