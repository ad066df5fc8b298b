//! The secret redactor in front of the telemetry, as far as the simulated states need it. It works
//! on text without knowing JSON, which is how the real one can break `initial_state_json`.

/// Replaces model keys, bearer tokens and passwords in URLs.
pub(crate) fn redact(text: &str) -> String {
    let text = replace_token(text, "sk-", 20, "[OPENAI_KEY]");
    let text = replace_token(&text, "Bearer ", 8, "Bearer [TOKEN]");
    replace_url_password(&text)
}

/// Whether [`redact`] could change the text at all.
pub(crate) fn may_change(text: &str) -> bool {
    ["sk-", "Bearer ", "://"]
        .iter()
        .any(|mark| text.contains(mark))
}

/// `prefix` and at least `len_min` letters, digits and the marks tokens contain.
fn replace_token(text: &str, prefix: &str, len_min: usize, with: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(prefix) {
        out.push_str(before);
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c));
        let end = after.find(is_end).unwrap_or(after.len());
        let (token, tail) = after.split_at(end);
        out.push_str(if token.len() >= len_min { with } else { prefix });
        rest = if token.len() >= len_min { tail } else { after };
    }
    out.push_str(rest);
    out
}

/// `://`, anything without a colon, a colon, eight or more of anything but `@`, and an `@`. Neither
/// quote nor comma ends it, so in JSON text it runs across members.
fn replace_url_password(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        let tail = after
            .split_once(':')
            .filter(|(user, _)| !user.is_empty())
            .and_then(|(_, password)| password.split_once('@'))
            .filter(|(password, _)| password.chars().count() >= 8);
        match tail {
            Some((_, tail)) => {
                out.push_str("://[CREDENTIALS]@");
                rest = tail;
            }
            None => {
                out.push_str("://");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced() {
        let key = format!("key sk-{} end", "A1".repeat(12));
        let token = format!("Bearer {}", "xyz.".repeat(4));
        let cases = [
            (key.as_str(), "key [OPENAI_KEY] end"),
            ("sk-short", "sk-short"),
            (token.as_str(), "Bearer [TOKEN]"),
            (
                "postgres://u:longpassword@db/x",
                "postgres://[CREDENTIALS]@db/x",
            ),
            ("http://u:short@h", "http://u:short@h"),
            ("https://example.com/", "https://example.com/"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text), expected);
            assert!(may_change(text));
        }
    }

    #[test]
    fn a_url_and_an_address_break_json() {
        let json = r#"{"query":"see https://example.com","score":0.0,"tags":["x@example.com"]}"#;
        assert_eq!(
            redact(json),
            r#"{"query":"see https://[CREDENTIALS]@example.com"]}"#
        );
    }
}
