//! `dashstream man`: the manual pages, made of the same text as `--help`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

use crate::outcome::{Failure, Outcome};

/// Print the manual page, or write the pages of all commands into a folder
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The command whose page is printed; without it that of dashstream itself
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
    /// Write every page into this folder instead: dashstream.1, dashstream-validate.1 and so on
    #[arg(short, long, value_name = "FOLDER", conflicts_with = "command")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, command: Command) -> Result<Outcome, Failure> {
    let pages = pages(command).map_err(|error| Failure::Io(format!("man: {error}")))?;
    if let Some(folder) = &args.output {
        return write(folder, &pages)
            .map(|()| Outcome::Clean)
            .map_err(|error| Failure::Io(format!("{}: {error}", folder.display())));
    }
    let wanted = match &args.command {
        Some(command) => format!("dashstream-{command}"),
        None => "dashstream".to_owned(),
    };
    let page = pages.iter().find(|(name, _)| *name == wanted);
    let Some((_, page)) = page else {
        return Err(Failure::Usage(format!("{wanted} has no page")));
    };
    io::stdout()
        .write_all(page)
        .map_err(|error| Failure::stdout(&error))?;
    Ok(Outcome::Clean)
}

/// Name and text of each page.
fn pages(mut command: Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    // Gives each subcommand its full name.
    command.build();
    let subcommands: Vec<_> = command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .cloned()
        .collect();
    std::iter::once(command)
        .chain(subcommands)
        .map(|command| {
            let name = command.get_display_name();
            let name = name.unwrap_or_else(|| command.get_name());
            let name = name.to_owned();
            let mut page = Vec::new();
            Man::new(command).render(&mut page)?;
            Ok((name, page))
        })
        .collect()
}

fn write(folder: &Path, pages: &[(String, Vec<u8>)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    pages
        .iter()
        .try_for_each(|(name, page)| fs::write(folder.join(format!("{name}.1")), page))
}
