//! Where things are and where they may be put: the checkout, its target directory, folders of one
//! test process, and free ports.

use std::{
    env, fs,
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Root of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .expect("the crate lies in the workspace")
        .to_path_buf()
}

/// Cargo's target directory, found from the running program: `target/<profile>/deps/<test>`, or
/// `target/<profile>/<program>`.
#[must_use]
pub fn target() -> PathBuf {
    profile()
        .parent()
        .expect("a profile folder lies in target")
        .to_path_buf()
}

/// A binary of the workspace: the variable's value, else what lies beside the running test.
#[must_use]
pub fn binary(variable: &str, name: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| profile().join(name), PathBuf::from)
}

/// The folder of `web`, with its `node_modules`.
#[must_use]
pub fn web() -> PathBuf {
    env::var_os("DASHSTREAM_WEB").map_or_else(|| root().join("web"), PathBuf::from)
}

/// The folder of captured traffic, if there is one.
#[must_use]
pub fn corpus() -> Option<PathBuf> {
    let named = env::var_os("DASHSTREAM_CORPUS").map(PathBuf::from);
    named
        .or_else(|| Some(root().join("../shared/corpus")))
        .filter(|dir| dir.is_dir())
}

/// The name of the running test program, without Cargo's hash.
#[must_use]
pub fn program() -> String {
    let exe = env::current_exe().expect("a running program has a path");
    let stem = exe.file_stem().unwrap_or_default().to_string_lossy();
    match stem.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 => name.to_owned(),
        _ => stem.into_owned(),
    }
}

/// A new file for the output of a child; it stays after the test, for whoever looks for a cause, until
/// the same test program runs again.
#[must_use]
pub fn log_file(name: &str) -> PathBuf {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    let dir = DIR.get_or_init(|| {
        let dir = target().join("e2e").join(program());
        remove_dir(&dir);
        fs::create_dir_all(&dir).expect("the target directory can be written");
        dir
    });
    dir.join(format!("{name}.log"))
}

/// A folder which nobody else uses; whoever asks for it removes it.
#[must_use]
pub fn fresh_dir(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = env::temp_dir().join(format!("dashstream-{name}-{}-{unique}", process::id()));
    remove_dir(&dir);
    fs::create_dir_all(&dir).expect("the temporary directory can be written");
    dir
}

/// A port nobody listens on. Another process may take it before it is used; who starts a server on
/// it tries again with another one.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("a bound address").port()
}

fn remove_dir(dir: &Path) {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{}: {error}", dir.display()),
        _ => {}
    }
}

fn profile() -> PathBuf {
    let exe = env::current_exe().expect("a running program has a path");
    let dir = exe.parent().expect("a program lies in a folder");
    if dir.ends_with("deps") {
        return dir.parent().expect("deps lies in a profile").to_path_buf();
    }
    dir.to_path_buf()
}
