//! What is said of a command line that is wrong.

mod support;

use std::process::Command;

use support::dashstream;

const TOKEN: &str = "s3cret0123456789abcdef0123456789";

/// SEC-01: a token that was given in a wrong place, or without its quotes, is repeated nowhere.
#[test]
fn no_misplaced_token_is_repeated() {
    let login = format!("ws://user:{TOKEN}@127.0.0.1:1");
    let query = format!("ws://127.0.0.1:1/ws?token={TOKEN}");
    let joined = format!("--token={TOKEN}");
    for (arguments, told) in [
        (
            &["tail", "127.0.0.1:1", "--token-file", TOKEN][..],
            "--token-file: ",
        ),
        (
            &["tail", "--token", TOKEN, "127.0.0.1:1", "s3cret"],
            "argument",
        ),
        (
            &[
                "tail",
                "127.0.0.1:1",
                "--header",
                "Authorization:",
                "Basic",
                "s3cret",
            ],
            "argument",
        ),
        (&[TOKEN], "subcommand"),
        (&["--token", TOKEN, "tail"], "--token"),
        (&[&joined, "tail"], "--token"),
        (&["tail", "127.0.0.1:1", "--timeout", TOKEN], "--timeout"),
        (&["tail", &login], "--token-file"),
        (&["runs", &login], "--token-file"),
        (
            &["tail", &query, "--connect-timeout", "1"],
            "127.0.0.1:1/ws",
        ),
    ] {
        let finished = dashstream(arguments, b"");
        assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
        let said = finished.stderr + &finished.stdout;
        assert!(said.contains(told) && !said.contains("s3cret"), "{said}");
    }
    let slip = dashstream(&["tial"], b"");
    assert!(
        slip.stderr.contains("'tial'") && slip.code == Some(2),
        "{slip:?}"
    );
}

/// SEC-01: nor does the help show what is in the environment.
#[test]
fn the_help_shows_no_token() {
    for command in ["tail", "record", "runs", "run"] {
        let output = Command::new(env!("CARGO_BIN_EXE_dashstream"))
            .args([command, "--help"])
            .env("DASHSTREAM_TOKEN", TOKEN)
            .env("DASHSTREAM_TOKEN_FILE", TOKEN)
            .output()
            .expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(
            text.contains("DASHSTREAM_TOKEN_FILE") && !text.contains(TOKEN),
            "{text}"
        );
    }
}
