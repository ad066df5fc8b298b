//! Signing in, as a person does in Chromium and as the tool does, at a real relay with a file of tokens.

use std::{fs, time::Duration};

use dashstream_e2e::{
    cli::Cli,
    mock::MockKafka,
    page::Page,
    place,
    producer::{Input, Topic, now_ms},
    proxy::{self, NAME, Proxy},
    relay::Relay,
};

const TOKEN: &str = "c9f6b2a4d8e01357c9f6b2a4d8e01357";
const OTHER: &str = "1e5d7a90b3c4f26881e5d7a90b3c4f26";
const RECORDS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(240);

fn inputs() -> impl Iterator<Item = Input> {
    (0..RECORDS).map(|number| Input {
        key: number.to_be_bytes().to_vec(),
        // The empty event, framed and not compressed.
        value: Some(vec![0x00, 0x0A, 0x00]),
        timestamp_ms: now_ms(),
    })
}

/// SEC-01, SEC-02: the form, a refused token, a session that ends and a token that is taken out; the page keeps what it
/// has and goes on from its place.
#[test]
fn people_sign_in_on_the_page() {
    let Some(mock) = MockKafka::start(1, "signed", 1) else {
        return;
    };
    let topic = Topic::open(mock.brokers(), "signed", 1);
    assert_eq!(topic.produce(inputs()).len(), RECORDS);
    let folder = place::fresh_dir("sign-in");
    let file = folder.join("tokens");
    fs::write(&file, format!("viewer {TOKEN} person\n")).expect("a temporary file");
    let file = file.display().to_string();
    let options = [
        "--tokens-file",
        &file,
        "--loopback-needs-token",
        "--session-secs=25",
    ];
    let Some(mut relay) = Relay::launch(mock.brokers(), "signed", &options) else {
        return;
    };
    relay.wait_ready();
    if !relay.has_page() {
        return;
    }
    let out = place::log_file("sign-in").with_extension("");
    let (url, out) = (relay.url(), out.display().to_string());
    let records = RECORDS.to_string();
    let arguments = [
        ["--url", &url],
        ["--out", &out],
        ["--token", TOKEN],
        ["--other", OTHER],
        ["--tokens-file", &file],
        ["--records", &records],
    ];
    let Some(page) = Page::open("sign_in.mjs", arguments.as_flattened()) else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
    let log = relay.log();
    assert!(log.contains("signed in") && log.contains("person"), "{log}");
    assert!(!log.contains(TOKEN) && !log.contains(OTHER), "{log}");
    fs::remove_dir_all(&folder).expect("it exists");
}

/// SEC-02: behind nginx with TLS, as docs/deploy.md sets it up, the session's cookie is not sent without TLS, and the
/// page's reload and its socket are signed in by it.
#[test]
fn behind_tls_the_session_is_a_secure_cookie() {
    let folder = place::fresh_dir("sign-in-tls");
    let file = folder.join("tokens");
    fs::write(&file, format!("viewer {TOKEN} person\n")).expect("a temporary file");
    let file = file.display().to_string();
    let options = [
        "demo",
        "--rate=50",
        "--tokens-file",
        &file,
        "--trusted-proxies=127.0.0.1",
        "--allowed-host=relay.example.org",
    ];
    let Some(relay) = Relay::start("127.0.0.1:1", "simulated", &options) else {
        return;
    };
    if !relay.has_page() {
        return;
    }
    let block = proxy::nginx_block();
    let Some(proxy) = Proxy::nginx(&block, [relay.address(); 2]) else {
        return;
    };
    let (url, plain) = (proxy.url("/"), relay.url());
    let arguments = [
        ["--url", &url],
        ["--plain", &plain],
        ["--name", NAME],
        ["--token", TOKEN],
    ];
    let Some(page) = Page::open("sign_in_tls.mjs", arguments.as_flattened()) else {
        return;
    };
    let result = page.wait(PATIENCE);
    assert_eq!(result["ok"], true, "{result}");
    fs::remove_dir_all(&folder).expect("it exists");
}

/// SEC-01: with the token of its file `tail` gets every record; without one, and with a wrong one, it is refused at
/// once in words that say what to do. No token is printed, by it or by the relay.
#[test]
fn the_tool_shows_a_token() {
    let Some(mock) = MockKafka::start(1, "shown", 1) else {
        return;
    };
    let topic = Topic::open(mock.brokers(), "shown", 1);
    assert_eq!(topic.produce(inputs()).len(), RECORDS);
    let folder = place::fresh_dir("token-file");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a temporary file");
        path.display().to_string()
    };
    let tokens = file("tokens", &format!("viewer {TOKEN} tool\n"));
    let (right, wrong) = (file("right", &format!("{TOKEN}\n")), file("wrong", OTHER));
    let options = ["--tokens-file", &tokens, "--loopback-needs-token"];
    let Some(mut relay) = Relay::launch(mock.brokers(), "shown", &options) else {
        return;
    };
    relay.wait_ready();

    let url = relay.url();
    let refused = "401 Unauthorized: This needs valid credentials";
    for (name, shown, code, said) in [
        ("right", &["--token-file", &right][..], 0, ""),
        ("wrong", &["--token-file", &wrong], 1, refused),
        ("argument", &["--token", OTHER], 1, refused),
        ("none", &[], 1, refused),
    ] {
        let args = ["tail", &url, "--until-complete", "--timeout", "60"];
        let Some(tail) = Cli::start(name, &[&args, shown].concat()) else {
            return;
        };
        let finished = tail.wait(PATIENCE);
        assert_eq!(finished.status.code(), Some(code), "{name}: {finished:?}");
        let lines = if code == 0 { RECORDS } else { 0 };
        assert_eq!(finished.output.lines().count(), lines, "{finished:?}");
        assert!(finished.errors.contains(said), "{name}: {finished:?}");
        let log = relay.log();
        for token in [TOKEN, OTHER] {
            let is_printed = [&finished.output, &finished.errors, &log]
                .iter()
                .any(|text| text.contains(token));
            assert!(!is_printed, "{name}: {finished:?} {log}");
        }
    }
    fs::remove_dir_all(&folder).expect("it exists");
}
