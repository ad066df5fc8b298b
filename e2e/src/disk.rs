//! A file system in memory with hardly any room, for whoever has to cope with a full disk.
//!
//! It is mounted in a mount namespace of its own, where an ordinary user may mount, too, and reached
//! from outside through the process that holds the namespace. Nothing has to be unmounted: with that
//! process the file system goes.

use std::{
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
};

use crate::{place::fresh_dir, requirement::skip};

/// A full disk is reached quickly; a page of memory is 4 to 64 KiB.
const SIZE: &str = "size=64k";

/// Mounts and says so, then stays until its input closes: in whatever way the test ends.
const SCRIPT: &str = r#"mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && read -r _"#;

/// Gone, with all that is in it, when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    holder: Child,
    input: Option<ChildStdin>,
    mounted_on: PathBuf,
}

impl SmallDisk {
    /// `None` after saying that this test is skipped, where the machine lets nobody mount anything.
    ///
    /// # Panics
    /// With `DASHSTREAM_REQUIRE=all`, where it cannot be mounted.
    #[must_use]
    pub fn mount(name: &str) -> Option<Self> {
        // User namespaces are for whoever is not root; root may be where there are none.
        let ways: [&[&str]; 2] = [&["--user", "--map-root-user", "--mount"], &["--mount"]];
        let mut reasons = Vec::new();
        for way in ways {
            match Self::hold(fresh_dir(name), way) {
                Ok(disk) => return Some(disk),
                Err(reason) => reasons.push(format!("unshare {}: {reason}", way.join(" "))),
            }
        }
        skip(&format!("no small disk: {}", reasons.join("; ")));
        None
    }

    /// Where the file system is seen from outside its namespace.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let inside = self.mounted_on.strip_prefix("/");
        let root = Path::new("/proc").join(self.holder.id().to_string());
        root.join("root").join(inside.unwrap_or(&self.mounted_on))
    }

    fn hold(dir: PathBuf, way: &[&str]) -> Result<Self, String> {
        let mut holder = Command::new("unshare")
            .args(way)
            .args(["sh", "-c", SCRIPT, "sh", SIZE])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let input = holder.stdin.take();
        let output = holder.stdout.take();
        let disk = Self {
            holder,
            input,
            mounted_on: dir,
        };
        let mut said = String::new();
        let read = output.map(|output| BufReader::new(output).read_line(&mut said));
        if matches!(read, Some(Ok(_))) && said == "mounted\n" && disk.path().is_dir() {
            return Ok(disk);
        }
        Err(disk.complaint())
    }

    /// Why it could not be mounted.
    fn complaint(mut self) -> String {
        self.input = None;
        let errors = self.holder.stderr.take();
        let text = errors.and_then(|errors| io::read_to_string(errors).ok());
        text.unwrap_or_default().trim().replace('\n', ", ")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        self.input = None;
        // It may have ended by itself, and an empty folder left over is no reason to fail a test.
        let _ended: io::Result<()> = self.holder.kill();
        let _ended: io::Result<ExitStatus> = self.holder.wait();
        let _left: io::Result<()> = std::fs::remove_dir(&self.mounted_on);
    }
}
