//! Rust source as the few tokens that imports are made of. Comments and literals are gone, and so is what is
//! compiled for tests only.

/// One token: a name, the two colons of a path, or any other character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Name(String),
    Colons,
    Sign(char),
}

impl Token {
    pub(super) fn is(&self, sign: char) -> bool {
        *self == Self::Sign(sign)
    }

    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Colons | Self::Sign(_) => None,
        }
    }
}

/// The tokens of what a build without tests compiles.
pub(super) fn product(source: &str) -> Vec<Token> {
    without_tests(&tokens(source))
}

fn tokens(source: &str) -> Vec<Token> {
    let mut rest = source;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(taken) = literal(rest) {
            taken
        } else if rest.starts_with("::") {
            found.push(Token::Colons);
            2
        } else if is_name(first) {
            let taken = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            if !first.is_ascii_digit() {
                found.push(Token::Name(rest[..taken].to_owned()));
            }
            taken
        } else {
            if !first.is_whitespace() {
                found.push(Token::Sign(first));
            }
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of the string, character or lifetime that the text starts with.
fn literal(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""]
        .into_iter()
        .find(|prefix| {
            text.strip_prefix(prefix)
                .is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
        })
        .filter(|prefix| prefix.ends_with('r') || !text[prefix.len()..].starts_with('#'));
    if let Some(prefix) = prefix {
        let body = &text[prefix.len()..];
        let hashes = body.len() - body.trim_start_matches('#').len();
        let start = prefix.len() + hashes + 1;
        let length = if prefix.ends_with('r') {
            let end = format!("\"{}", "#".repeat(hashes));
            text[start..].find(&end).map(|at| at + end.len())
        } else {
            escaped(&text[start..], '"')
        };
        return Some(length.map_or(text.len(), |length| start + length));
    }
    let quote = text
        .strip_prefix("b'")
        .or_else(|| text.strip_prefix('\''))?;
    let start = text.len() - quote.len();
    let mut chars = quote.chars();
    let (first, second) = (chars.next()?, chars.next());
    if first == '\\' || second == Some('\'') {
        return escaped(quote, '\'').map(|length| start + length);
    }
    // A lifetime: its name is no path.
    Some(start + quote.find(|c| !is_name(c)).unwrap_or(quote.len()))
}

/// Length up to and with the closing quote.
fn escaped(text: &str, quote: char) -> Option<usize> {
    let mut escape = false;
    for (at, c) in text.char_indices() {
        if escape {
            escape = false;
        } else if c == '\\' {
            escape = true;
        } else if c == quote {
            return Some(at + c.len_utf8());
        }
    }
    None
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match attribute(&tokens[at..]) {
            Some(length) if is_for_tests(&tokens[at..at + length]) => {
                at += length;
                at += item(&tokens[at..]);
            }
            // Arguments of an attribute name no files.
            Some(length) => at += length,
            None => {
                kept.push(tokens[at].clone());
                at += 1;
            }
        }
    }
    kept
}

/// Length of the attribute that the tokens start with.
fn attribute(tokens: &[Token]) -> Option<usize> {
    let opened = match tokens {
        [first, second, ..] if first.is('#') && second.is('[') => 1,
        [first, second, third, ..] if first.is('#') && second.is('!') && third.is('[') => 2,
        _ => return None,
    };
    Some(opened + bracketed(&tokens[opened..]))
}

fn is_for_tests(attribute: &[Token]) -> bool {
    let names: Vec<_> = attribute.iter().filter_map(Token::name).collect();
    matches!(
        names[..],
        ["test", ..] | ["cfg", "test", ..] | ["cfg", "all", "test", ..]
    )
}

/// Length of what is within one pair of brackets, with them.
fn bracketed(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            Token::Name(_) | Token::Colons | Token::Sign(_) => {}
        }
    }
    tokens.len()
}

/// Length of the item that an attribute stands before: to its body's end, its semicolon or its comma.
fn item(tokens: &[Token]) -> usize {
    let mut at = 0;
    while let Some(length) = attribute(&tokens[at..]) {
        at += length;
    }
    let ends_by_semicolon = tokens[at..]
        .iter()
        .filter_map(Token::name)
        .find(|name| !["pub", "crate", "super", "in"].contains(name))
        .is_some_and(|name| ["use", "const", "static", "type", "let"].contains(&name))
        && !tokens[at..]
            .iter()
            .take(4)
            .any(|token| token.name() == Some("fn"));
    while at < tokens.len() {
        match &tokens[at] {
            Token::Sign(';' | ',') => return at + 1,
            // The end of what holds the item.
            Token::Sign(')' | ']' | '}') => return at,
            Token::Sign('{') if !ends_by_semicolon => return at + bracketed(&tokens[at..]),
            Token::Sign('(' | '[' | '{') => at += bracketed(&tokens[at..]),
            Token::Name(_) | Token::Colons | Token::Sign(_) => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<String> {
        let tokens = product(source);
        tokens
            .iter()
            .filter_map(Token::name)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn comments_and_literals_are_left_out() {
        let source = "a // b\n/* c /* d */ e */ f(\"g\\\"h\", r#\"i\"j\"#, b'k', '\\'', 'l', 'm: 'n') 1.0e5 o";
        assert_eq!(names(source), ["a", "f", "o"]);
        assert_eq!(
            names("b\"x\" r\"y\\\" br##\"z\"#\"## raw r#type"),
            ["raw", "r", "type"]
        );
    }

    #[test]
    fn what_only_tests_compile_is_left_out() {
        let source = "fn a() {} #[cfg(test)] mod tests { fn b() { c(); } } #[cfg(test)] use d::{e, f}; \
                      #[cfg(all(test, unix))] #[allow(x)] pub(crate) fn g() -> [u8; 3] { h } #[test] fn i() {} j";
        assert_eq!(names(source), ["fn", "a", "j"]);
        assert_eq!(
            names("struct A { #[cfg(test)] b: Vec<(C, D)>, e: F } #[cfg(feature = \"x\")] g"),
            ["struct", "A", "e", "F", "g"]
        );
        assert_eq!(names("#[cfg(test)] const A: B = C { d: 1 }; e"), ["e"]);
        assert_eq!(names("#[cfg(not(test))] a"), ["a"]);
    }
}
