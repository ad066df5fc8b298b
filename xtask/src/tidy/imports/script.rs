//! Imports of TypeScript and Svelte files. Types count too: who needs a file's types cannot be read without it.

use std::collections::BTreeSet;

use super::Tree;

/// Pairs of files below `folder` of which the first imports the second. Tests and what is only for them are left out.
pub(super) fn arrows(tree: &Tree, folder: &str) -> BTreeSet<(String, String)> {
    let mut arrows = BTreeSet::new();
    for (file, text) in tree.iter().filter(|(file, _)| is_source(file, folder)) {
        for target in imported(text, file.ends_with(".svelte")) {
            if let Some(target) = resolve(tree, file, &target) {
                arrows.insert((file.clone(), target));
            }
        }
    }
    arrows
}

pub(super) fn is_source(file: &str, folder: &str) -> bool {
    let is_code = file.ends_with(".ts") || file.ends_with(".svelte");
    let for_tests = file.contains(".test.") || file.contains("/testing/");
    file.starts_with(&format!("{folder}/")) && is_code && !for_tests
}

/// Where the imported file is, if it is one of ours and not built.
fn resolve(tree: &Tree, from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    let source = path.strip_suffix(".js").map(|stem| format!("{stem}.ts"));
    [Some(path), source]
        .into_iter()
        .flatten()
        .find(|path| tree.contains_key(path))
}

/// Relative paths after `from`, `import` and `import(`.
fn imported(text: &str, is_svelte: bool) -> Vec<String> {
    let text = if is_svelte {
        scripts(text)
    } else {
        text.to_owned()
    };
    let words = words(&text);
    let pairs = words.windows(2);
    let paths = pairs.filter_map(|pair| match pair {
        [Word::Name(name), Word::Text(path)] if name == "from" || name == "import" => Some(path),
        _ => None,
    });
    paths
        .filter(|path| path.starts_with('.'))
        .cloned()
        .collect()
}

fn scripts(text: &str) -> String {
    let parts = text.split("<script").skip(1);
    let bodies = parts.filter_map(|part| {
        let (_, body) = part.split_once('>')?;
        body.split("</script>").next()
    });
    bodies.collect::<Vec<_>>().join("\n")
}

#[derive(Debug)]
enum Word {
    Name(String),
    Text(String),
    Sign,
}

/// Comments are left out, and the bracket of `import(`.
fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if let quote @ ('"' | '\'' | '`') = first {
            let length = quoted(&rest[1..], quote);
            found.push(Word::Text(rest[1..1 + length].to_owned()));
            (length + 2).min(rest.len())
        } else if is_name(first) {
            let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            found.push(Word::Name(rest[..length].to_owned()));
            length
        } else {
            let opens =
                first == '(' && matches!(found.last(), Some(Word::Name(name)) if name == "import");
            if !first.is_whitespace() && !opens {
                found.push(Word::Sign);
            }
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escape = false;
    for (at, c) in text.char_indices() {
        if escape {
            escape = false;
        } else if c == '\\' {
            escape = true;
        } else if c == quote {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_scripts_are_arrows() {
        let a = "import { b } from \"./b.js\";\nimport type { C } from '../store/c.svelte.js';\n\
                 import \"svelte\"; // from \"./d.js\"\nconst text = 'from'; await import(\"./e.ts\");\n\
                 export * from \"../generated/f.js\";";
        let tree: Tree = [
            ("web/src/view/a.ts", a),
            ("web/src/view/b.ts", ""),
            ("web/src/view/a.test.ts", "import \"./b.js\";"),
            (
                "web/src/view/D.svelte",
                "<p>from \"./b.js\"</p><script lang=\"ts\">import \"./a.js\"</script>",
            ),
            ("web/src/view/e.ts", ""),
            ("web/src/store/c.svelte.ts", ""),
            ("web/other.ts", "import \"./src/view/a.js\";"),
        ]
        .map(|(file, text)| (file.to_owned(), text.to_owned()))
        .into();
        let found = arrows(&tree, "web/src");
        let found: Vec<_> = found
            .iter()
            .map(|(from, to)| (from.as_str(), to.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("web/src/view/D.svelte", "web/src/view/a.ts"),
                ("web/src/view/a.ts", "web/src/store/c.svelte.ts"),
                ("web/src/view/a.ts", "web/src/view/b.ts"),
                ("web/src/view/a.ts", "web/src/view/e.ts"),
            ]
        );
    }
}
