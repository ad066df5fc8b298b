//! The relay and a Kafka that asks who is there, with TLS, client certificates and logins.

use std::time::Duration;

use dashstream_e2e::{
    java::JavaClient,
    kafka::unique,
    producer::{Input, Topic, now_ms},
    relay::Relay,
    secure_kafka::{LIMITED_USER, PASSWORD, SecureKafka, USER},
};

const RECORDS: u32 = 20;

fn login(protocol: &str, mechanism: &str, password: &str) -> Vec<String> {
    vec![
        format!("--kafka-security-protocol={protocol}"),
        format!("--kafka-sasl-mechanism={mechanism}"),
        format!("--kafka-sasl-username={USER}"),
        format!("--kafka-sasl-password={password}"),
    ]
}

fn produced(kafka: &SecureKafka) -> Topic {
    let topic = Topic::create(&kafka.plaintext(), &unique("secure"), 1);
    let produced = topic.produce((0..RECORDS).map(|number| Input {
        key: number.to_be_bytes().to_vec(),
        // The empty event, framed and not compressed.
        value: Some(vec![0x00, 0x0A, 0x00]),
        timestamp_ms: now_ms(),
    }));
    assert_eq!(produced.len(), RECORDS as usize);
    topic
}

fn launch(brokers: &str, topic: &Topic, flags: &[String]) -> Option<Relay> {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Relay::launch(brokers, topic.name(), &flags)
}

fn shows_no_secret(relay: &Relay) {
    for text in [
        relay.log(),
        relay.get("/version").body,
        relay.get("/health").body,
        relay.get("/ready").body,
        relay.get("/metrics").body,
    ] {
        assert!(!text.contains(PASSWORD) && !text.contains(USER), "{text}");
    }
}

/// SEC-10: TLS with a client certificate, and each mechanism of login over TLS and without.
#[test]
fn every_way_in_reads_the_topic() {
    let Some(kafka) = SecureKafka::start() else {
        return;
    };
    let topic = produced(&kafka);
    let ca = format!("--kafka-ssl-ca-location={}", kafka.file("ca.pem"));
    let tls = vec![
        "--kafka-security-protocol=ssl".to_owned(),
        ca.clone(),
        format!(
            "--kafka-ssl-certificate-location={}",
            kafka.file("client.pem")
        ),
        format!("--kafka-ssl-key-location={}", kafka.file("client.key")),
    ];
    let mut ways = vec![(kafka.ssl(), tls)];
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let mut over_tls = login("sasl_ssl", mechanism, PASSWORD);
        over_tls.push(ca.clone());
        ways.push((kafka.sasl_ssl(), over_tls));
        ways.push((
            kafka.sasl_plaintext(),
            login("sasl_plaintext", mechanism, PASSWORD),
        ));
    }
    for (brokers, flags) in ways {
        let Some(mut relay) = launch(&brokers, &topic, &flags) else {
            return;
        };
        relay.wait_ready();
        relay.wait_for("all records read", Duration::from_secs(30), |relay| {
            let read = relay.metrics();
            read.sum("websocket_kafka_messages_total", &[("status", "success")])
                == f64::from(RECORDS)
        });
        shows_no_secret(&relay);
    }
}

/// SEC-10, X15: a broker that cannot be trusted is not read from, and one that does not trust the relay is
/// reported with its cause and without what the relay said to it.
#[test]
fn no_way_in_is_told_and_shows_no_secret() {
    let Some(kafka) = SecureKafka::start() else {
        return;
    };
    let topic = produced(&kafka);
    let ca = format!("--kafka-ssl-ca-location={}", kafka.file("ca.pem"));
    let stranger = format!("--kafka-ssl-ca-location={}", kafka.file("stranger.pem"));
    let ssl = "--kafka-security-protocol=ssl".to_owned();
    let mut wrong_password = login("sasl_ssl", "SCRAM-SHA-512", "open-sesame");
    wrong_password.push(ca.clone());
    let mut wrong_authority = login("sasl_ssl", "PLAIN", PASSWORD);
    wrong_authority.push(stranger);
    let mut wrong_name = login("sasl_ssl", "PLAIN", PASSWORD);
    wrong_name.push(ca.clone());
    let by_other_name = kafka.sasl_ssl().replace("localhost", "127.0.0.1");
    let (tls, refused) = ("TLS to a broker fails", "a broker refuses the login");
    let ways = [
        ("no client certificate", kafka.ssl(), vec![ssl, ca], tls),
        ("wrong password", kafka.sasl_ssl(), wrong_password, refused),
        ("wrong authority", kafka.sasl_ssl(), wrong_authority, tls),
        ("wrong name", by_other_name, wrong_name, tls),
        ("no TLS", kafka.ssl(), Vec::new(), tls),
    ];
    for (what, brokers, flags, cause) in ways {
        let Some(mut relay) = launch(&brokers, &topic, &flags) else {
            return;
        };
        relay.wait_for(what, Duration::from_secs(60), |relay| {
            relay.log().contains("no metadata from any broker")
        });
        let ready = relay.get("/ready");
        assert_eq!(ready.status, 503, "{what}");
        for answer in [ready.body, relay.get("/health").body] {
            assert!(answer.contains(cause), "{what}: {answer}");
        }
        assert_eq!(
            relay.metrics().sum("websocket_kafka_messages_total", &[]),
            0.0,
            "{what}"
        );
        shows_no_secret(&relay);
        assert!(!relay.log().contains("open-sesame"), "{what}");
    }
}

/// X15: a missing permission is named with an error kind of its own, the relay is not ready, and its client is not
/// built again and again, as that cannot help. Once it is granted, reading goes on by itself.
#[test]
fn a_missing_permission_is_named_until_it_is_granted() {
    let Some(kafka) = SecureKafka::start() else {
        return;
    };
    let Some(mut java) = JavaClient::start(&kafka.plaintext()) else {
        return;
    };
    let (described, hidden) = (produced(&kafka), produced(&kafka));
    java.allow(LIMITED_USER, "DESCRIBE", described.name());
    java.allow("somebody-else", "READ", hidden.name());
    let mut flags = login("sasl_plaintext", "PLAIN", PASSWORD);
    flags[2] = format!("--kafka-sasl-username={LIMITED_USER}");
    flags.push("--kafka-backoff-max-ms=200".to_owned());
    flags.push("--kafka-lag-check-interval-secs=1".to_owned());
    for (topic, operation) in [(&described, "Read"), (&hidden, "Describe")] {
        let Some(mut relay) = launch(&kafka.sasl_plaintext(), topic, &flags) else {
            return;
        };
        let denied = |relay: &Relay| {
            let kind = [("error_type", "not_authorized")];
            let metrics = relay.metrics();
            metrics.sum("websocket_kafka_errors_by_type_total", &kind)
        };
        // More than it takes for a client to be built again where that could help.
        relay.wait_for(operation, Duration::from_secs(60), |relay| {
            denied(relay) >= 10.0
        });
        let metrics = relay.metrics();
        let sum = |name: &str| metrics.sum(name, &[]);
        assert_eq!(sum("dashstream_relay_client_rebuilds_total"), 0.0);
        let all = sum("websocket_infrastructure_errors_total");
        assert!(denied(&relay) >= all, "no failure has another kind");
        for path in ["/health", "/ready"] {
            let answer = relay.get(path);
            let said = format!("permission {operation} on topic");
            assert!(answer.body.contains(&said), "{}", answer.body);
        }
        assert_eq!(relay.get("/ready").status, 503);
        let named = format!("the permission {operation} on topic {}", topic.name());
        assert!(relay.log().contains(&named), "{named}");

        java.allow(LIMITED_USER, "DESCRIBE", topic.name());
        java.allow(LIMITED_USER, "READ", topic.name());
        relay.wait_ready();
        relay.wait_for("all records read", Duration::from_secs(30), |relay| {
            let read = relay.metrics();
            read.sum("websocket_kafka_messages_total", &[]) == f64::from(RECORDS)
        });
    }
}
