//! `cargo xtask`: everything one does with this checkout, from set-up to CI.

/// Unlike those of std these do not panic where stdout or stderr is full or closed: what a command does
/// and its exit code do not depend on who reads it.
macro_rules! println {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
macro_rules! print {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($text)*);
    }};
}
macro_rules! eprintln {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod ahead;
mod apt;
mod args;
mod bench;
mod ci;
mod compiler;
mod counted;
mod debian_rustc;
mod demo;
mod dist;
mod http;
mod output;
mod parts;
mod pictures;
mod project;
mod requirements;
mod run;
mod served;
mod service;
mod stages;
mod stamp;
mod test;
mod tidy;
mod toolchain;
mod wasm;
mod wasm_pack;
mod web;

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    args::{Args, Usage},
    project::Project,
    run::Progress,
};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_else(|| "help".into());
    match dispatch(&name, Args::new(words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

fn dispatch(name: &str, args: Args) -> Result<()> {
    if name == "help" || name == "--help" {
        help();
        return Ok(());
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        anyhow::bail!(Usage(format!(
            "{name} is not a command; `cargo xtask help` lists them"
        )));
    };
    (command.run)(&Project::locate()?, args)
}

fn help() {
    println!("cargo xtask COMMAND\n");
    for command in COMMANDS {
        println!("  {:14}{}", command.name, command.help);
    }
}

/// A command and the line that explains it. The justfile has a recipe for each.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    help: &'static str,
    run: fn(&Project, Args) -> Result<()>,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        help: "watch simulated runs: [--rate N] [--seed N] [--port N] [--for SECONDS] \
               [--capture FILE] [--open] [--install]",
        run: demo::command,
    },
    Command {
        name: "test",
        help: "all tests, from set-up on [--install]",
        run: test::command,
    },
    Command {
        name: "ci",
        help: "what a change must pass [--install]",
        run: ci::command,
    },
    Command {
        name: "bench",
        help: "measure, in release builds: arguments of the bench crate [--install]",
        run: bench::command,
    },
    Command {
        name: "requirements",
        help: "which test holds which requirement, and which have none",
        run: requirements::command,
    },
    Command {
        name: "tidy",
        help: "house rules that no compiler checks",
        run: tidy::command,
    },
    Command {
        name: "dist",
        help: "what people download: archive, npm package, checksums, into target/dist \
               [--profile NAME] [--try] [--install]",
        run: dist::command,
    },
    Command {
        name: "pictures",
        help: "take the pictures of the documents, in Chromium [--install]",
        run: pictures::command,
    },
    Command {
        name: "setup",
        help: "find or fetch every part that tests need, and print its variables [--install]",
        run: setup,
    },
    Command {
        name: "wasm",
        help: "compile the browser module and its bindings; with wasm-pack too [--install] [--pack]",
        run: wasm,
    },
    Command {
        name: "proto",
        help: "write the Rust code of the wire schema from dashstream.proto",
        run: proto,
    },
    Command {
        name: "web",
        help: "build the page into web/dist [--install]",
        run: web,
    },
];

fn setup(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    args.finish()?;
    let provided = parts::provide(project, parts::FOR_TESTS, install)?;
    for (name, value) in parts::ours(|name| project.binary(name), project)
        .iter()
        .chain(&provided.variables)
    {
        println!("{name}={}", value.display());
    }
    Ok(())
}

fn proto(project: &Project, args: Args) -> Result<()> {
    args.finish()?;
    let mut command = run::cargo();
    command.args(["run", "--profile", "once", "-p", "proto-gen"]);
    command.current_dir(&project.root);
    run::run(
        project,
        "write the code of the schema",
        &mut command,
        Progress::Own,
    )
}

fn wasm(project: &Project, mut args: Args) -> Result<()> {
    let pack = args.flag("--pack");
    module(project, args)?;
    if pack {
        wasm_pack::prove(project)?;
    }
    Ok(())
}

fn module(project: &Project, mut args: Args) -> Result<()> {
    let install = args.flag("--install");
    args.finish()?;
    parts::provide(project, &[parts::Part::WasmCompiler], install)?;
    wasm::build(project)
}

fn web(project: &Project, args: Args) -> Result<()> {
    module(project, args)?;
    web::build(project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_justfile_has_one_recipe_for_each_command() {
        let file = Project::locate().unwrap().root.join("justfile");
        let justfile = std::fs::read_to_string(file).unwrap();
        assert_eq!(recipes(&justfile), Vec::<String>::new());
    }

    /// One recipe for each command, of the same name, and none that calls an unknown one.
    fn recipes(justfile: &str) -> Vec<String> {
        let lines = || justfile.lines().map(str::trim_end);
        let called: Vec<_> = lines()
            .filter_map(|line| line.trim_start().strip_prefix("cargo xtask "))
            .filter_map(|rest| rest.split_whitespace().next())
            .collect();
        let lacking = COMMANDS.iter().map(|command| command.name).filter(|name| {
            let recipe = |line: &str| line.split([' ', ':']).next() == Some(name);
            !(lines().any(recipe) && called.contains(name))
        });
        let unknown = called
            .iter()
            .filter(|name| COMMANDS.iter().all(|known| known.name != **name));
        lacking
            .map(|name| format!("justfile: no recipe for `cargo xtask {name}`"))
            .chain(unknown.map(|name| format!("justfile: `cargo xtask {name}` does not exist")))
            .collect()
    }

    #[test]
    fn justfile_and_commands_are_compared() {
        let whole: String = COMMANDS
            .iter()
            .map(|command| {
                format!(
                    "{0} *ARGS:\n    cargo xtask {0} {{{{ARGS}}}}\n",
                    command.name
                )
            })
            .collect();
        assert_eq!(recipes(&whole), Vec::<String>::new());
        assert_eq!(
            recipes(&whole.replacen("setup *ARGS", "set *ARGS", 1)).len(),
            1
        );
        assert_eq!(
            recipes(&format!("{whole}\nx:\n    cargo xtask nothing\n")).len(),
            1
        );
    }
}
