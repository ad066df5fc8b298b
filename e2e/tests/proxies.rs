//! The relay behind nginx and HAProxy as `docs/deploy.md` sets them up: with TLS, at the root of a name and below a
//! path, in Chromium and with the tool. And behind Vite, as who edits the page sees it.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use dashstream_e2e::{
    child::{Running, until},
    cli::Cli,
    mock::MockKafka,
    page::Page,
    payload, place,
    producer::{Input, Topic, now_ms},
    proxy::{self, NAME, Proxy, with},
    relay::Relay,
    requirement::{Tool, need, skip},
};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(300);
const TRUSTED: &str = "--trusted-proxies=127.0.0.1";
/// Whoever comes through a proxy would need a token; here only the way counts.
const ANYONE: &str = "--insecure-allow-anyone";
const NAMED: &str = "--allowed-host=relay.example.org";

/// A relay with simulated runs, which needs no Kafka.
fn demo(more: &[&str]) -> Option<Relay> {
    let relay = Relay::start(
        "127.0.0.1:1",
        "simulated",
        &[&["demo", "--rate=20", ANYONE], more].concat(),
    )?;
    relay.has_page().then_some(relay)
}

/// What a person sees who opens this address so many times.
fn seen(url: &str, loads: u32) -> Option<Value> {
    let loads = loads.to_string();
    let arguments = ["--url", url, "--name", NAME, "--loads", &loads];
    let page = Page::open("proxied.mjs", &arguments)?;
    Some(page.wait(PATIENCE))
}

fn states(seen: &Value) -> Vec<&str> {
    let loads = seen["loads"].as_array().expect("loads");
    let states = loads.iter().map(|load| load["state"].as_str());
    states.map(|state| state.expect("a state")).collect()
}

type Start = fn(&str, [SocketAddr; 2]) -> Option<Proxy>;

/// Page, assets and socket work by relative addresses, whether the proxy takes the path off or not, and where the
/// last slash is missing.
#[test]
fn the_page_works_behind_each_block_of_the_document() {
    let (taken_off, left_on) = ("# The path is taken off.", "# The path is left on.");
    let left_on_haproxy = "# The path is left on; the relay has --base-path /dash.";
    let nginx = |line| proxy::nginx_below_a_path(line);
    let haproxy = |line| proxy::haproxy_below_a_path(line);
    let cases: [(Start, String, &str); 6] = [
        (Proxy::nginx, proxy::nginx_block(), "/"),
        (Proxy::nginx, nginx(taken_off), "/dash"),
        (Proxy::nginx, nginx(left_on), "/dash"),
        (Proxy::haproxy, proxy::haproxy_block(), "/"),
        (Proxy::haproxy, haproxy(taken_off), "/dash"),
        (Proxy::haproxy, haproxy(left_on_haproxy), "/dash"),
    ];
    let Some(relay) = demo(&[TRUSTED, NAMED, "--base-path=/dash"]) else {
        return;
    };
    for (start, block, path) in cases {
        let Some(proxy) = start(&block, [relay.address(); 2]) else {
            return;
        };
        let Some(seen) = seen(&proxy.url(path), 1) else {
            return;
        };
        assert_eq!(states(&seen), ["live"], "{path} {block}\n{seen}");
        let address = seen["loads"][0]["address"].as_str().expect("an address");
        assert!(address.starts_with(&proxy.url(path)), "{seen}");
        for (kind, list) in seen["trouble"].as_object().expect("trouble") {
            assert_eq!(list.as_array().map(Vec::len), Some(0), "{kind}: {seen}");
        }
    }
}

/// X17: behind a proxy that changes Host the page shows which setting lists its origin.
#[test]
fn a_page_behind_a_changed_host_shows_the_setting() {
    let Some(relay) = demo(&[NAMED]) else { return };
    let own = format!("Host              {};", relay.address());
    let block = with(&proxy::nginx_block(), "Host              $http_host;", &own);
    let Some(proxy) = Proxy::nginx(&block, [relay.address(); 2]) else {
        return;
    };
    let Some(seen) = seen(&proxy.url("/"), 1) else {
        return;
    };
    assert_eq!(states(&seen), ["refused"], "{seen}");
    let sentence = seen["loads"][0]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("WEBSOCKET_ALLOWED_ORIGINS"), "{seen}");
    let log = relay.log();
    assert!(log.contains("origin=") && log.contains(NAME), "{log}");
}

/// X19: the tool gets through with TLS and a header. An idle connection outlives the proxy's time-out, as clients ping
/// before it is over.
#[test]
fn the_tool_stays_connected_through_a_proxy() {
    const TOPIC: &str = "quiet";
    let Some(mock) = MockKafka::start(1, TOPIC, 1) else {
        return;
    };
    let Some(relay) = Relay::start(mock.brokers(), TOPIC, &[TRUSTED, ANYONE]) else {
        return;
    };
    let guarded = "server_name relay.example.org;\n    if ($http_x_team != graphs) { return 403; }";
    let nginx = with(
        &proxy::nginx_block(),
        "server_name relay.example.org;",
        guarded,
    );
    let nginx = with(&nginx, "proxy_read_timeout 60s", "proxy_read_timeout 20s");
    let haproxy = with(
        &proxy::haproxy_block(),
        "timeout tunnel 60s",
        "timeout tunnel 20s",
    );
    let relays = [relay.address(); 2];
    let proxies = [
        Proxy::nginx(&nginx, relays),
        Proxy::haproxy(&haproxy, relays),
    ];
    let [Some(nginx), Some(haproxy)] = proxies else {
        return;
    };
    let start = |name: &str, proxy: &Proxy, more: &[&str]| {
        let url = format!("https://localhost:{}/", proxy.address.port());
        let ca = proxy.ca.display().to_string();
        Cli::start(name, &[&["tail", &url, "--ca", &ca], more].concat())
    };
    let header = ["--header", "X-Team: graphs"];
    let tails = [
        start("nginx", &nginx, &header),
        start("haproxy", &haproxy, &[]),
    ];
    let refused = start("refused", &nginx, &["--until-complete", "--timeout", "5"]);
    let ([Some(first), Some(second)], Some(refused)) = (tails, refused) else {
        return;
    };
    let refused = refused.wait(PATIENCE);
    assert!(!refused.status.success(), "{refused:?}");
    let begin = Instant::now();
    let connected = |relay: &Relay| relay.metrics().sum("websocket_connected_clients", &[]);
    while connected(&relay) < 2.0 {
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", relay.log());
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_secs(45));
    let value = payload::event("quiet", "late", 1);
    let input = Input {
        key: b"quiet".to_vec(),
        value: Some(value),
        timestamp_ms: now_ms(),
    };
    let produced = Topic::open(mock.brokers(), TOPIC, 1).produce([input]);
    assert_eq!(produced.len(), 1);
    let begin = Instant::now();
    while [&first, &second]
        .iter()
        .any(|tail| tail.output().is_empty())
    {
        assert!(begin.elapsed() < Duration::from_secs(20), "{}", relay.log());
        thread::sleep(Duration::from_millis(50));
    }
    let opened = relay.metrics().sum("dashstream_relay_sessions_total", &[]);
    assert_eq!(opened, 2.0, "none was connected twice");
}

/// The loop of CONTRIBUTING.md: Vite's server with live reload is a proxy too, before a relay that runs.
#[test]
fn the_page_under_development_shows_a_running_relay() {
    let Some(relay) = demo(&[]) else { return };
    let Some(node) = need(Tool::Node) else { return };
    let web = place::web();
    if !web.join("src/generated/decode_wasm.js").is_file() {
        skip("no browser module: cargo xtask wasm");
        return;
    }
    let port = place::free_port().to_string();
    let mut vite = Command::new(node);
    vite.arg(web.join("node_modules/vite/bin/vite.js"))
        .args(["--port", &port, "--strictPort"])
        .current_dir(&web)
        // With CI in the environment Vite colours what it says, wherever it says it.
        .env("NO_COLOR", "1")
        .env("DASHSTREAM_RELAY", format!("http://{}", relay.address()));
    let log = place::log_file("vite");
    let mut running = Running::server(&mut vite, &log, None);
    until("Vite serves", Duration::from_secs(60), || {
        assert!(running.ended().is_none(), "{}", running.log());
        running.log().contains("Local:").then_some(())
    });
    let Some(seen) = seen(&format!("http://127.0.0.1:{port}/"), 1) else {
        return;
    };
    assert_eq!(states(&seen), ["live"], "{seen}\n{}", running.log());
}

/// The page of another build, as files: the same content under other names.
fn another_build(dir: &Path) -> Option<()> {
    let dist = place::web().join("dist");
    let assets = dist.join("assets");
    let Ok(listed) = fs::read_dir(&assets) else {
        skip("no page in web/dist: cargo xtask web");
        return None;
    };
    let names: BTreeSet<String> = listed
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    let renamed = |text: &str| {
        names.iter().fold(text.to_owned(), |text, name| {
            text.replace(name, &format!("older-{name}"))
        })
    };
    fs::create_dir_all(dir.join("assets")).expect("a fresh folder can be written");
    let write = |from: PathBuf, to: PathBuf| {
        let bytes = fs::read(&from).expect("a file of the page");
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => renamed(&text).into_bytes(),
            Err(binary) => binary.into_bytes(),
        };
        fs::write(to, bytes).expect("a fresh folder can be written");
    };
    for name in &names {
        let to = dir.join("assets").join(format!("older-{name}"));
        write(assets.join(name), to);
    }
    for entry in fs::read_dir(&dist).expect("the page") {
        let entry = entry.expect("an entry");
        if entry.path().is_file() {
            write(entry.path(), dir.join(entry.file_name()));
        }
    }
    Some(())
}

/// X30: two builds of the page behind one nginx. As the document sets it up every load works; where the proxy does not
/// ask the other one for a file that is gone, the page reloads and in the end says what to do. It is never blank.
#[test]
fn two_builds_behind_one_proxy_never_leave_a_blank_page() {
    let Some(relay) = demo(&[TRUSTED, NAMED]) else {
        return;
    };
    let older = place::fresh_dir("older-page");
    if another_build(&older).is_none() {
        return;
    }
    let Some(other) = Proxy::nginx_with_files(&older, relay.address()) else {
        return;
    };
    let relays = [relay.address(), other.address];
    let block = proxy::nginx_block();
    let Some(proxy) = Proxy::nginx(&block, relays) else {
        return;
    };
    let Some(seen_through) = seen(&proxy.url("/"), 4) else {
        return;
    };
    assert_eq!(states(&seen_through), ["live"; 4], "{seen_through}");
    drop(proxy);

    let block = with(&block, "http_503 http_404", "http_503");
    let Some(proxy) = Proxy::nginx(&block, relays) else {
        return;
    };
    let Some(seen) = seen(&proxy.url("/"), 6) else {
        return;
    };
    let states = states(&seen);
    assert!(
        states
            .iter()
            .all(|state| matches!(*state, "live" | "gone" | "failed")),
        "{seen}"
    );
    assert!(states.iter().any(|state| *state != "live"), "{seen}");
    fs::remove_dir_all(older).expect("it was made here");
}
