//! Flags and variables by name: those a mistake is reported under, and those in the environment that mean
//! nothing here.

use std::{ffi::OsStr, fmt};

use clap::{Args as _, Command as ClapCommand};

use super::{args::Options, reader::Mistake};

/// One option whose text means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub flag: String,
    pub variable: String,
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{} ({}): {}", self.flag, self.variable, self.problem)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    pub(super) fn of(mistake: Mistake) -> Self {
        let (flag, variable) = names(mistake.field);
        Self {
            flag,
            variable,
            problem: mistake.problem,
        }
    }
}

/// Flag and variable of a field, as clap has them.
fn names(id: &str) -> (String, String) {
    let command = Options::augment_args(ClapCommand::new(""));
    let mut arguments = command.get_arguments();
    let argument = arguments.find(|argument| argument.get_id() == id);
    argument.map_or_else(|| (id.to_owned(), String::new()), names_of)
}

fn names_of(argument: &clap::Arg) -> (String, String) {
    let id = argument.get_id().as_str();
    let flag = argument.get_long().unwrap_or(id).to_owned();
    let variable = argument.get_env().unwrap_or_default();
    (flag, variable.to_string_lossy().into_owned())
}

/// Variables that look meant for the relay but that it does not read: a spelling mistake, or a
/// setting of another program that has no effect here. Names only, as a value may be a secret.
pub fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let command = Options::augment_args(ClapCommand::new(""));
    let known: Vec<_> = command
        .get_arguments()
        .filter_map(clap::Arg::get_env)
        .collect();
    let mut unknown: Vec<String> = names
        .filter(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| !known.iter().any(|known| *known == name.as_str()))
        .filter(|name| !DEVELOPMENT_VARIABLES.contains(&name.as_str()))
        .collect();
    unknown.sort();
    unknown
}

/// Options whose variable holds bytes that are not UTF-8; clap would not say which.
pub fn undecodable_variables<'a>(
    names: impl Iterator<Item = &'a OsStr> + Clone,
) -> Vec<ConfigError> {
    let command = Options::augment_args(ClapCommand::new(""));
    let bad = |argument: &&clap::Arg| {
        let variable = argument.get_env();
        variable.is_some_and(|variable| names.clone().any(|name| name == variable))
    };
    let error = |argument: &clap::Arg| {
        let (flag, variable) = names_of(argument);
        ConfigError {
            flag,
            variable,
            problem: "is not UTF-8".to_owned(),
        }
    };
    command.get_arguments().filter(bad).map(error).collect()
}

const PREFIXES: [&str; 5] = [
    "KAFKA_",
    "WEBSOCKET_",
    "DASHSTREAM_",
    "DLQ_",
    "MAX_CONCURRENT_",
];

/// Read by the project's tests and tools, and often set where a relay is started by them.
const DEVELOPMENT_VARIABLES: [&str; 18] = [
    "DASHSTREAM_CHROMIUM",
    "DASHSTREAM_CLI_BIN",
    "DASHSTREAM_CORPUS",
    "DASHSTREAM_DEMO_BROKER_BIN",
    "DASHSTREAM_E2E_LOG",
    "DASHSTREAM_KAFKA_LIBS",
    "DASHSTREAM_KAFKA_VERSION",
    "DASHSTREAM_KCAT",
    "DASHSTREAM_MOCK_BROKER_BIN",
    "DASHSTREAM_NODE",
    "DASHSTREAM_PAGE_PENDING",
    "DASHSTREAM_PROMTOOL",
    "DASHSTREAM_PYTHON",
    "DASHSTREAM_REDIS",
    "DASHSTREAM_RELAY_BIN",
    "DASHSTREAM_REQUIRE",
    "DASHSTREAM_SIMULATOR_BIN",
    "DASHSTREAM_WEB",
];
