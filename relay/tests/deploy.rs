//! What is under `deploy/` and in `docs/operations.md` agrees with the relay: metrics exist, alerts do
//! what they say by the real promtool, and each is explained.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants,
    reason = "a test looks at the cases it is about"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The tool's path, or `None` after saying SKIPPED past the harness's capture.
fn promtool() -> Option<PathBuf> {
    let named = env::var_os("DASHSTREAM_PROMTOOL").map(PathBuf::from);
    let path = named.unwrap_or_else(|| PathBuf::from("/usr/bin/promtool"));
    if path.is_file() {
        return Some(path);
    }
    let reason = "no promtool (DASHSTREAM_PROMTOOL)";
    assert!(
        env::var("DASHSTREAM_REQUIRE").as_deref() != Ok("all"),
        "{reason}"
    );
    let line = format!("SKIPPED promtool_accepts_rules_and_their_cases: {reason}\n");
    io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error can be written");
    None
}

/// Names that look like a metric of ours, wherever they stand.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !name(c))
        .filter(|word| {
            ["websocket_", "dashstream_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        })
        .map(str::to_owned)
        .collect()
}

/// Names of the table in docs/metrics.md, which the relay's own tests hold to a scrape; a histogram
/// under the names of its series.
fn documented() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for row in read("docs/metrics.md")
        .lines()
        .filter(|line| line.starts_with("| `"))
    {
        let cells: Vec<_> = row
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let (name, kind) = (cells[1], cells[2]);
        match kind {
            "histogram" => {
                names.extend(["_bucket", "_count", "_sum"].map(|end| format!("{name}{end}")));
            }
            _ => {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// The values of a key in our YAML files, which have one key a line.
fn values(text: &str, key: &str) -> Vec<String> {
    let lines = text
        .lines()
        .map(|line| line.trim_start().trim_start_matches("- "));
    let values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    values.map(|value| value.trim().to_owned()).collect()
}

/// Expressions and queries of the dashboard.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "expr" || key == "query" => {
                        found.push(text.clone())
                    }
                    value => queries(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

/// OPS-11: rules and dashboard name no metric that the relay does not have.
#[test]
fn every_metric_named_exists() {
    let documented = documented();
    let dashboard: Value =
        serde_json::from_str(&read("deploy/grafana/dashboards/relay.json")).expect("JSON");
    let mut expressions = Vec::new();
    queries(&dashboard, &mut expressions);
    assert!(expressions.len() > 20, "{expressions:?}");
    let sources = [
        ("alerts", read("deploy/prometheus/alerts.yml")),
        ("cases of alerts", read("deploy/prometheus/alerts_test.yml")),
        ("dashboard", expressions.join("\n")),
        ("operations", read("docs/operations.md")),
    ];
    for (what, text) in sources {
        let unknown: Vec<_> = metrics_in(&text).difference(&documented).cloned().collect();
        assert!(unknown.is_empty(), "{what}: {unknown:?}");
    }
}

/// MET-21: where there is no series, the dashboard and the alerts show none.
#[test]
fn absence_is_shown_as_absence() {
    let dashboard = read("deploy/grafana/dashboards/relay.json");
    assert!(dashboard.contains("absent(websocket_uptime_seconds"));
    for (what, text) in [
        ("dashboard", dashboard),
        ("alerts", read("deploy/prometheus/alerts.yml")),
    ] {
        assert!(!text.contains("vector("), "{what} invents zeros");
    }
    let rules = read("deploy/prometheus/alerts.yml");
    assert!(rules.contains("absent(dashstream_relay_log_bytes_max)"));
}

/// Both images run the relay the same way, whoever compiled it.
#[test]
fn both_images_are_one_from_the_relay_on() {
    let run = |path| {
        let text = read(path);
        let (_, run) = text.split_once("\n# For checkpoints").expect("how it runs");
        run.to_owned()
    };
    assert_eq!(run("deploy/Dockerfile"), run("deploy/Dockerfile.archive"));
}

/// Every data source that the dashboard names.
fn sources(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(
                map.get("datasource")
                    .and_then(|source| source["uid"].as_str())
                    .map(str::to_owned),
            );
            map.values().for_each(|value| sources(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| sources(value, found)),
        _ => {}
    }
}

/// Rules and dashboard work where the scrape job and the data source have other names.
#[test]
fn nothing_depends_on_the_names_of_one_installation() {
    let text = read("deploy/grafana/dashboards/relay.json");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let mut named = BTreeSet::new();
    sources(&dashboard, &mut named);
    assert_eq!(
        named.into_iter().collect::<Vec<_>>(),
        ["${datasource}".to_owned()]
    );
    let variables = dashboard["templating"]["list"].as_array();
    assert!(variables.is_some_and(|list| {
        list.iter()
            .any(|variable| variable["name"] == "datasource" && variable["type"] == "datasource")
    }));
    for (what, text) in [
        ("dashboard", text),
        ("alerts", read("deploy/prometheus/alerts.yml")),
    ] {
        assert!(!text.contains("job="), "{what}");
    }
}

/// OPS-11: every alert is explained, and nothing else is.
#[test]
fn operations_explains_every_alert() {
    let rules = values(&read("deploy/prometheus/alerts.yml"), "alert");
    let operations = read("docs/operations.md");
    let (_, alerts) = operations
        .split_once("\n## Alerts\n")
        .expect("a section of alerts");
    let alerts = alerts.split("\n## ").next().unwrap_or_default();
    let explained: Vec<_> = alerts
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    assert_eq!(explained, rules);
    assert_eq!(rules.iter().collect::<BTreeSet<_>>().len(), rules.len());
}

/// OPS-12: every alert has a case in which it fires and one in which it does not.
#[test]
fn every_alert_has_both_cases() {
    let mut cases: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let text = read("deploy/prometheus/alerts_test.yml");
    let mut alert = None;
    for line in text
        .lines()
        .map(|line| line.trim_start().trim_start_matches("- "))
    {
        if let Some(name) = line.strip_prefix("alertname: ") {
            alert = Some(name.to_owned());
        } else if let Some(expected) = line.strip_prefix("exp_alerts:") {
            let (fires, rests) = cases
                .entry(alert.take().expect("a name before"))
                .or_default();
            *(if expected.trim() == "[]" {
                rests
            } else {
                fires
            }) += 1;
        }
    }
    for rule in values(&read("deploy/prometheus/alerts.yml"), "alert") {
        let (fires, rests) = cases.remove(&rule).unwrap_or_default();
        assert!(
            fires > 0 && rests > 0,
            "{rule}: fires in {fires}, rests in {rests}"
        );
    }
    assert!(cases.is_empty(), "no such alert: {cases:?}");
}

/// MET-06: the alert judges as `/health` does.
#[test]
fn health_and_alert_share_their_numbers() {
    use dashstream_relay::limits::{HEALTH_REFUSED_PERCENT_MAX, HEALTH_SAMPLE_MIN};
    let rules = read("deploy/prometheus/alerts.yml");
    let (_, rule) = rules.split_once("alert: RecordsRefused").expect("the rule");
    let rule = rule.split("- alert").next().unwrap_or_default();
    let share = HEALTH_REFUSED_PERCENT_MAX as f64 / 100.0;
    assert!(rule.contains(&format!("> {share}\n")), "{rule}");
    assert!(
        rule.contains(&format!(">= {HEALTH_SAMPLE_MIN}\n")),
        "{rule}"
    );
}

/// Whether each use of a counter, or of a histogram's series, is one over a time: `name{...}[5m]`.
fn counts_are_over_a_time(expression: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let counts = metrics_in(expression).into_iter().filter(|metric| {
        let ends = ["_total", "_bucket", "_count", "_sum"];
        ends.iter().any(|end| metric.ends_with(end))
    });
    let mut uses = counts.flat_map(|metric| {
        let after = expression
            .match_indices(&metric)
            .map(|(at, _)| &expression[at + metric.len()..]);
        after
            .filter(|rest| !rest.starts_with(name))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    uses.all(|rest| {
        let selected = rest
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        selected
            .map_or(rest.as_str(), |(_, after)| after)
            .starts_with('[')
    })
}

/// MET-04: alerts go by recent time. A total since the start alone would fire for ever after.
#[test]
fn alerts_judge_recent_time() {
    for bad in ["a_total > 0", "sum(dashstream_x_total{a=\"b\"}) > 0"] {
        assert!(!counts_are_over_a_time(
            &bad.replace("a_total", "websocket_a_total")
        ));
    }
    assert!(counts_are_over_a_time(
        "rate(dashstream_x_total{a=\"b\"}[5m]) > dashstream_gauge"
    ));
    let rules = read("deploy/prometheus/alerts.yml");
    let expressions: Vec<_> = rules
        .split("expr: |\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("labels: "))
        .map(|(expression, _)| expression)
        .collect();
    assert_eq!(expressions.len(), values(&rules, "alert").len());
    for expression in expressions {
        assert!(counts_are_over_a_time(expression), "{expression}");
    }
}

/// MET-22: what rises for ever is drawn as a rate whose title names the unit and the window; the lines
/// of a chart are the values of one label of one metric, so that nothing is in two of them.
#[test]
fn charts_are_rates_over_a_named_window_and_disjoint() {
    let dashboard: Value =
        serde_json::from_str(&read("deploy/grafana/dashboards/relay.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let charts = panels.iter().filter(|panel| panel["type"] == "timeseries");
    let mut rates = 0;
    for panel in charts {
        let title = panel["title"].as_str().expect("a title");
        let targets = panel["targets"].as_array().expect("targets");
        let expressions: Vec<_> = targets
            .iter()
            .filter_map(|target| target["expr"].as_str())
            .collect();
        let counts = expressions
            .iter()
            .any(|text| text.contains("_total") || text.contains("_bucket"));
        if counts {
            rates += 1;
            assert!(title.ends_with("over $window"), "{title}");
            for text in &expressions {
                assert!(
                    text.contains("(rate(") && text.contains("[$window]"),
                    "{title}: {text}"
                );
                assert!(counts_are_over_a_time(text), "{title}: {text}");
            }
            let unit = panel["fieldConfig"]["defaults"]["unit"]
                .as_str()
                .expect("a unit");
            let per_second = title.ends_with(", per second over $window");
            assert_eq!(
                per_second,
                ["cps", "Bps"].contains(&unit),
                "{title}: {unit}"
            );
        }
        // A level beside its bound is the one chart of two metrics, and none is a part of the other.
        if title != "Bytes" {
            assert_eq!(expressions.len(), 1, "{title}");
            let lines = expressions[0].matches(" by (").count();
            assert_eq!(lines, 1, "{title}: {}", expressions[0]);
            assert_eq!(metrics_in(expressions[0]).len(), 1, "{title}");
        }
    }
    assert!(rates > 10, "{rates}");
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    assert!(
        variables
            .iter()
            .any(|variable| variable["name"] == "window")
    );
}

#[test]
fn promtool_accepts_rules_and_their_cases() {
    let Some(promtool) = promtool() else { return };
    let dir = root().join("deploy/prometheus");
    for arguments in [
        &["check", "rules", "alerts.yml"][..],
        &["test", "rules", "alerts_test.yml"],
        // The token that it names is only where it runs.
        &["check", "config", "--syntax-only", "prometheus.yml"],
    ] {
        let output = Command::new(&promtool)
            .args(arguments)
            .current_dir(&dir)
            .output();
        let output = output.expect("promtool can be started");
        assert!(
            output.status.success(),
            "promtool {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// RES-17, DLQ-03: the relay of the compose file keeps checkpoints, in a volume its user may write.
#[test]
fn compose_keeps_checkpoints() {
    let compose = read("deploy/compose.yaml");
    let dirs = values(&compose, "DASHSTREAM_CHECKPOINT_DIR");
    let [dir] = dirs.as_slice() else {
        panic!("{dirs:?}");
    };
    let (_, relay) = compose.split_once("\n  relay:\n").expect("the relay");
    assert!(
        relay.contains(&format!("volumes: [\"relay:{dir}\", ")),
        "{dir}"
    );
    let (_, volumes) = compose.rsplit_once("\nvolumes:\n").expect("volumes");
    assert!(volumes.lines().any(|line| line == "  relay:"), "{volumes}");
    let dockerfile = read("deploy/Dockerfile");
    let owned = format!("RUN install -d -o 65532 -g 65532 -m 0700 {dir}\n");
    assert!(dockerfile.contains(&owned) && dockerfile.contains("\nUSER 65532:65532\n"));
}

/// SEC-01: the tokens that the compose file makes let in whom they are for: people as admin, Prometheus as viewer. Its
/// script is run as it stands, with other folders.
#[test]
fn compose_makes_tokens_that_work() {
    let compose = read("deploy/compose.yaml");
    let (_, service) = compose.split_once("\n  tokens:\n").expect("the service");
    let (_, script) = service.split_once("      - |\n").expect("its script");
    let script: Vec<_> = script
        .lines()
        .take_while(|line| line.starts_with("        "))
        .collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compose-tokens");
    let _of_before = fs::remove_dir_all(&folder);
    for name in ["relay", "scrape"] {
        fs::create_dir_all(folder.join(name)).expect("a folder");
    }
    // Compose takes $$ for $; owners are for root to change.
    let script = script.join("\n").replace("$$", "$").replace("chown ", ": ");
    let script = ["/relay", "/scrape"].iter().fold(script, |text, dir| {
        text.replace(dir, &format!("{}{dir}", folder.display()))
    });
    let run = || {
        let output = Command::new("sh").args(["-ec", &script]).output();
        let output = output.expect("a shell");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let (said, again) = (run(), run());
    assert_eq!(said, again, "made once");
    let file = fs::read_to_string(folder.join("relay/tokens")).expect("tokens");
    let tokens = dashstream_relay::auth::Token::of_file(&file).expect("as the relay reads them");
    let roles: Vec<_> = tokens.iter().map(|token| token.role).collect();
    use dashstream_serve::gate::Role;
    assert_eq!(roles, [Role::Admin, Role::Viewer]);
    let scraped = fs::read_to_string(folder.join("scrape/prometheus")).expect("a token");
    assert!(file.contains(&format!("viewer {scraped} prometheus\n")));
    let shown = said.trim().strip_prefix("Sign in with: ").expect("a token");
    assert!(file.contains(&format!("admin {shown} you\n")));
    let named = values(
        &read("deploy/prometheus/prometheus.yml"),
        "credentials_file",
    );
    assert_eq!(named, ["/run/tokens/prometheus"]);
    for mount in ["scrape-token:/run/tokens:ro", "relay-tokens:/run/tokens:ro"] {
        assert!(compose.contains(mount), "{mount}");
    }
    assert_eq!(
        values(&compose, "DASHSTREAM_TOKENS_FILE"),
        ["/run/tokens/tokens"]
    );
}

/// A block of code of docs/deploy.md that has this text.
fn block_with(text: &str) -> String {
    let document = read("docs/deploy.md");
    let blocks = document.split("```").skip(1).step_by(2);
    let mut found = blocks.filter(|block| block.contains(text));
    let block = found.next().expect("a block");
    assert!(found.next().is_none(), "{text} is in two blocks");
    let (_, code) = block.split_once('\n').expect("the language, and code");
    code.to_owned()
}

/// SEC-01: the steps for Docker make a file of tokens that the relay takes, which only the container's user may read,
/// in the folder that the container gets.
#[cfg(unix)]
#[test]
fn the_steps_for_docker_make_tokens_that_work() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docker-tokens");
    let _of_before = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    // The owner is for root to change.
    let steps = block_with("sudo chown");
    let sudo = "sudo() { case $1 in chown) echo \"$@\" >owner;; *) \"$@\";; esac; }\n";
    let random = "openssl() { head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \\n'; }\n";
    let output = Command::new("sh")
        .args(["-ec", &[sudo, random, &steps].concat()])
        .current_dir(&folder)
        .output()
        .expect("a shell");
    assert!(output.status.success(), "{output:?}");
    let file = folder.join("tokens/tokens");
    let text = fs::read_to_string(&file).expect("tokens");
    assert_eq!(output.stdout, text.as_bytes());
    let tokens = dashstream_relay::auth::Token::of_file(&text).expect("as the relay reads them");
    assert_eq!(tokens.len(), 2);
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let owner = fs::read_to_string(folder.join("owner")).expect("an owner");
    assert_eq!(owner, "chown 65532:65532 tokens/tokens\n");
    for dockerfile in ["deploy/Dockerfile", "deploy/Dockerfile.archive"] {
        assert!(read(dockerfile).contains("\nUSER 65532:65532\n"));
    }
    let run = block_with("docker run");
    assert!(run.contains("-v \"$PWD/tokens:/run/tokens:ro\""), "{run}");
    assert!(run.contains("-e DASHSTREAM_TOKENS_FILE=/run/tokens/tokens "));
}

/// SEC-06: each proxy says for whom it asks; the relay could take it for its operator else.
#[test]
fn every_block_of_a_proxy_names_its_client() {
    let document = read("docs/deploy.md");
    let blocks = document.split("```").skip(1).step_by(2);
    let mut wholes = 0;
    for block in blocks {
        let (name, says) = match block.split('\n').next() {
            Some("nginx") => ("server {", "proxy_set_header X-Forwarded-For "),
            Some("haproxy") => ("frontend ", "option forwardfor\n"),
            _ => continue,
        };
        let is_whole = block.lines().any(|line| line.starts_with(name));
        wholes += usize::from(is_whole);
        assert_eq!(block.contains(says), is_whole, "{block}");
        // A location that sets one header would lose those of its server.
        let resets = block.contains("proxy_set_header") && !is_whole;
        assert!(!resets, "{block}");
    }
    assert_eq!(wholes, 2);
}

/// OPS-05: compose names only variables that the relay reads, and its topics agree.
#[test]
fn compose_configures_the_relay() {
    use clap::Args as _;
    use dashstream_relay::config::Options;
    let compose = read("deploy/compose.yaml");
    let (_, relay) = compose.split_once("\n  relay:\n").expect("the relay");
    let relay = relay.split("\n  prometheus:").next().unwrap_or_default();
    let command = Options::augment_args(clap::Command::new(""));
    let known: BTreeSet<_> = command
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str())
        .collect();
    let (_, environment) = relay.split_once("environment:\n").expect("variables");
    let lines = environment
        .lines()
        .take_while(|line| line.starts_with("      "));
    let named: Vec<_> = lines
        .filter_map(|line| line.trim().split(':').next())
        .collect();
    assert!(
        named.len() >= 3 && named.iter().all(|name| known.contains(name)),
        "{named:?}"
    );
    // Whoever the deployment itself sends there is answered.
    let hosts = values(relay, "WEBSOCKET_ALLOWED_HOSTS");
    let scraped = values(&read("deploy/prometheus/prometheus.yml"), "targets");
    assert!(!scraped.is_empty());
    for target in &scraped {
        let name = target.trim_matches(['[', ']', '"']).split(':').next();
        let named = hosts.iter().flat_map(|list| list.split(','));
        assert!(
            named.clone().any(|host| Some(host) == name),
            "{target} in {hosts:?}"
        );
    }
    for topic in values(relay, "KAFKA_TOPIC")
        .iter()
        .chain(&values(relay, "KAFKA_DLQ_TOPIC"))
    {
        assert!(
            compose.contains(&format!("make --topic {topic} ")),
            "{topic}"
        );
    }
    for hardening in ["read_only: true", "cap_drop: [ALL]"] {
        assert!(relay.contains(hardening), "{hardening}");
    }
    let published = values(&compose, "ports");
    assert!(
        published
            .iter()
            .all(|port| port.starts_with("[\"127.0.0.1:")),
        "{published:?}"
    );
}
