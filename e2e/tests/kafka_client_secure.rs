//! The client that reads, on a Kafka that asks who is there and who may do what.

use std::{sync::Arc, time::Duration};

use dashstream_e2e::{
    java::JavaClient,
    kafka::unique,
    producer::{Input, Topic, now_ms},
    secure_kafka::{LIMITED_USER, PASSWORD, SecureKafka, USER},
};
use dashstream_kafka::{Ask, Cluster, Error, Item, Limits, Login, Mechanism, Settings};
use rustls::{ClientConfig, RootCertStore, pki_types::pem::PemObject as _};
use tokio::runtime::Runtime;

fn settings(brokers: String) -> Settings {
    Settings {
        brokers: vec![brokers],
        client_id: "dashstream-e2e".into(),
        tls: None,
        login: None,
        timeout: Duration::from_secs(20),
        wait: Duration::from_millis(200),
        partition_bytes: 1024 * 1024,
        limits: Limits::default(),
    }
}

fn tls(kafka: &SecureKafka, authority: &str, with_certificate: bool) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let file = kafka.file(authority);
    let certificate =
        rustls::pki_types::CertificateDer::from_pem_file(file).expect("a certificate");
    roots.add(certificate).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots);
    let config = if with_certificate {
        let own = kafka.file("client.pem");
        let own = rustls::pki_types::CertificateDer::from_pem_file(own).expect("a certificate");
        let key = kafka.file("client.key");
        let key = rustls::pki_types::PrivateKeyDer::from_pem_file(key).expect("a key");
        builder
            .with_client_auth_cert(vec![own], key)
            .expect("they fit")
    } else {
        builder.with_no_client_auth()
    };
    Arc::new(config)
}

fn login(mechanism: Mechanism, user: &str, password: &str) -> Option<Login> {
    Some(Login {
        mechanism,
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// Reads the first record of a topic.
async fn first(settings: Settings, topic: &str) -> Result<Vec<u8>, Error> {
    let cluster = Cluster::new(settings);
    let mut reader = cluster.partition(topic, 0).await?;
    let ask = Ask {
        offset: 0,
        last_epoch: None,
        is_patient: true,
    };
    let mut fetched = reader.fetch(ask).await?;
    match fetched.next().await {
        Some(Item::Records(records)) => Ok(records[0].value.unwrap_or_default().to_vec()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_way_to_connect_reads_and_every_wrong_one_says_why() {
    let Some(kafka) = SecureKafka::start() else {
        return;
    };
    let name = unique("client-secure");
    let topic = Topic::create(&kafka.plaintext(), &name, 1);
    let input = Input {
        key: b"k".to_vec(),
        value: Some(b"value".to_vec()),
        timestamp_ms: now_ms(),
    };
    assert_eq!(topic.produce_batch(0, vec![input]).len(), 1);
    let all = [
        Mechanism::Plain,
        Mechanism::ScramSha256,
        Mechanism::ScramSha512,
    ];
    Runtime::new().expect("a runtime").block_on(async {
        let mut ways = vec![Settings {
            tls: Some(tls(&kafka, "ca.pem", true)),
            ..settings(kafka.ssl())
        }];
        for mechanism in all {
            ways.push(Settings {
                login: login(mechanism, USER, PASSWORD),
                ..settings(kafka.sasl_plaintext())
            });
            ways.push(Settings {
                tls: Some(tls(&kafka, "ca.pem", false)),
                login: login(mechanism, USER, PASSWORD),
                ..settings(kafka.sasl_ssl())
            });
        }
        for way in ways {
            let shown = format!("{way:?}");
            assert!(
                !shown.contains(PASSWORD) && !shown.contains(USER),
                "{shown}"
            );
            assert_eq!(first(way, &name).await, Ok(b"value".to_vec()), "{shown}");
        }

        for mechanism in all {
            let wrong = Settings {
                login: login(mechanism, USER, "wrong"),
                ..settings(kafka.sasl_plaintext())
            };
            let error = first(wrong, &name).await.expect_err("a wrong password");
            assert!(matches!(error, Error::Login(_)), "{mechanism:?}: {error:?}");
        }
        let stranger = Settings {
            tls: Some(tls(&kafka, "stranger.pem", true)),
            ..settings(kafka.ssl())
        };
        let error = first(stranger, &name).await.expect_err("another authority");
        assert!(matches!(error, Error::Tls(_)), "{error:?}");
    });
}

/// X15: a permission that is missing is named, as it is in Kafka's access control lists.
#[test]
fn a_missing_permission_is_named() {
    let Some(kafka) = SecureKafka::start() else {
        return;
    };
    let Some(mut java) = JavaClient::start(&kafka.plaintext()) else {
        return;
    };
    let (described, hidden) = (unique("client-described"), unique("client-hidden"));
    for name in [&described, &hidden] {
        java.create_topic(name, 1, &[]);
    }
    java.allow(LIMITED_USER, "DESCRIBE", &described);
    java.allow("somebody-else", "READ", &hidden);
    let limited = || Settings {
        login: login(Mechanism::Plain, LIMITED_USER, PASSWORD),
        ..settings(kafka.sasl_plaintext())
    };
    Runtime::new().expect("a runtime").block_on(async {
        for (name, operation) in [(&described, "Read"), (&hidden, "Describe")] {
            let expected = Error::NotAuthorized {
                operation,
                topic: name.clone(),
            };
            assert_eq!(first(limited(), name).await, Err(expected));
        }
        java.allow(LIMITED_USER, "READ", &described);
        let mut reader = Cluster::new(limited())
            .partition(&described, 0)
            .await
            .expect("it is there");
        let ask = Ask {
            offset: 0,
            last_epoch: None,
            is_patient: false,
        };
        assert_eq!(
            reader.fetch(ask).await.map(|fetched| fetched.position()),
            Ok(0)
        );
    });
}
