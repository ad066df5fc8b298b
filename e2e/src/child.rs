//! A child process with a log file, that cannot outlive the test: not when the test panics, and not
//! when the test process is killed.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A running program. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: PathBuf,
    log: PathBuf,
    /// Kills the child when this process is gone: fields of statics are never dropped, and a killed
    /// test drops nothing.
    guard: Guard,
}

impl Running {
    /// Starts a server: all it writes goes to `log`; `litter` is removed when the guard has to act.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn server(command: &mut Command, log: &Path, litter: Option<&Path>) -> Self {
        Self::start(command, log, log, litter)
    }

    /// Starts a tool whose standard output is its result; its standard error goes to `log`.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn tool(command: &mut Command, log: &Path) -> Self {
        Self::start(command, &log.with_extension("out"), log, None)
    }

    fn start(command: &mut Command, output: &Path, log: &Path, litter: Option<&Path>) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(open(output))
            .stderr(open(log))
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        let guard = Guard::over(child.id(), litter);
        Self {
            child,
            output: output.to_path_buf(),
            log: log.to_path_buf(),
            guard,
        }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What it has written to its standard output so far.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// What it has written since the log was `from` bytes long.
    #[must_use]
    pub fn log_since(&self, from: u64) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(from))?;
            file.read_to_end(&mut bytes)
        });
        read.expect("the log can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The log's file.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child
            .try_wait()
            .expect("a child can be asked for its status")
    }

    /// Asks it to stop (SIGTERM) without waiting.
    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "kill -TERM {pid}"
        );
    }

    /// Waits for it to end.
    ///
    /// # Panics
    /// When it is still running after `patience`.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                self.guard.release();
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "still running after {patience:?}; log: {}",
                self.log.display()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ended_already: io::Result<()> = self.child.kill();
        self.child.wait().expect("a killed child can be waited for");
        self.guard.release();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A shell which waits on a pipe. The pipe closes when this process ends in whatever way; the shell
/// then kills what it guards. A word on the pipe lets it go in peace.
#[derive(Debug)]
struct Guard {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    fn over(pid: u32, litter: Option<&Path>) -> Self {
        let script = r#"read -r word && exit 0; kill -KILL "$0"; [ -z "$1" ] || rm -rf "$1""#;
        let mut shell = Command::new("sh")
            .args(["-c", script, &pid.to_string()])
            .arg(litter.map_or_else(PathBuf::new, Path::to_path_buf))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        let pipe = shell.stdin.take();
        Self { shell, pipe }
    }

    fn release(&mut self) {
        use io::Write as _;
        if let Some(mut pipe) = self.pipe.take() {
            // A shell that is gone already guards nothing.
            let _gone: io::Result<()> = pipe.write_all(b"done\n");
            drop(pipe);
            let _gone: io::Result<ExitStatus> = self.shell.wait();
        }
    }
}

/// Appending, because a server that is started again goes on in its log.
fn open(file: &Path) -> File {
    let opened = File::options().create(true).append(true).open(file);
    opened.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Asks until the answer is there.
///
/// # Panics
/// When there is none within `patience`; the message names what was waited for.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        thread::sleep(Duration::from_millis(25));
    }
}
