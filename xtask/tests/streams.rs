//! Exit codes are as documented, whatever becomes of the output.

use std::{
    fs::File,
    io,
    process::{Command, Stdio},
};

fn xtask(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(words).stdin(Stdio::null());
    command
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = io::pipe().expect("a stream");
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .expect("a stream")
        .into()
}

/// X25: `cargo xtask help | head` ended with 101.
#[test]
fn output_that_nobody_reads_changes_no_exit_code() {
    for stream in [closed, full] {
        let code = |words: &[&str]| {
            let mut command = xtask(words);
            let status = command.stdout(stream()).stderr(stream()).status();
            status.expect("a stream").code()
        };
        assert_eq!(code(&["help"]), Some(0));
        assert_eq!(code(&["requirements"]), Some(0));
        assert_eq!(code(&["no-such-command"]), Some(2));
    }
}
