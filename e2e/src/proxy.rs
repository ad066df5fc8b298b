//! nginx and HAProxy before relays: the real programs, with the blocks of `docs/deploy.md`.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    certificate::{authority, leaf},
    child::{Running, until},
    place,
    requirement::{Tool, need, test_name},
};

/// The host name that the document's blocks serve.
pub const NAME: &str = "relay.example.org";

/// A block of code in `docs/deploy.md`.
///
/// # Panics
/// When not exactly one block of that language has that line.
#[must_use]
pub fn block(language: &str, line: &str) -> String {
    let document = fs::read_to_string(place::root().join("docs/deploy.md"));
    let document = document.expect("docs/deploy.md can be read");
    let fence = format!("```{language}\n");
    let blocks = document.split(fence.as_str()).skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    let mut found = blocks.filter(|block| block.lines().any(|one| one.trim() == line));
    match (found.next(), found.next()) {
        (Some(block), None) => block.to_owned(),
        (None, _) => panic!("docs/deploy.md has no {language} block with: {line}"),
        (Some(_), Some(_)) => panic!("docs/deploy.md has two {language} blocks with: {line}"),
    }
}

/// Puts other text in the place of one that must be there.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn with(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "the block has no: {old}");
    text.replace(old, new)
}

/// A configuration of nginx for the host name of the document, as it stands there.
#[must_use]
pub fn nginx_block() -> String {
    block("nginx", "# In the http block.")
}

/// The same, with the locations of another block in the place of its own.
///
/// # Panics
/// When the document's block has other locations.
#[must_use]
pub fn nginx_below_a_path(line: &str) -> String {
    let whole = nginx_block();
    let (before, _) = whole.split_once("    location / {").expect("its location");
    format!("{before}{}}}\n", block("nginx", line))
}

/// A configuration of HAProxy for the host name of the document.
#[must_use]
pub fn haproxy_block() -> String {
    block("haproxy", "frontend dashstream")
}

/// The same, with the lines of another block in the place of its `default_backend`.
#[must_use]
pub fn haproxy_below_a_path(line: &str) -> String {
    let lines = block("haproxy", line);
    with(&haproxy_block(), "    default_backend dashstream\n", &lines)
}

/// A running proxy with TLS on a port of loopback. Killed when dropped.
#[derive(Debug)]
pub struct Proxy {
    _running: Running,
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificate authority that signed its certificate.
    pub ca: PathBuf,
    dir: PathBuf,
}

impl Proxy {
    /// nginx with a block of the document, before these two relays; `None` after saying SKIPPED.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn nginx(block: &str, relays: [SocketAddr; 2]) -> Option<Self> {
        let binary = need(Tool::Nginx)?;
        let dir = place::fresh_dir("nginx");
        let port = place::free_port();
        let certificate = Certificate::write(&dir);
        let block = before(block, relays);
        let block = with(
            &block,
            "listen 443 ssl",
            &format!("listen 127.0.0.1:{port} ssl"),
        );
        let block = with(&block, "/etc/nginx/relay.pem", &certificate.chain);
        let block = with(&block, "/etc/nginx/relay.key", &certificate.key);
        let text = nginx_text(&dir, &block);
        let mut command = Command::new(binary);
        command.arg("-c").arg(file(&dir, "nginx.conf", &text));
        command.arg("-e").arg("/dev/null");
        Some(Self::start(
            "nginx",
            &mut command,
            port,
            dir,
            certificate.ca,
        ))
    }

    /// nginx without TLS, which serves the page from these files and everything else from a relay.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn nginx_with_files(files: &Path, relay: SocketAddr) -> Option<Self> {
        let binary = need(Tool::Nginx)?;
        let dir = place::fresh_dir("nginx");
        let port = place::free_port();
        let block = format!(
            "include /etc/nginx/mime.types;\nserver {{\n  listen 127.0.0.1:{port};\n  root {};\n\
             \x20 location ~ ^/(ws|health|ready|version|metrics)$ {{\n    proxy_pass http://{relay};\n\
             \x20   proxy_http_version 1.1;\n    proxy_set_header Host $http_host;\n\
             \x20   proxy_set_header Upgrade $http_upgrade;\n\
             \x20   proxy_set_header Connection $http_connection;\n  }}\n}}\n",
            files.display()
        );
        let mut command = Command::new(binary);
        command
            .arg("-c")
            .arg(file(&dir, "nginx.conf", &nginx_text(&dir, &block)));
        command.arg("-e").arg("/dev/null");
        let ca = dir.join("none");
        Some(Self::start("nginx-files", &mut command, port, dir, ca))
    }

    /// HAProxy likewise.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn haproxy(block: &str, relays: [SocketAddr; 2]) -> Option<Self> {
        let binary = need(Tool::Haproxy)?;
        let dir = place::fresh_dir("haproxy");
        let port = place::free_port();
        let certificate = Certificate::write(&dir);
        let text = before(block, relays);
        let text = with(&text, "bind :443", &format!("bind 127.0.0.1:{port}"));
        let text = with(&text, "/etc/haproxy/relay.pem", &certificate.chain);
        let mut command = Command::new(binary);
        command
            .arg("-db")
            .arg("-f")
            .arg(file(&dir, "haproxy.cfg", &text));
        Some(Self::start(
            "haproxy",
            &mut command,
            port,
            dir,
            certificate.ca,
        ))
    }

    fn start(name: &str, command: &mut Command, port: u16, dir: PathBuf, ca: PathBuf) -> Self {
        let log = place::log_file(&format!("{}-{name}-{port}", test_name()));
        let mut running = Running::server(command, &log, Some(&dir));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        until("the proxy listens", START_MAX, || {
            assert!(running.ended().is_none(), "{name}: {}", running.log());
            TcpStream::connect(address).ok()
        });
        Self {
            _running: running,
            address,
            ca,
            dir,
        }
    }

    /// What people enter, under the host name of the document.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("https://{NAME}:{}{path}", self.address.port())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A leftover in the temporary directory is no reason to fail a test.
        let _left: std::io::Result<()> = fs::remove_dir_all(&self.dir);
    }
}

/// A whole configuration whose files are all in one folder.
fn nginx_text(dir: &Path, block: &str) -> String {
    let at = dir.display();
    let mut text = format!("daemon off;\nmaster_process off;\npid {at}/pid;\nevents {{}}\n");
    text += &format!("http {{\n  access_log off;\n  client_body_temp_path {at}/a;\n");
    for (name, folder) in [
        ("proxy", "b"),
        ("fastcgi", "c"),
        ("uwsgi", "d"),
        ("scgi", "e"),
    ] {
        text += &format!("  {name}_temp_path {at}/{folder};\n");
    }
    text + block + "}\n"
}

fn before(block: &str, [first, second]: [SocketAddr; 2]) -> String {
    let block = with(block, "10.0.0.11:3002", &first.to_string());
    with(&block, "10.0.0.12:3002", &second.to_string())
}

/// For [`NAME`] and localhost, signed by an authority made for it.
struct Certificate {
    ca: PathBuf,
    /// The certificate with its key: HAProxy wants both in one file.
    chain: String,
    key: String,
}

impl Certificate {
    fn write(dir: &Path) -> Self {
        let (ca, issuer) = authority("authority of the test");
        let (own, key) = leaf("relay", &[NAME, "localhost"], &issuer);
        Self {
            ca: file(dir, "ca.pem", &ca),
            chain: file(dir, "relay.pem", &format!("{own}{key}"))
                .display()
                .to_string(),
            key: file(dir, "relay.key", &key).display().to_string(),
        }
    }
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    file
}

const START_MAX: Duration = Duration::from_secs(20);
