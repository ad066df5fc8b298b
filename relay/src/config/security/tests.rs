use std::{fs, path::PathBuf};

use clap::Parser as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::config::{Cli, Config, ConfigError};

fn config(arguments: &[&str]) -> Result<Config, Vec<ConfigError>> {
    let all = std::iter::once("dashstream-relay").chain(arguments.iter().copied());
    Config::from_args(&Cli::try_parse_from(all).expect("clap accepts it").options)
}

/// Variables of the mistakes, in the order told.
fn mistakes(arguments: &[&str]) -> Vec<String> {
    match config(arguments) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.variable).collect(),
    }
}

/// A folder with a certificate, its key and another key; removed when dropped.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("dashstream-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("the temporary directory can be written");
        let files = Self(dir);
        let make = || generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let CertifiedKey { cert, signing_key } = make();
        files.write("cert.pem", &cert.pem());
        files.write("key.pem", &signing_key.serialize_pem());
        files.write("other-key.pem", &make().signing_key.serialize_pem());
        files.write("damaged.pem", "-----BEGIN PRIVATE KEY-----\nseKret!\n");
        files
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("a fresh folder can be written");
    }

    fn flag(&self, flag: &str, name: &str) -> String {
        format!(
            "--kafka-ssl-{flag}-location={}",
            self.0.join(name).display()
        )
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // A leftover in the temporary directory is no reason to fail a test.
        let _left: std::io::Result<()> = fs::remove_dir_all(&self.0);
    }
}

// holds SEC-10 and SEC-12: mechanism where there is a login, halves together, and nothing that
// would have no effect; each rule names its variable.
#[test]
fn a_login_is_whole_or_refused() {
    const SASL: &str = "--kafka-security-protocol=sasl_plaintext";
    const USER: &str = "--kafka-sasl-username=u";
    const PASSWORD: &str = "--kafka-sasl-password=p";
    let scram = "--kafka-sasl-mechanism=scram-sha-512";
    assert!(mistakes(&[SASL, scram, USER, PASSWORD]).is_empty());
    let (mechanism, user, password) = (
        "KAFKA_SASL_MECHANISM",
        "KAFKA_SASL_USERNAME",
        "KAFKA_SASL_PASSWORD",
    );
    assert_eq!(mistakes(&[SASL]), [mechanism, user, password]);
    assert_eq!(mistakes(&[SASL, USER, PASSWORD]), [mechanism]);
    assert_eq!(mistakes(&[SASL, scram, PASSWORD]), [user]);
    assert_eq!(mistakes(&[SASL, scram, USER]), [password]);
    assert_eq!(mistakes(&[scram]), [mechanism]);
    assert_eq!(mistakes(&[USER, PASSWORD]), [user, password]);
    for unsupported in ["GSSAPI", "OAUTHBEARER", "PLAINTEXT"] {
        let flag = format!("--kafka-sasl-mechanism={unsupported}");
        let errors = config(&[SASL, &flag, USER, PASSWORD]).expect_err("not supported");
        assert_eq!(errors.len(), 1);
        assert!(errors[0].problem.contains(unsupported), "{}", errors[0]);
    }
}

// holds SEC-10 and SEC-12: certificate and key together, usable, and only with TLS.
#[test]
fn certificates_are_read_at_start() {
    const SSL: &str = "--kafka-security-protocol=ssl";
    let files = Files::new("certificates");
    let ca = files.flag("ca", "cert.pem");
    let own = files.flag("certificate", "cert.pem");
    let key = files.flag("key", "key.pem");
    assert!(mistakes(&[SSL, &ca]).is_empty());
    assert!(mistakes(&[SSL, &ca, &own, &key]).is_empty());
    let (ca_name, own_name, key_name) = (
        "KAFKA_SSL_CA_LOCATION",
        "KAFKA_SSL_CERTIFICATE_LOCATION",
        "KAFKA_SSL_KEY_LOCATION",
    );
    assert_eq!(mistakes(&[SSL, &ca, &own]), [key_name]);
    assert_eq!(mistakes(&[SSL, &ca, &key]), [own_name]);
    assert_eq!(mistakes(&[&ca, &own, &key]), [ca_name, own_name, key_name]);
    assert_eq!(mistakes(&[SSL, &files.flag("ca", "absent.pem")]), [ca_name]);
    assert_eq!(mistakes(&[SSL, &files.flag("ca", "key.pem")]), [ca_name]);
    let certificate_as_key = files.flag("key", "cert.pem");
    assert_eq!(mistakes(&[SSL, &ca, &own, &certificate_as_key]), [key_name]);
    let strange_key = files.flag("key", "other-key.pem");
    assert_eq!(mistakes(&[SSL, &ca, &own, &strange_key]), [own_name]);
    let damaged = config(&[SSL, &ca, &own, &files.flag("key", "damaged.pem")]);
    let errors = damaged.expect_err("a damaged key");
    assert_eq!(errors[0].variable, key_name);
    assert!(!errors[0].problem.contains("seKret"), "{}", errors[0]);
    let ipv6 = mistakes(&[SSL, &ca, "--kafka-brokers=[::1]:9093"]);
    assert_eq!(ipv6, ["KAFKA_BROKERS"]);
}

// holds SEC-10 and OPS-04: nothing that shows the configuration shows a secret, or who logs in.
#[test]
fn secrets_are_not_shown() {
    const SECRETS: [&str; 3] = ["relay-user", "pa55word", "hidden-broker"];
    let arguments = [
        "dashstream-relay",
        "--kafka-brokers=hidden-broker:9092",
        "--kafka-security-protocol=sasl_plaintext",
        "--kafka-sasl-mechanism=PLAIN",
        "--kafka-sasl-username=relay-user",
        "--kafka-sasl-password=pa55word",
    ];
    let cli = Cli::try_parse_from(arguments).expect("clap accepts it");
    assert!(!format!("{cli:?}").contains("pa55word"));
    let good = Config::from_args(&cli.options).expect("usable");
    let json = serde_json::to_string(&good).expect("serialises");
    for shown in [
        json.clone(),
        format!("{:?}", good.kafka.security),
        crate::kafka::shown(&good.kafka),
        format!("{:?}", crate::kafka::TopicReader::new(&good.kafka)),
    ] {
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    assert!(
        json.contains(r#""protocol":"sasl_plaintext","saslMechanism":"PLAIN""#),
        "{json}"
    );
    assert!(good.kafka.security.shows_password());
    let errors = config(&[
        "--kafka-sasl-username=relay-user",
        "--kafka-sasl-password=pa55word",
    ]);
    for error in errors.expect_err("no login") {
        assert!(
            !error.to_string().contains("pa55word") && !error.to_string().contains("relay-user")
        );
    }
}

#[test]
fn the_help_does_not_print_a_secret_from_the_environment() {
    use clap::CommandFactory as _;
    let command = Cli::command();
    let commands = command.get_subcommands().chain([&command]);
    let secret = commands
        .flat_map(clap::Command::get_arguments)
        .filter(|one| {
            let id = one.get_id().as_str();
            (id.contains("token") || id.contains("password")) && id != "loopback_needs_token"
        });
    let mut ids: Vec<_> = secret
        .inspect(|one| assert!(one.is_hide_env_values_set(), "{one}"))
        .map(|one| one.get_id().as_str())
        .collect();
    ids.sort_unstable();
    let expected = [
        "kafka_sasl_password",
        "kafka_ssl_key_password",
        "token",
        "tokens",
        "tokens_file",
    ];
    assert_eq!(ids, expected);
}
