//! What may be a token in the wrong place: a part of one that was given without quotes, or one in place of a word. No
//! message repeats it.

use std::ffi::OsString;

use decode_core::wire::TOKEN_CHARS_MIN;

/// A message about a command line without those of its words that may be secrets; `None` if it has none. After one of
/// the flags whose values are secrets, every word may be one.
pub fn hidden<'w>(
    message: &str,
    words: impl IntoIterator<Item = &'w str>,
    secret_flags: &[&str],
    arguments: impl IntoIterator<Item = OsString>,
) -> Option<String> {
    let has_secret = arguments.into_iter().any(|argument| {
        let text = argument.to_string_lossy();
        secret_flags.contains(&text.split('=').next().unwrap_or_default())
    });
    // A flag is named without its value, and the name of a value is in brackets.
    let is_name = |word: &str| word.is_empty() || word.starts_with(['-', '<', '[']);
    let may_be_secret =
        |word: &&str| !is_name(word) && (has_secret || word.len() >= TOKEN_CHARS_MIN);
    let hide = |text: String, word: &str| text.replace(word, "(not shown: it may be a secret)");
    let secrets: Vec<_> = words.into_iter().filter(may_be_secret).collect();
    (!secrets.is_empty()).then(|| secrets.into_iter().fold(message.to_owned(), hide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_secret_is_hidden() {
        let token = "0123456789abcdef0123456789abcdef";
        let message = |words: &[&str], arguments: &[&str]| {
            let arguments = arguments.iter().map(OsString::from);
            let words = words.iter().copied();
            hidden("a word, <NAME>", words, &["--token"], arguments)
        };
        assert_eq!(message(&["word"], &["tail", "--other", "word"]), None);
        assert_eq!(message(&["<NAME>", "--token", ""], &["--token", "x"]), None);
        let shown = Some("a (not shown: it may be a secret), <NAME>".to_owned());
        assert_eq!(message(&["word"], &["--token", "x", "word"]), shown);
        assert_eq!(message(&["word"], &["--token=x", "word"]), shown);
        let long = hidden(token, [token], &[], []);
        assert_eq!(long.as_deref(), Some("(not shown: it may be a secret)"));
    }
}
