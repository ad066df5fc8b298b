//! Which characters of a canonical text are escaped, and how long a text becomes by it.

/// Length of a string's canonical form, quotes included.
pub(super) fn text_len(text: &str) -> usize {
    let longer: usize = text
        .bytes()
        .map(|byte| match escape(char::from(byte)) {
            None => 0,
            Some(Escape::Short(_)) => 1,
            Some(Escape::Number) => 5,
        })
        .sum();
    text.len() + longer + 2
}

/// How a character that cannot stand as it is is written.
pub(super) enum Escape {
    /// By two characters.
    Short(&'static str),
    /// By its number, in six.
    Number,
}

/// What JSON demands of a character, if anything.
pub(super) const fn escape(letter: char) -> Option<Escape> {
    Some(match letter {
        '"' => Escape::Short("\\\""),
        '\\' => Escape::Short("\\\\"),
        '\u{8}' => Escape::Short("\\b"),
        '\u{c}' => Escape::Short("\\f"),
        '\n' => Escape::Short("\\n"),
        '\r' => Escape::Short("\\r"),
        '\t' => Escape::Short("\\t"),
        '\0'..='\u{1f}' => Escape::Number,
        _ => return None,
    })
}
