//! nginx and HAProxy before relays, the real ones.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{net::TcpStream, time::timeout};

use super::{PATIENCE, get};

/// Ended when dropped.
pub(crate) struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// The proxy's binary, or `None` after saying SKIPPED.
fn binary(variable: &str, usual: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).map_or_else(|| PathBuf::from(usual), PathBuf::from);
    if path.is_file() {
        return Some(path);
    }
    let reason = format!("no {usual} ({variable})");
    assert!(
        env::var("DASHSTREAM_REQUIRE").as_deref() != Ok("all"),
        "{reason}"
    );
    let test = std::thread::current();
    let line = format!("SKIPPED {}: {reason}\n", test.name().unwrap_or("a test"));
    // Past the harness, which keeps what a passing test prints.
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("stderr");
    None
}

fn folder(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// HAProxy asks /ready, as docs/operations.md advises.
pub(crate) fn haproxy(port: u16, relays: [SocketAddr; 2]) -> Option<Proxy> {
    haproxy_with(port, &relays, "")
}

/// `lines` belong to its frontend.
pub(crate) fn haproxy_with(port: u16, relays: &[SocketAddr], lines: &str) -> Option<Proxy> {
    let binary = binary("DASHSTREAM_HAPROXY", "/usr/sbin/haproxy")?;
    let servers: String = relays
        .iter()
        .enumerate()
        .map(|(number, relay)| {
            format!("  server s{number} {relay} check inter 200ms fall 1 rise 1\n")
        })
        .collect();
    let text = format!(
        "defaults\n  mode http\n  timeout connect 2s\n  timeout client 60s\n  timeout server 60s\n\
         \x20 timeout tunnel 1h\n  option redispatch\n  retries 3\n\
         frontend in\n  bind 127.0.0.1:{port}\n{lines}  default_backend relays\n\
         backend relays\n  balance roundrobin\n  option httpchk\n\
         \x20 http-check send meth GET uri /ready ver HTTP/1.1 hdr Host localhost\n\
         \x20 http-check expect status 200\n  retry-on all-retryable-errors\n{servers}"
    );
    let file = folder("haproxy").join(format!("{port}.cfg"));
    std::fs::write(&file, text).expect("a file");
    Some(Proxy(spawn(
        Command::new(binary).arg("-db").arg("-f").arg(file),
    )))
}

/// nginx has no checks of its own: it takes the other relay where one answers 503.
pub(crate) fn nginx(port: u16, relays: [SocketAddr; 2]) -> Option<Proxy> {
    let headers = "proxy_set_header Host $http_host;";
    nginx_with(port, &relays, headers)
}

/// `headers` are directives of its location, besides those that pass an upgrade on.
pub(crate) fn nginx_with(port: u16, relays: &[SocketAddr], headers: &str) -> Option<Proxy> {
    let lines = format!(
        "proxy_http_version 1.1; {headers} proxy_set_header Upgrade $http_upgrade;\n\
         proxy_set_header Connection $http_connection;"
    );
    nginx_as_it_is(port, relays, &lines)
}

/// `lines` are all directives of its location that say what is sent.
pub(crate) fn nginx_as_it_is(port: u16, relays: &[SocketAddr], lines: &str) -> Option<Proxy> {
    let binary = binary("DASHSTREAM_NGINX", "/usr/sbin/nginx")?;
    let folder = folder("nginx").join(port.to_string());
    std::fs::create_dir_all(&folder).expect("a folder");
    let dir = folder.display();
    let servers: String = relays
        .iter()
        .map(|relay| format!("server {relay}; "))
        .collect();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {dir}/pid;\nerror_log {dir}/error.log;\nevents {{}}\n\
         http {{\n  access_log off;\n  client_body_temp_path {dir}/a;\n  proxy_temp_path {dir}/b;\n\
         \x20 fastcgi_temp_path {dir}/c;\n  uwsgi_temp_path {dir}/d;\n  scgi_temp_path {dir}/e;\n\
         \x20 upstream relays {{ {servers} }}\n\
         \x20 server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      proxy_pass http://relays;\n\
         \x20     {lines}\n\
         \x20     proxy_next_upstream error timeout http_503;\n      proxy_read_timeout 1h;\n    }}\n  }}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).expect("a file");
    let mut command = Command::new(binary);
    Some(Proxy(spawn(
        command.arg("-c").arg(file).arg("-e").arg("/dev/null"),
    )))
}

fn spawn(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("it starts")
}

/// Waits until requests come through.
pub(crate) async fn until_up(proxy: SocketAddr) {
    let up = async {
        while TcpStream::connect(proxy).await.is_err() || get(proxy, "/version").await.status != 200
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, up).await.expect("the proxy starts");
}
