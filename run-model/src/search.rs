//! Which texts a search takes for the same: those that differ in case only.

use alloc::string::String;

/// A text as searches compare it. The two small sigmas are one letter, whatever its place in a word.
pub(crate) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let letters = text.chars().flat_map(char::to_lowercase);
    letters.map(|c| if c == 'ς' { 'σ' } else { c }).collect()
}

/// Whether `text` holds `needle`, which is folded. Nearly all texts are ASCII, and are not copied.
pub(crate) fn holds(text: &str, needle: &str) -> bool {
    if !text.is_ascii() {
        return folded(text).contains(needle);
    }
    let mut places = text.as_bytes().windows(needle.len().max(1));
    needle.is_empty() || places.any(|place| place.eq_ignore_ascii_case(needle.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_makes_no_difference_in_any_script() {
        for (text, needle) in [
            ("Fetch-Node", "NODE"),
            ("ÄRGER", "ärger"),
            ("ΟΔΟΣ", "οδος"),
            ("οδος", "ΟΔΟΣ"),
            ("Οδος", "οδοσ"),
            ("İstanbul", "i̇stanbul"),
            ("", ""),
            ("n", ""),
        ] {
            assert!(holds(text, &folded(needle)), "{text} {needle}");
        }
        for (text, needle) in [("nodes", "nodules"), ("", "n")] {
            assert!(!holds(text, &folded(needle)), "{text} {needle}");
        }
    }
}
