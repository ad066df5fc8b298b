//! Apache Kafka: one KRaft node on loopback with data in a temporary folder, from the jars. Where
//! `KAFKA_BROKERS` names a broker, tests which need no control over its process use that one.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::{
    child::Running,
    java,
    place::{self, free_port, fresh_dir},
    producer::Topic,
    requirement::{Tool, need},
};

/// A broker, started here or there before.
#[derive(Debug)]
pub struct Kafka {
    brokers: String,
    node: Option<Node>,
}

/// The process and its folder.
#[derive(Debug)]
struct Node {
    libs: PathBuf,
    dir: PathBuf,
    log: PathBuf,
    running: Option<Running>,
}

impl Kafka {
    /// The broker which all tests of this process share, or `None` after saying SKIPPED.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        if let Some(brokers) = env::var("KAFKA_BROKERS")
            .ok()
            .filter(|text| !text.is_empty())
        {
            return Some(SHARED.get_or_init(|| Self {
                brokers,
                node: None,
            }));
        }
        let libs = need(Tool::Kafka)?;
        Some(SHARED.get_or_init(|| Self::boot(libs, "kafka")))
    }

    /// A broker of the caller's own, which it may stop and start, or `None` after saying SKIPPED.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str) -> Option<Self> {
        Some(Self::boot(need(Tool::Kafka)?, &format!("kafka-{name}")))
    }

    /// Bootstrap address.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// A new topic, whose name starts with `name`.
    #[must_use]
    pub fn topic(&self, name: &str, partitions: u32) -> Topic {
        Topic::create(&self.brokers, &unique(name), partitions)
    }

    /// The folder of one partition's log on disk.
    ///
    /// # Panics
    /// With a broker that was not started here.
    #[must_use]
    pub fn partition_dir(&self, topic: &str, partition: u32) -> PathBuf {
        let node = self.node.as_ref().expect("a broker of our own");
        node.dir.join("data").join(format!("{topic}-{partition}"))
    }

    /// Cuts a partition's log on the disk while the broker is stopped, as a crash does: to the length that `cut` makes
    /// of its length. The broker then looks at the log and builds its index again.
    ///
    /// # Panics
    /// With a broker that was not started here, or a partition that has no log.
    pub fn cut_log(&self, topic: &str, partition: u32, cut: impl FnOnce(u64) -> u64) {
        let dir = self.partition_dir(topic, partition);
        let log = dir.join("00000000000000000000.log");
        let file = fs::File::options().write(true).open(log);
        let file = file.expect("the broker's log");
        let len = file.metadata().expect("the broker's log").len();
        file.set_len(cut(len)).expect("it can be cut");
        for entry in fs::read_dir(&dir).expect("the broker's folder").flatten() {
            let path = entry.path();
            let end = path.extension();
            if end.is_some_and(|end| end == "index" || end == "timeindex") {
                fs::remove_file(path).expect("an index can be removed");
            }
        }
        let clean = dir.parent().expect("a folder").join(".kafka_cleanshutdown");
        fs::remove_file(clean).expect("the mark of a clean stop");
    }

    /// Stops the broker in good order (SIGTERM) and keeps its data.
    ///
    /// # Panics
    /// With a broker that was not started here, or when it does not end.
    pub fn stop(&mut self) {
        let node = self.node.as_mut().expect("a broker of our own");
        let mut running = node.running.take().expect("it runs");
        running.terminate();
        running.wait(STOP_MAX);
    }

    /// Starts it again on the same data and port.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_again(&mut self) {
        let node = self.node.as_mut().expect("a broker of our own");
        assert!(node.running.is_none(), "it runs already");
        let mut running = node.launch();
        wait_ready(&mut running, &self.brokers).expect("it came up before");
        node.running = Some(running);
    }

    fn boot(libs: PathBuf, name: &str) -> Self {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::try_boot(&libs, name) {
                Ok(kafka) => return kafka,
                // Another process may have taken one of the ports in between.
                Err(why) if tries < START_TRIES_MAX => eprintln!("Kafka, try {tries}: {why}"),
                Err(why) => panic!("Kafka does not start: {why}"),
            }
        }
    }

    fn try_boot(libs: &Path, name: &str) -> Result<Self, String> {
        let (port, controller) = (free_port(), free_port());
        let dir = fresh_dir(name);
        let log = place::log_file(&format!("{name}-{port}"));
        write_settings(&dir, port, controller);
        format_storage(libs, &dir)?;
        let node = Node {
            libs: libs.to_path_buf(),
            dir,
            log,
            running: None,
        };
        let mut kafka = Self {
            brokers: format!("127.0.0.1:{port}"),
            node: Some(node),
        };
        if let Some(node) = &mut kafka.node {
            let mut running = node.launch();
            wait_ready(&mut running, &kafka.brokers)?;
            node.running = Some(running);
        }
        Ok(kafka)
    }
}

impl Node {
    fn launch(&self) -> Running {
        let mut command = Command::new("java");
        command
            .args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg(format!(
                "-Dlog4j2.configurationFile={}",
                self.dir.join("log4j2.properties").display()
            ))
            .arg("-cp")
            .arg(java::class_path(&self.libs))
            .arg("kafka.Kafka")
            .arg(self.dir.join("server.properties"));
        Running::server(&mut command, &self.log, Some(&self.dir))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.running.take());
        // A leftover in the temporary directory is no reason to fail a test.
        let _left: std::io::Result<()> = fs::remove_dir_all(&self.dir);
    }
}

/// A topic name nobody used before, also on a broker that outlives the tests.
#[must_use]
pub fn unique(name: &str) -> String {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    format!("e2e-{name}-{:x}", since.as_nanos())
}

fn write_settings(dir: &Path, port: u16, controller: u16) {
    let data = dir.join("data");
    let settings = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={}\n\
         num.recovery.threads.per.data.dir=2\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n\
         log.cleaner.backoff.ms=200\n\
         log.retention.ms=-1\n\
         auto.create.topics.enable=false\n",
        data.display()
    );
    let logging = "rootLogger.level = info\n\
                   rootLogger.appenderRef.out.ref = out\n\
                   appender.out.type = Console\n\
                   appender.out.name = out\n\
                   appender.out.layout.type = PatternLayout\n\
                   appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n\n";
    fs::create_dir_all(&data).expect("a fresh folder can be written");
    fs::write(dir.join("server.properties"), settings).expect("a fresh folder can be written");
    fs::write(dir.join("log4j2.properties"), logging).expect("a fresh folder can be written");
}

fn format_storage(libs: &Path, dir: &Path) -> Result<(), String> {
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp"])
        .arg(java::class_path(libs))
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(dir.join("server.properties"))
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

fn wait_ready(running: &mut Running, brokers: &str) -> Result<(), String> {
    let deadline = Instant::now() + START_MAX;
    // The port of a node that failed could be another test's broker, so the log decides first.
    while !running.log().contains("Kafka Server started") || !Topic::answers(brokers) {
        if let Some(status) = running.ended() {
            return Err(format!("{status}; {}", running.log_path().display()));
        }
        if Instant::now() > deadline {
            return Err(format!("not ready; {}", running.log_path().display()));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

const START_TRIES_MAX: u32 = 3;
const START_MAX: Duration = Duration::from_secs(120);
const STOP_MAX: Duration = Duration::from_secs(60);
/// Any 16 bytes in base64url will do: the node is the only one of its cluster.
const CLUSTER_ID: &str = "ZGFzaHN0cmVhbS1lMmUtMQ";
