use clap::{CommandFactory as _, Parser as _};

use clap::{Args as _, Command as ClapCommand};

use super::*;

fn options(arguments: &[&str]) -> Options {
    let all = std::iter::once("dashstream-relay").chain(arguments.iter().copied());
    Cli::try_parse_from(all).expect("clap accepts it").options
}

#[test]
fn clap_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_usable_and_local() {
    let config = Config::from_args(&options(&[])).expect("defaults are usable");
    assert!(config.listen.host.is_loopback());
    assert_eq!(config.listen.port, Port::FirstFree);
    assert_eq!(config.serve.decode_mode, DecodeMode::Strict);
    assert_eq!(config.serve.payload_bytes_max, wire::PAYLOAD_BYTES_MAX);
    assert_eq!(config.serve.window_bytes, wire::WINDOW_BYTES_DEFAULT);
    assert_eq!(config.serve.log_bytes_max as u64, limits::LOG_BYTES_DEFAULT);
    assert_eq!(config.kafka.fetch_bytes_max, limits::FETCH_BYTES_DEFAULT);
}

/// SEC-01: a port that others can reach is not opened to everybody by mistake.
#[test]
fn only_loopback_needs_no_tokens() {
    let tokens = "--tokens=viewer 0123456789abcdef0123456789abcdef";
    for host in ["0.0.0.0", "::", "10.1.2.3", "2001:db8::1"] {
        let host = format!("--host={host}");
        let errors = Config::from_args(&options(&[&host])).expect_err("unguarded");
        let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
        let [told] = told.as_slice() else {
            panic!("{told:?}");
        };
        let ways = [
            "--host (WEBSOCKET_HOST)",
            "--tokens-file (DASHSTREAM_TOKENS_FILE)",
            "--insecure-allow-anyone (DASHSTREAM_INSECURE_ALLOW_ANYONE=true)",
        ];
        assert!(ways.iter().all(|way| told.contains(way)), "{told}");
        for way in [
            tokens,
            "--insecure-allow-anyone",
            "--insecure-allow-anyone=true",
        ] {
            let config = Config::from_args(&options(&[&host, way])).expect("guarded or said so");
            let shown = serde_json::to_string(&config).expect("serialises");
            assert!(!shown.contains("0123456789abcdef"), "{shown}");
        }
        let off = [&host, "--insecure-allow-anyone=false"];
        assert!(Config::from_args(&options(&off)).is_err());
    }
    for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost"] {
        let host = format!("--host={host}");
        assert!(Config::from_args(&options(&[&host])).is_ok(), "{host}");
    }
    let both = [tokens, "--insecure-allow-anyone"];
    let errors = Config::from_args(&options(&both)).expect_err("a contradiction");
    assert_eq!(errors[0].flag, "insecure-allow-anyone");
}

/// Each is of no use in its own way.
const MISTAKES: [&str; 47] = [
    "--kafka-brokers=nowhere",
    "--kafka-topic=a b",
    "--kafka-auto-offset-reset=middle",
    "--kafka-operation-timeout-secs=0",
    "--kafka-fetch-wait-ms=x",
    "--kafka-fetch-bytes-max=1G",
    "--kafka-metadata-interval-secs=0",
    "--kafka-lag-check-interval-secs=-1",
    "--kafka-security-protocol=tls",
    "--kafka-sasl-mechanism=GSSAPI",
    "--kafka-sasl-username=someone",
    "--kafka-ssl-certificate-location=own.pem",
    "--kafka-ssl-key-password=x",
    "--kafka-ssl-endpoint-algorithm=none",
    "--kafka-dlq-topic=a b",
    "--dlq-concurrent-sends-max=0",
    "--dlq-send-timeout-secs=0",
    "--dlq-include-full-payload=perhaps",
    "--dlq-fail-closed=perhaps",
    "--dlq-record-bytes-max=1K",
    "--sequence-policy=perhaps",
    "--kafka-on-decode-error=never",
    "--kafka-backoff-min-ms=0",
    "--kafka-backoff-max-ms=0",
    concat!(
        "--checkpoint-dir=",
        env!("CARGO_MANIFEST_DIR"),
        "/Cargo.toml"
    ),
    "--checkpoint-interval-ms=1",
    "--tokens-file=/nowhere/at/all",
    "--tokens=viewer tooshort",
    "--insecure-allow-anyone=perhaps",
    "--loopback-needs-token=perhaps",
    "--session-secs=0",
    "--host=example.org",
    "--port=http",
    "--max-payload-bytes=11M",
    "--send-timeout-secs=0",
    "--max-connections=0",
    "--max-connections-per-ip=none",
    "--allowed-origin=*",
    "--allowed-host=a:1",
    "--trusted-proxies=0.0.0.0/0",
    "--base-path=/a//b",
    "--decode-mode=loose",
    "--log-bytes-max=1M",
    "--window-bytes=1M",
    "--resume-deadline-secs=0",
    "--drain-secs=-1",
    "--notice=a\nb",
];

// holds SEC-12: invalid configuration fails at start and names the variable.
#[test]
fn every_mistake_is_told_at_once() {
    let errors = Config::from_args(&options(&MISTAKES)).expect_err("all of it is wrong");

    let command = Options::augment_args(ClapCommand::new(""));
    // Any text is a user, and files are looked at with a protocol that uses them.
    let unchecked = [
        "kafka_cluster_id",
        "kafka_sasl_username",
        "kafka_ssl_ca_location",
        "kafka_ssl_certificate_location",
    ];
    let mut expected: Vec<_> = command
        .get_arguments()
        .filter(|argument| !unchecked.contains(&argument.get_id().as_str()))
        .map(|argument| argument.get_long().expect("has a flag"))
        .collect();
    let mut told: Vec<_> = errors.iter().map(|error| error.flag.as_str()).collect();
    expected.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, expected);
    for error in &errors {
        assert!(!error.variable.is_empty() && !error.problem.is_empty());
        let text = error.to_string();
        assert!(
            text.contains(&error.flag) && text.contains(&error.variable),
            "{text}"
        );
    }
}

#[test]
fn the_payload_limit_is_never_raised_over_the_wire_limit() {
    let over = (wire::PAYLOAD_BYTES_MAX + 1).to_string();
    assert!(Config::from_args(&options(&["--max-payload-bytes", &over])).is_err());
}

#[test]
fn what_is_served_names_no_broker() {
    let config = Config::from_args(&options(&["--kafka-brokers=secret-host:9092"])).expect("fine");
    let json = serde_json::to_string(&config).expect("serialises");
    assert!(!json.contains("secret-host"), "{json}");
    assert!(json.contains("\"brokerCount\":1"), "{json}");
}

// holds OPS-04: unknown variables warn with their name.
#[test]
fn unknown_variables_are_named() {
    let names = [
        "KAFKA_TOPIC",
        "KAFKA_TOPICS",
        "WEBSOCKET_PORT",
        "WEBSOCKET_BUFFER_SIZE",
        "DASHSTREAM_CORPUS",
        "DASHSTREAM_NOTIZ",
        "MAX_CONCURRENT_DLQ_SENDS",
        "MAX_CONCURRENT_DLQ_SEND",
        "PATH",
        "REDIS_URL",
    ];
    let unknown = unknown_variables(names.iter().map(|&name| name.to_owned()));
    assert_eq!(
        unknown,
        [
            "DASHSTREAM_NOTIZ",
            "KAFKA_TOPICS",
            "MAX_CONCURRENT_DLQ_SEND",
            "WEBSOCKET_BUFFER_SIZE"
        ]
    );
}

// holds OPS-11 for this table: the documentation has one row per option, as clap has it.
#[test]
fn documentation_lists_every_option() {
    let text = include_str!("../../../docs/configuration.md");
    let documented: Vec<(String, String, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `--"))
        .map(|row| {
            let mut cells = row
                .split('|')
                .map(|cell| cell.trim().trim_matches('`').to_owned());
            let mut cell = || cells.next().expect("three cells");
            (cell(), cell(), cell())
        })
        .collect();

    let command = Options::augment_args(ClapCommand::new(""));
    let defined: Vec<(String, String, String)> = command
        .get_arguments()
        .map(|argument| {
            let default = argument
                .get_default_values()
                .first()
                .and_then(|value| value.to_str());
            (
                argument.get_long().unwrap_or_default().to_owned(),
                argument
                    .get_env()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default()
                    .to_owned(),
                match default.unwrap_or_default() {
                    "" => "none".to_owned(),
                    text => text.to_owned(),
                },
            )
        })
        .collect();
    assert_eq!(documented, defined);
}
