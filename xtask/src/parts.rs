//! The parts from outside Cargo and npm, and how each is had. Nothing is fetched here without a yes: from
//! `CI=true`, from `--install`, or from the person at the terminal. What is then still missing is
//! reported, and what needs it is skipped, or fails where `DASHSTREAM_REQUIRE=all`.
//!
//! Tests find the parts through these variables; one that is already set is left as it is:
//!
//! | variable | names |
//! | --- | --- |
//! | `DASHSTREAM_CHROMIUM` | the browser |
//! | `DASHSTREAM_FIREFOX` | the other browser, for a smoke test |
//! | `DASHSTREAM_KAFKA_LIBS` | folder with the jars of Apache Kafka: `java -cp "$DASHSTREAM_KAFKA_LIBS/*"` |
//! | `DASHSTREAM_KAFKA_VERSION` | the version of Apache Kafka to fetch, where the jars are not named |
//! | `DASHSTREAM_PYTHON` | a Python with `protobuf`, `grpcio-tools` and `zstandard`, the official oracle, and with `kubernetes-validate` |
//! | `DASHSTREAM_KCAT`, `DASHSTREAM_PROMTOOL`, `DASHSTREAM_NGINX`, `DASHSTREAM_HAPROXY` | programs of these names |
//! | `DASHSTREAM_RELAY_BIN`, `DASHSTREAM_CLI_BIN`, `DASHSTREAM_SIMULATOR_BIN`, `DASHSTREAM_DEMO_BROKER_BIN`, `DASHSTREAM_MOCK_BROKER_BIN` | our binaries |
//! | `DASHSTREAM_WEB` | the `web` folder with its `node_modules`, `dist` and generated bindings |

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail, ensure};

use crate::{
    apt, compiler, debian_rustc, output,
    project::{Project, create_dir, remove_dir},
    run::{self, Progress},
    stamp::{Inputs, Stamp},
    toolchain::{self, WasmToolchain},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Programs of the operating system.
    System(&'static Programs),
    KafkaLibs,
    Python,
    WasmCompiler,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Programs {
    name: &'static str,
    /// The programs that must be there, each under one of its names.
    all_of: &'static [&'static [&'static str]],
    variable: Option<&'static str>,
    packages: &'static [&'static str],
}

/// What the page, the relay and the demo need.
pub(crate) const FOR_DEMO: &[Part] = &[Part::WasmCompiler, C_COMPILER];

/// In the order in which they are had: Kafka's jars need Java and Maven.
pub(crate) const FOR_TESTS: &[Part] = &[
    Part::WasmCompiler,
    C_TOOLS,
    CHROMIUM,
    Part::System(&Programs {
        name: "Firefox",
        all_of: &[&["firefox-esr", "firefox"]],
        variable: Some("DASHSTREAM_FIREFOX"),
        packages: &["firefox-esr"],
    }),
    Part::System(&Programs {
        name: "kcat",
        all_of: &[&["kcat"]],
        variable: Some("DASHSTREAM_KCAT"),
        packages: &["kcat"],
    }),
    Part::System(&Programs {
        name: "promtool",
        all_of: &[&["promtool"]],
        variable: Some("DASHSTREAM_PROMTOOL"),
        packages: &["prometheus"],
    }),
    Part::System(&Programs {
        name: "nginx",
        all_of: &[&["nginx", "/usr/sbin/nginx"]],
        variable: Some("DASHSTREAM_NGINX"),
        packages: &["nginx-light"],
    }),
    Part::System(&Programs {
        name: "HAProxy",
        all_of: &[&["haproxy", "/usr/sbin/haproxy"]],
        variable: Some("DASHSTREAM_HAPROXY"),
        packages: &["haproxy"],
    }),
    Part::System(&Programs {
        name: "Java and Maven",
        all_of: &[&["java"], &["mvn"]],
        variable: None,
        packages: &["openjdk-17-jre-headless", "maven"],
    }),
    Part::KafkaLibs,
    Part::System(&Programs {
        name: "Python",
        all_of: &[&["python3"]],
        variable: None,
        packages: &["python3", "python3-venv"],
    }),
    Part::Python,
];

/// What the documents' pictures need besides.
pub(crate) const FOR_PICTURES: &[Part] = &[Part::WasmCompiler, C_COMPILER, CHROMIUM];

const CHROMIUM: Part = Part::System(&Programs {
    name: "Chromium",
    all_of: &[&["chromium", "chromium-browser", "google-chrome"]],
    variable: Some("DASHSTREAM_CHROMIUM"),
    packages: &["chromium"],
});

/// Links, and compiles zstd and ring.
const C_COMPILER: Part = Part::System(&Programs {
    name: "C compiler",
    all_of: &[&["cc", "gcc", "clang"]],
    variable: None,
    packages: &["build-essential"],
});

/// librdkafka is built with make.
const C_TOOLS: Part = Part::System(&Programs {
    name: "C compiler and make",
    all_of: &[&["cc", "gcc", "clang"], &["make"]],
    variable: None,
    packages: &["build-essential"],
});

/// What could be had, and what not.
#[derive(Default)]
pub(crate) struct Provided {
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
    pub(crate) missing: Vec<Missing>,
}

pub(crate) struct Missing {
    pub(crate) part: &'static str,
    pub(crate) why: String,
}

/// Finds the parts, and fetches what is missing if someone agrees to that.
pub(crate) fn provide(project: &Project, wanted: &[Part], install: bool) -> Result<Provided> {
    provide_while(project, wanted, install, || Ok(()))
}

/// As [`provide`]; `begin` is called as soon as the operating system's programs are there, so that what it starts goes
/// on while the rest is fetched.
pub(crate) fn provide_while(
    project: &Project,
    wanted: &[Part],
    install: bool,
    begin: impl FnOnce() -> Result<()>,
) -> Result<Provided> {
    let _lock = project.lock()?;
    let absent = absent(project, wanted)?;
    let mut failures = Vec::new();
    let agreed = !absent.is_empty() && agree(&absent, install)?;
    if agreed {
        let installed = install_packages(project, &absent);
        begin()?;
        failures = fetch(project, &absent, &installed);
    } else if absent.is_empty() {
        begin()?;
    }
    let mut provided = Provided::default();
    for part in wanted {
        match part.find(project)? {
            Some(variables) => provided.variables.extend(variables),
            None => provided.missing.push(part.missing(agreed, &failures)),
        }
    }
    for missing in &provided.missing {
        output::say(&format!(
            "SKIPPED what needs {}: {}",
            missing.part, missing.why
        ));
    }
    if required() && !provided.missing.is_empty() {
        let names: Vec<_> = provided
            .missing
            .iter()
            .map(|missing| missing.part)
            .collect();
        bail!("DASHSTREAM_REQUIRE=all, but missing: {}", names.join(", "));
    }
    Ok(provided)
}

/// True where a skipped part is a failure, as in CI.
pub(crate) fn required() -> bool {
    std::env::var("DASHSTREAM_REQUIRE").as_deref() == Ok("all")
}

fn absent(project: &Project, wanted: &[Part]) -> Result<Vec<Part>> {
    let mut absent = Vec::new();
    for part in wanted {
        // Where rustup may fetch the target there is nothing to agree to: that is rustup's own setting.
        if *part == Part::WasmCompiler
            && part.find(project)?.is_none()
            && toolchain::rustup_may_download()
            && let Err(error) = toolchain::add_by_rustup(project)
        {
            output::say(&format!("rustup could not add the target: {error:#}"));
        }
        if part.find(project)?.is_none() {
            absent.push(*part);
        }
    }
    Ok(absent)
}

fn agree(absent: &[Part], install: bool) -> Result<bool> {
    output::say("not found on this machine:");
    for part in absent {
        println!("    {}: {}", part.name(), part.price());
    }
    if install || std::env::var("CI").as_deref() == Ok("true") {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    print!("Install these now? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// One part that cannot be had does not keep the others away.
fn fetch(
    project: &Project,
    absent: &[Part],
    installed: &Result<(), String>,
) -> Vec<(Part, String)> {
    let mut failures = Vec::new();
    for part in absent {
        let outcome = match part {
            Part::System(_) => installed.clone(),
            Part::KafkaLibs => kafka_libs(project).map_err(|error| format!("{error:#}")),
            Part::Python => python(project).map_err(|error| format!("{error:#}")),
            Part::WasmCompiler => wasm_compiler(project).map_err(|error| format!("{error:#}")),
        };
        if let Err(why) = outcome {
            output::say(&format!("{}: {why}", part.name()));
            failures.push((*part, why));
        }
    }
    failures
}

/// The system packages of all parts, in one call.
fn install_packages(project: &Project, absent: &[Part]) -> Result<(), String> {
    let system: Vec<_> = absent
        .iter()
        .filter_map(|part| part.packages())
        .flatten()
        .copied()
        .collect();
    match (system.is_empty(), apt::present()) {
        (true, _) => Ok(()),
        (false, true) => apt::install(project, &system).map_err(|error| format!("{error:#}")),
        (false, false) => Err("no apt-get here: install it by hand".to_owned()),
    }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::System(programs) => programs.name,
            Self::KafkaLibs => "Apache Kafka",
            Self::Python => "Python with protobuf",
            Self::WasmCompiler => "Rust for wasm32",
        }
    }

    fn packages(self) -> Option<&'static [&'static str]> {
        match self {
            Self::System(programs) => Some(programs.packages),
            Self::KafkaLibs | Self::Python | Self::WasmCompiler => None,
        }
    }

    /// What fetching it means.
    fn price(self) -> String {
        match self {
            Self::System(programs) => format!("system packages {}", programs.packages.join(", ")),
            Self::KafkaLibs => {
                "55 MB of jars from Maven Central, under the target directory".into()
            }
            Self::Python => "55 MB from PyPI, under the target directory".into(),
            Self::WasmCompiler => {
                "Debian's rustc-web, 140 MB to download, 500 MB under the target directory".into()
            }
        }
    }

    /// The variables to set for it, if it is there.
    fn find(self, project: &Project) -> Result<Option<Vec<(&'static str, PathBuf)>>> {
        Ok(match self {
            Self::System(programs) => programs.find(),
            Self::KafkaLibs => {
                let libs = preset("DASHSTREAM_KAFKA_LIBS");
                let there = || kafka_stamp(project).ok().filter(Stamp::holds);
                let libs = libs.or_else(|| there().map(|_| project.target.join("kafka/libs")));
                libs.filter(|dir| dir.is_dir())
                    .map(|dir| vec![("DASHSTREAM_KAFKA_LIBS", dir)])
            }
            Self::Python => {
                let python = preset("DASHSTREAM_PYTHON");
                let there = || python_stamp(project).ok().filter(Stamp::holds);
                let python = python.or_else(|| there().map(|_| venv(project).join("bin/python")));
                python
                    .filter(|file| file.exists())
                    .map(|file| vec![("DASHSTREAM_PYTHON", file)])
            }
            Self::WasmCompiler => WasmToolchain::find(project)?.map(|_| Vec::new()),
        })
    }

    fn missing(self, agreed: bool, failures: &[(Self, String)]) -> Missing {
        let failure = failures
            .iter()
            .find(|(part, _)| *part == self)
            .map(|(_, why)| why.clone());
        let why = match failure {
            Some(why) => why,
            None if agreed => "it was installed, but is still not found".into(),
            None => "not installed; --install fetches it".into(),
        };
        Missing {
            part: self.name(),
            why,
        }
    }
}

impl Programs {
    fn find(&self) -> Option<Vec<(&'static str, PathBuf)>> {
        if let Some((variable, file)) = self.variable.and_then(|name| Some((name, preset(name)?))) {
            return file.is_file().then(|| vec![(variable, file)]);
        }
        let found: Option<Vec<_>> = self.all_of.iter().map(|names| run::which(names)).collect();
        let first = found?.into_iter().next()?;
        Some(
            self.variable
                .map(|variable| vec![(variable, first)])
                .unwrap_or_default(),
        )
    }
}

fn preset(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn wasm_compiler(project: &Project) -> Result<()> {
    if !debian_rustc::available() {
        bail!("run `rustup target add {}`", compiler::TARGET);
    }
    toolchain::add_from_debian(project)
}

fn kafka_libs(project: &Project) -> Result<()> {
    let stamp = kafka_stamp(project)?;
    java_is_new_enough()?;
    let dir = project.target.join("kafka");
    remove_dir(&dir.join("libs"))?;
    create_dir(&dir)?;
    fs::write(dir.join("pom.xml"), kafka_pom()?)?;
    let mut command = Command::new("mvn");
    command.args([
        "-B",
        MAVEN_COPY,
        "-DincludeScope=runtime",
        "-DoutputDirectory=libs",
    ]);
    command.current_dir(&dir);
    run::run(
        project,
        "fetch Apache Kafka with Maven",
        &mut command,
        Progress::Heartbeat,
    )?;
    stamp.write()
}

/// Kafka's jars are compiled for Java 17.
fn java_is_new_enough() -> Result<()> {
    let name = "java.specification.version";
    let settings = Command::new("java")
        .args(["-XshowSettings:properties", "-version"])
        .output();
    let text = settings.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    let text = text.unwrap_or_default();
    let version = text.lines().find_map(|line| line.trim().strip_prefix(name));
    let number = version.and_then(|rest| rest.trim_start_matches([' ', '=']).parse::<u32>().ok());
    // Java 8 calls itself 1.8, which is no number here either.
    ensure!(
        number.is_some_and(|number| number >= JAVA_MIN),
        "Kafka needs Java 17 or newer"
    );
    Ok(())
}

/// The jars to fetch, of the version that is asked for.
fn kafka_pom() -> Result<String> {
    let version = std::env::var("DASHSTREAM_KAFKA_VERSION").unwrap_or_default();
    let is_version = version.split('.').all(|part| part.parse::<u16>().is_ok());
    ensure!(
        version.is_empty() || is_version,
        "DASHSTREAM_KAFKA_VERSION is not a version such as 3.9.1: {version:?}"
    );
    Ok(if version.is_empty() {
        KAFKA_POM.to_owned()
    } else {
        KAFKA_POM.replace(KAFKA_VERSION, &version)
    })
}

fn kafka_stamp(project: &Project) -> Result<Stamp> {
    Stamp::new(
        project,
        "kafka",
        &Inputs::new().text(&kafka_pom()?).text(MAVEN_COPY),
    )
}

fn python(project: &Project) -> Result<()> {
    let stamp = python_stamp(project)?;
    // Debian keeps these two modules in a package of their own.
    let whole = run::read(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok();
    if !whole && apt::present() {
        apt::install(project, &["python3-venv"])?;
    }
    let venv = venv(project);
    remove_dir(&venv)?;
    let mut create = Command::new("python3");
    create.args(["-m", "venv"]).arg(&venv);
    run::run(
        project,
        "make a Python environment",
        &mut create,
        Progress::Heartbeat,
    )?;
    let mut install = Command::new(venv.join("bin/python"));
    install
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(PYTHON_PACKAGES);
    run::run(
        project,
        "fetch protobuf and the schemas of Kubernetes for Python",
        &mut install,
        Progress::Heartbeat,
    )?;
    stamp.write()
}

fn python_stamp(project: &Project) -> Result<Stamp> {
    Stamp::new(
        project,
        "python",
        &Inputs::new().text(&PYTHON_PACKAGES.join(" ")),
    )
}

fn venv(project: &Project) -> PathBuf {
    project.target.join("venv")
}

/// The binaries and folders of this checkout, for tests that start them.
pub(crate) fn ours(
    binary: impl Fn(&str) -> PathBuf,
    project: &Project,
) -> Vec<(&'static str, PathBuf)> {
    vec![
        ("DASHSTREAM_RELAY_BIN", binary("dashstream-relay")),
        ("DASHSTREAM_CLI_BIN", binary("dashstream")),
        ("DASHSTREAM_SIMULATOR_BIN", binary("dashstream-simulator")),
        (
            "DASHSTREAM_DEMO_BROKER_BIN",
            binary("dashstream-demo-broker"),
        ),
        (
            "DASHSTREAM_MOCK_BROKER_BIN",
            binary("dashstream-mock-broker"),
        ),
        ("DASHSTREAM_WEB", project.web()),
    ]
}

/// Sets what is not set already.
pub(crate) fn export(command: &mut Command, variables: &[(&'static str, PathBuf)]) {
    for (name, value) in variables {
        if preset(name).is_none() {
            command.env(name, Path::new(value));
        }
    }
}

const JAVA_MIN: u32 = 17;
const KAFKA_POM: &str = include_str!("../parts/kafka.xml");
/// The version named there.
const KAFKA_VERSION: &str = "4.1.2";
const MAVEN_COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
const PYTHON_PACKAGES: &[&str] = &[
    "protobuf==7.36.2",
    "grpcio-tools==1.85.1",
    "zstandard==0.25.0",
    // The JSON schemas of Kubernetes.
    "kubernetes-validate==1.37.0",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Another version takes the place of this one wherever it stands.
    #[test]
    fn the_jars_of_kafka_are_of_one_version() {
        let places = KAFKA_POM.matches(KAFKA_VERSION).count();
        assert_eq!(places, KAFKA_POM.matches("org.apache.kafka<").count());
    }
}
