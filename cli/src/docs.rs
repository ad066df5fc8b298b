//! Holds `docs/cli.md` to what the binary really has.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory as _};

use crate::Cli;

const TEXT: &str = include_str!("../../docs/cli.md");

/// The section of each command: `## dashstream NAME` up to the next one.
fn sections() -> Vec<(&'static str, &'static str)> {
    TEXT.split("\n## ")
        .skip(1)
        .filter_map(|section| {
            let (title, rest) = section.split_once('\n')?;
            Some((title.strip_prefix("dashstream ")?, rest))
        })
        .collect()
}

fn commands() -> Vec<Command> {
    let mut whole = Cli::command();
    whole.build();
    let commands = whole.get_subcommands();
    commands
        .filter(|command| command.get_name() != "help")
        .cloned()
        .collect()
}

/// Long flags in a text: `--name`.
fn flags(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices("--")
        .filter(|(at, _)| !text[..*at].ends_with(is_name))
        .map(|(at, _)| {
            let rest = &text[at + 2..];
            rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())].to_owned()
        })
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

#[test]
fn clap_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_its_section_in_order() {
    let documented: Vec<_> = sections().into_iter().map(|(name, _)| name).collect();
    let commands = commands();
    let real: Vec<_> = commands.iter().map(Command::get_name).collect();
    assert_eq!(documented, real);
}

#[test]
fn every_section_names_exactly_the_flags_that_there_are() {
    for (name, text) in sections() {
        let commands = commands();
        let command = commands.iter().find(|command| command.get_name() == name);
        let arguments = command.expect("a documented command").get_arguments();
        let real: BTreeSet<String> = arguments
            .filter_map(|argument| argument.get_long())
            .filter(|flag| *flag != "help")
            .map(str::to_owned)
            .collect();
        // In tables and examples of its own section; flags of other programs stand in other lines.
        let own: String = text
            .lines()
            .filter(|line| line.starts_with("| `") || line.contains("dashstream "))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(flags(&own), real, "dashstream {name}");
    }
}

#[test]
fn every_section_has_an_example_that_parses() {
    for (name, text) in sections() {
        let examples: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("dashstream "))
            .collect();
        assert!(!examples.is_empty(), "dashstream {name}");
        for example in examples {
            let words = example.split(" | ").next().unwrap_or_default();
            let words = words.split(" > ").next().unwrap_or_default();
            let parsed = <Cli as clap::Parser>::try_parse_from(words.split_whitespace());
            assert!(parsed.is_ok(), "{example}");
        }
    }
}
