//! A Rust compiler with a wasm32 standard library out of Debian's packages, for machines on which
//! rustup may not download. Unpacked under the target directory, nothing is installed over the system:
//! Debian carries a recent compiler for building browsers (`rustc-web`), its LLVM and linker, and the
//! sources of the standard library, which is compiled for wasm32 here, once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    apt,
    compiler::{TARGET, Tools, host_triple},
    output,
    project::{Project, create_dir, remove_dir},
    run::{self, Progress},
};

/// What an earlier call left, if it is whole.
pub(crate) fn installed(project: &Project) -> Option<Tools> {
    let prefix = prefix(project);
    let stamp = fs::read_to_string(prefix.join(STAMP)).ok()?;
    if !stamp.ends_with(RECIPE) {
        return None;
    }
    let bin = prefix.join("usr/bin");
    Some(Tools {
        rustc: bin.join("rustc"),
        rustdoc: bin.join("rustdoc"),
    })
}

pub(crate) fn available() -> bool {
    run::which(&["apt-get"]).is_some() && run::which(&["dpkg-deb"]).is_some()
}

pub(crate) fn unpack(project: &Project) -> Result<()> {
    let packages = Packages::choose()?;
    let prefix = prefix(project);
    remove_dir(&prefix)?;
    let debs = prefix.join("debs");
    create_dir(&debs)?;
    packages.download(project, &debs)?;
    packages.unpack(&debs, &prefix)?;
    remove_dir(&debs)?;
    let layout = Layout::new(&prefix, &packages)?;
    layout.wrap_programs()?;
    layout.link_parts()?;
    layout.build_std(project)?;
    layout.drop_sources()?;
    layout.try_out(project)?;
    fs::write(prefix.join(STAMP), format!("{}{RECIPE}", packages.version))?;
    Ok(())
}

struct Packages {
    /// Debian's version of the compiler package, `1.96.0+dfsg1-..`.
    version: String,
    /// The compiler's own version, `1.96.0`.
    release: String,
    /// Debian's number of the LLVM that it uses.
    llvm: String,
    names: Vec<String>,
}

impl Packages {
    fn choose() -> Result<Self> {
        let version = apt::candidate("rustc-web")?.context(
            "Debian's package lists have no rustc-web: run `rustup target add wasm32-unknown-unknown`, \
             or `apt-get update` on Debian 12 or newer with its security updates",
        )?;
        let release = version
            .split(['+', '-', '~'])
            .next()
            .unwrap_or(&version)
            .to_owned();
        let mut numbers = release
            .split('.')
            .map(|part| part.parse::<u32>().unwrap_or(0));
        let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        ensure!(
            (major, minor) >= RUST_VERSION_MIN,
            "Debian's rustc-web is {release}, too old: run `rustup target add {TARGET}`"
        );
        let std = format!("libstd-rust-web-{major}.{minor}");
        let library = apt::depends(&std, &version)?
            .into_iter()
            .find(|name| name.starts_with("libllvm"))
            .with_context(|| format!("{std} depends on no LLVM"))?;
        let llvm = library.trim_start_matches("libllvm").to_owned();
        let pinned = ["rustc-web", &std, "libstd-rust-web-dev", "rust-web-src"];
        let mut names: Vec<_> = pinned
            .iter()
            .map(|name| format!("{name}={version}"))
            .collect();
        let library_version = apt::candidate(&library)?.context("its LLVM is not to be had")?;
        let needed = apt::depends(&library, &library_version)?;
        names.push(library);
        names.push(format!("lld-{llvm}"));
        names.extend(needed.into_iter().filter(|name| !apt::installed(name)));
        Ok(Self {
            version,
            release,
            llvm,
            names,
        })
    }

    fn download(&self, project: &Project, debs: &Path) -> Result<()> {
        let mut command = Command::new("apt-get");
        command
            .args(["download", "-o", "APT::Sandbox::User=root"])
            .args(&self.names);
        command.current_dir(debs);
        let label = format!("download Debian's rustc-web {} (140 MB)", self.release);
        run::run(project, &label, &mut command, Progress::Heartbeat)
    }

    fn unpack(&self, debs: &Path, prefix: &Path) -> Result<()> {
        output::say("unpack it under the target directory");
        for entry in fs::read_dir(debs)? {
            let deb = entry?.path();
            let sources = deb
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("rust-web-src_"));
            let library = format!("./usr/src/rustc-{}/library", self.release);
            let choice = if sources {
                library.as_str()
            } else {
                "--exclude=./usr/share/*"
            };
            unpack_deb(&deb, prefix, choice)?;
        }
        Ok(())
    }
}

fn unpack_deb(deb: &Path, prefix: &Path, choice: &str) -> Result<()> {
    let mut reader = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(deb)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let archive = reader.stdout.take().context("dpkg-deb has no output")?;
    let tar = Command::new("tar")
        .arg("-xC")
        .arg(prefix)
        .arg(choice)
        .stdin(archive)
        .status()?;
    ensure!(tar.success(), "cannot unpack {}", deb.display());
    // tar may stop reading at the end of the archive, so only its verdict counts.
    reader.wait()?;
    Ok(())
}

/// The unpacked tree.
struct Layout {
    usr: PathBuf,
    /// Debian's name of the machine, for its library folder.
    multiarch: String,
    host: String,
    release: String,
    llvm: String,
}

impl Layout {
    fn new(prefix: &Path, packages: &Packages) -> Result<Self> {
        let host = host_triple()?;
        let (release, llvm) = (packages.release.clone(), packages.llvm.clone());
        Ok(Self {
            usr: prefix.join("usr"),
            multiarch: host.replace("-unknown", ""),
            host,
            release,
            llvm,
        })
    }

    /// The programs were built to find their libraries in /usr.
    fn wrap_programs(&self) -> Result<()> {
        let libraries = self.usr.join("lib").join(&self.multiarch);
        let inner = self.usr.join("libexec/rustc");
        create_dir(&inner)?;
        for name in ["rustc", "rustdoc"] {
            let outer = self.usr.join("bin").join(name);
            fs::rename(&outer, inner.join(name))?;
            let script = format!(
                "#!/bin/sh\nLD_LIBRARY_PATH='{}'${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}} exec '{}' \"$@\"\n",
                libraries.display(),
                inner.join(name).display(),
            );
            fs::write(&outer, script)?;
            make_executable(&outer)?;
        }
        Ok(())
    }

    /// Puts linker and sources where the compiler and Cargo look for them.
    fn link_parts(&self) -> Result<()> {
        let rustlib = self.rustlib();
        let programs = rustlib.join(&self.host).join("bin");
        create_dir(&programs)?;
        let linker = self
            .usr
            .join("lib")
            .join(format!("llvm-{}", self.llvm))
            .join("bin/lld");
        link(&linker, &programs.join("rust-lld"))?;
        create_dir(&rustlib.join("src"))?;
        link(&self.sources(), &rustlib.join("src/rust"))
    }

    fn build_std(&self, project: &Project) -> Result<()> {
        let library = self.sources().join("library");
        let build = self.usr.join("std-build");
        let version = run::read(Command::new(self.rustc()).arg("-vV"))?;
        let hash = version
            .lines()
            .find_map(|line| line.strip_prefix("commit-hash: "));
        let registry = cargo_home().join("registry/src");
        let flags = [
            "-Zforce-unstable-if-unmarked".to_owned(),
            format!(
                "--remap-path-prefix={}=/rustc/{}/library",
                library.display(),
                hash.unwrap_or("std")
            ),
            format!("--remap-path-prefix={}=/rust/deps", registry.display()),
        ];
        let mut command = run::cargo();
        command
            .args([
                "build",
                "--locked",
                "-p",
                "std",
                "--profile",
                "dist",
                "--target",
                TARGET,
            ])
            // Without unwinding and the names in backtraces, which the target does not have, it takes half the time.
            .arg("--manifest-path")
            .arg(library.join("std/Cargo.toml"))
            .arg("--target-dir")
            .arg(&build)
            .env("RUSTC", self.rustc())
            .env("RUSTC_WRAPPER", "")
            // The standard library is built with the compiler's unstable features, as upstream does.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env_remove("CARGO_BUILD_TARGET")
            .current_dir(&library);
        run::run(
            project,
            "compile the standard library for wasm32",
            &mut command,
            Progress::Heartbeat,
        )?;
        let out = self.rustlib().join(TARGET).join("lib");
        create_dir(&out)?;
        let mut copied = 0;
        for entry in fs::read_dir(build.join(TARGET).join("dist/deps"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "rlib") {
                fs::copy(
                    &path,
                    out.join(path.file_name().context("a file without a name")?),
                )?;
                copied += 1;
            }
        }
        ensure!(copied > 0, "the standard library was compiled to nothing");
        remove_dir(&build)
    }

    fn drop_sources(&self) -> Result<()> {
        remove_dir(&self.usr.join("src"))?;
        remove_dir(&self.rustlib().join("src"))
    }

    /// A module that allocates must compile and link before anyone relies on it.
    fn try_out(&self, project: &Project) -> Result<()> {
        let dir = project.state()?;
        let (source, module) = (dir.join("probe.rs"), dir.join("probe.wasm"));
        fs::write(&source, PROBE)?;
        let mut command = Command::new(self.rustc());
        command.args([
            "--edition",
            "2024",
            "--crate-type",
            "cdylib",
            "-O",
            "--target",
            TARGET,
            "-o",
        ]);
        command.arg(&module).arg(&source);
        run::run(
            project,
            "try the wasm32 compiler",
            &mut command,
            Progress::Heartbeat,
        )?;
        if !fs::read(&module)?.starts_with(b"\0asm") {
            bail!("the unpacked compiler writes no wasm module");
        }
        Ok(())
    }

    fn rustc(&self) -> PathBuf {
        self.usr.join("bin/rustc")
    }

    fn rustlib(&self) -> PathBuf {
        self.usr.join("lib/rustlib")
    }

    fn sources(&self) -> PathBuf {
        self.usr.join("src").join(format!("rustc-{}", self.release))
    }
}

pub(crate) fn cargo_home() -> PathBuf {
    let home = || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

fn prefix(project: &Project) -> PathBuf {
    project.target.join("toolchain/wasm")
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> Result<()> {
    std::os::unix::fs::symlink(to, at).with_context(|| at.display().to_string())
}

#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(
        file,
        fs::Permissions::from_mode(0o755),
    )?)
}

const STAMP: &str = ".whole";
/// Raised when what this file unpacked before is of no use any more, so that it is unpacked again.
const RECIPE: &str = " by recipe 1";
/// The workspace's `rust-version`.
const RUST_VERSION_MIN: (u32, u32) = (1, 95);
const PROBE: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn total(n: usize) -> usize { \
    vec![1u8; n].iter().map(|&byte| usize::from(byte)).sum() }\n";
