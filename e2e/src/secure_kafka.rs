//! Apache Kafka that asks who is there: one KRaft node with listeners for TLS with client
//! certificates, for logins over TLS and for logins in the clear, and certificates made for it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    certificate::{authority, leaf},
    child::Running,
    java,
    place::{self, free_port, fresh_dir},
    producer::Topic,
    requirement::{Tool, need},
};

/// User of every login.
pub const USER: &str = "relay-of-the-test";
/// Its password.
pub const PASSWORD: &str = "open-sesame-4711";

/// A user who may do what access control lists say, on topics that have any.
pub const LIMITED_USER: &str = "limited";

/// A broker with its certificates. Stopped when dropped.
#[derive(Debug)]
pub struct SecureKafka {
    dir: PathBuf,
    ports: [u16; 4],
    running: Option<Running>,
}

impl SecureKafka {
    /// Starts it, or says SKIPPED.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let libs = need(Tool::Kafka)?;
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::boot(&libs) {
                Ok(kafka) => return Some(kafka),
                // Another process may have taken one of the ports in between.
                Err(why) if tries < START_TRIES_MAX => eprintln!("Kafka, try {tries}: {why}"),
                Err(why) => panic!("Kafka does not start: {why}"),
            }
        }
    }

    /// The listener without protection, for what the test itself does.
    #[must_use]
    pub fn plaintext(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    /// TLS; asks for a client certificate.
    #[must_use]
    pub fn ssl(&self) -> String {
        format!("localhost:{}", self.ports[1])
    }

    /// Login over TLS.
    #[must_use]
    pub fn sasl_ssl(&self) -> String {
        format!("localhost:{}", self.ports[2])
    }

    /// Login in the clear.
    #[must_use]
    pub fn sasl_plaintext(&self) -> String {
        format!("localhost:{}", self.ports[3])
    }

    /// A file made for it: `ca.pem`, `client.pem`, `client.key`, `stranger.pem` (another authority).
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn boot(libs: &Path) -> Result<Self, String> {
        let dir = fresh_dir("secure-kafka");
        write_certificates(&dir);
        let ports = [free_port(), free_port(), free_port(), free_port()];
        write_settings(&dir, ports, free_port());
        let mut kafka = Self {
            dir,
            ports,
            running: None,
        };
        format_storage(libs, &kafka.dir)?;
        let log = place::log_file(&format!("secure-kafka-{}", ports[0]));
        let mut command = Command::new("java");
        command
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-cp")
            .arg(java::class_path(libs))
            .arg("kafka.Kafka")
            .arg(kafka.dir.join("server.properties"));
        let mut running = Running::server(&mut command, &log, Some(&kafka.dir));
        let deadline = Instant::now() + START_MAX;
        while !Topic::answers(&kafka.plaintext()) {
            if let Some(status) = running.ended() {
                return Err(format!("{status}; {}", log.display()));
            }
            if Instant::now() > deadline {
                return Err(format!("not ready; {}", log.display()));
            }
            thread::sleep(Duration::from_millis(100));
        }
        kafka.running = Some(running);
        Ok(kafka)
    }
}

impl Drop for SecureKafka {
    fn drop(&mut self) {
        drop(self.running.take());
        // A leftover in the temporary directory is no reason to fail a test.
        let _left: std::io::Result<()> = fs::remove_dir_all(&self.dir);
    }
}

fn write_certificates(dir: &Path) {
    let write = |name: &str, text: &str| {
        fs::write(dir.join(name), text).expect("a fresh folder can be written");
    };
    let trusted = authority("authority of the test");
    write("ca.pem", &trusted.0);
    write("stranger.pem", &authority("another authority").0);
    let (certificate, key) = leaf("broker", &["localhost"], &trusted.1);
    write("broker.pem", &format!("{key}{certificate}"));
    let (certificate, key) = leaf("relay", &["relay.test"], &trusted.1);
    write("client.pem", &certificate);
    write("client.key", &key);
}

fn write_settings(dir: &Path, ports: [u16; 4], controller: u16) {
    let [plaintext, ssl, sasl_ssl, sasl_plaintext] = ports;
    let listeners = format!(
        "PLAINTEXT://127.0.0.1:{plaintext},SSL://localhost:{ssl},SASL_SSL://localhost:{sasl_ssl},\
         SASL_PLAINTEXT://localhost:{sasl_plaintext}"
    );
    let (data, broker, ca) = (dir.join("data"), dir.join("broker.pem"), dir.join("ca.pem"));
    let mut settings = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners={listeners},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners={listeners}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,\
         SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT\n\
         log.dirs={}\n\
         offsets.topic.replication.factor=1\n\
         auto.create.topics.enable=false\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={}\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={}\n\
         listener.name.ssl.ssl.client.auth=required\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         allow.everyone.if.no.acl.found=true\n\
         super.users=User:ANONYMOUS;User:{USER}\n",
        data.display(),
        broker.display(),
        ca.display()
    );
    let module = "org.apache.kafka.common.security";
    for listener in ["sasl_ssl", "sasl_plaintext"] {
        settings.push_str(&format!(
            "listener.name.{listener}.plain.sasl.jaas.config=\
             {module}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\" \
             user_{LIMITED_USER}=\"{PASSWORD}\";\n\
             listener.name.{listener}.scram-sha-256.sasl.jaas.config=\
             {module}.scram.ScramLoginModule required;\n\
             listener.name.{listener}.scram-sha-512.sasl.jaas.config=\
             {module}.scram.ScramLoginModule required;\n"
        ));
    }
    fs::create_dir_all(&data).expect("a fresh folder can be written");
    fs::write(dir.join("server.properties"), settings).expect("a fresh folder can be written");
}

fn format_storage(libs: &Path, dir: &Path) -> Result<(), String> {
    let user = |mechanism: &str| format!("{mechanism}=[name={USER},password={PASSWORD}]");
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(java::class_path(libs))
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(dir.join("server.properties"))
        .args(["--add-scram", &user("SCRAM-SHA-256")])
        .args(["--add-scram", &user("SCRAM-SHA-512")])
        .output()
        .map_err(|error| format!("java: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "format: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

const START_TRIES_MAX: u32 = 3;
const START_MAX: Duration = Duration::from_secs(180);
/// Any 16 bytes in base64url will do: the node is the only one of its cluster.
const CLUSTER_ID: &str = "ZGFzaHN0cmVhbS1lMmUtMg";
