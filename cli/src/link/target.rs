//! What is connected to: the command line's URL and headers as the request of the upgrade.

use std::path::{Path, PathBuf};

use decode_core::wire::{SUBPROTOCOL, WS_PATH};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, header};

use super::token::TokenArgs;
use crate::command_line::shown_url;
use crate::outcome::Failure;

/// How the relay is reached, besides its URL.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct ConnectArgs {
    /// Trust the certificates of this PEM file instead of the system's (wss and https)
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// Send this header too, for example for a proxy; may be given several times
    // Parsed later: clap would print a wrong one, which may hold a secret.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,
    #[command(flatten)]
    pub(super) token: TokenArgs,
}

pub(super) struct Target {
    pub(super) request: Request,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_tls: bool,
}

impl Target {
    /// Of `ws://HOST:PORT[/PATH]` or `wss://HOST[:PORT][/PATH]`; `http`, `https` and no scheme mean
    /// the same as `ws`, `wss` and `ws`. No path, or that of the page, means the relay's own.
    pub(super) fn new(url: &str, args: &ConnectArgs) -> Result<Self, Failure> {
        let wrong =
            |why: &dyn std::fmt::Display| Failure::Usage(format!("\"{}\": {why}", shown_url(url)));
        let (is_tls, rest) = match url.split_once("://") {
            None | Some(("ws" | "http", _)) => (false, url.rsplit("://").next().unwrap_or(url)),
            Some(("wss" | "https", rest)) => (true, rest),
            Some((scheme, _)) => {
                return Err(wrong(&format!("{scheme} is not supported, use ws or wss")));
            }
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(wrong(&LOGIN));
        }
        let (host, port) = host_and_port(authority, is_tls).map_err(|why| wrong(&why))?;
        // With a slash at its end it is the address of the page.
        let path = match path.strip_suffix('/') {
            Some(page) => format!("{page}{WS_PATH}"),
            None if path.is_empty() => WS_PATH.to_owned(),
            None => path.to_owned(),
        };
        let scheme = if is_tls { "wss" } else { "ws" };
        let full = format!("{scheme}://{authority}{path}");
        let mut request = full.into_client_request().map_err(|error| wrong(&error))?;
        let headers = request.headers_mut();
        let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
        for text in &args.headers {
            let (name, value) = parse_header(text)?;
            if name == header::HOST {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
        Ok(Self {
            request,
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
            is_tls,
        })
    }
}

impl Target {
    /// Whether no network lies between.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl ConnectArgs {
    pub(super) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }
}

const LOGIN: &str =
    "a URL has no login; give a token with --token-file, or another one with --header";

/// HOST:PORT and nothing else. Only TLS has a port that is not said: the library behind would take 80
/// where it finds no number that it understands.
fn host_and_port(authority: &str, is_tls: bool) -> Result<(&str, u16), String> {
    let expected = || "expected HOST:PORT, ws://HOST:PORT or wss://HOST".to_owned();
    let bracketed = authority.starts_with('[') && authority.ends_with(']');
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !bracketed => (host, Some(port)),
        _ => (authority, None),
    };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let strange = |c: char| matches!(c, '?' | '#') || (c == ':' && !is_bracketed);
    if host.is_empty() || host.contains(strange) {
        return Err(expected());
    }
    let Some(port) = port else {
        return is_tls.then_some((host, PORT_OF_TLS)).ok_or_else(expected);
    };
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number @ 1..) if is_number => Ok((host, number)),
        _ => Err(format!("\"{port}\" is not a valid port (1 to 65535)")),
    }
}

/// An error does not show the value, which may be a secret.
fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let wrong = |why: &str| Failure::Usage(format!("--header: {why}"));
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| wrong("expected NAME: VALUE"))?;
    let name = HeaderName::try_from(name).map_err(|_| wrong("the name is not valid"))?;
    let is_ours = OURS.contains(&name) || name.as_str().starts_with("sec-websocket-");
    if is_ours {
        return Err(wrong(&format!("{name} is set by the tool itself")));
    }
    let mut value = HeaderValue::try_from(value.trim())
        .map_err(|_| wrong(&format!("the value of {name} is not valid")))?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// What makes the request an upgrade, and nothing else.
const OURS: [HeaderName; 4] = [
    header::CONNECTION,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
];
const PORT_OF_TLS: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_completed() {
        for (url, expected, port) in [
            ("127.0.0.1:3002", "ws://127.0.0.1:3002/ws", 3002),
            ("http://relay:3002/", "ws://relay:3002/ws", 3002),
            ("ws://relay:3002", "ws://relay:3002/ws", 3002),
            ("ws://relay:80/deep/ws", "ws://relay:80/deep/ws", 80),
            ("ws://[::1]:3002", "ws://[::1]:3002/ws", 3002),
            ("wss://relay", "wss://relay/ws", 443),
            ("https://relay/deep/", "wss://relay/deep/ws", 443),
            ("https://relay/deep/ws", "wss://relay/deep/ws", 443),
            ("wss://relay:3002", "wss://relay:3002/ws", 3002),
            ("wss://[::1]", "wss://[::1]/ws", 443),
        ] {
            let target = Target::new(url, &ConnectArgs::default());
            let target = target.unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(target.request.uri().to_string(), expected);
            assert_eq!(
                (target.port, target.is_tls),
                (port, expected.starts_with("wss"))
            );
            assert!(
                !target.host.contains(['[', ':']) || target.host == "::1",
                "{}",
                target.host
            );
        }
        for url in [
            "ftp://relay:3002",
            "",
            "ws://",
            "wss://",
            "wss://:443",
            "wss://relay:",
            "ws://a b:1",
            "relay",
            "ws://relay/ws",
            "[::1]",
            "::1:3002",
            ":3002",
            "relay:",
            "relay:0",
            "relay:+80",
            "127.0.0.1:99999",
            "user:secret@relay:3002",
            "relay?x:3002",
        ] {
            let target = Target::new(url, &ConnectArgs::default());
            assert!(matches!(target, Err(Failure::Usage(_))), "{url}");
        }
    }

    /// SEC-01: what may be a secret in a URL is in no message.
    #[test]
    fn a_login_in_a_url_is_not_shown() {
        for url in [
            "s3cret@relay:3002",
            "ws://user:s3cret@relay:3002/ws",
            "user:pass:s3cret@relay",
            "user@s3cret@relay",
            "relay?token=s3cret:3002",
            "ftp://user:s3cret@relay/?s3cret",
        ] {
            let target = Target::new(url, &ConnectArgs::default());
            let Err(Failure::Usage(told)) = target else {
                panic!("{url}");
            };
            assert!(!told.contains("s3cret") && told.contains("relay"), "{told}");
        }
    }

    #[test]
    fn headers_are_added_and_never_shown() {
        let with = |headers: &[&str]| {
            let headers = headers.iter().map(|text| (*text).to_owned()).collect();
            let args = ConnectArgs {
                headers,
                ..ConnectArgs::default()
            };
            Target::new("relay:1", &args)
        };
        let target = with(&[
            "X-A: 1",
            "x-a:2",
            "Host: other",
            "Authorization: Bearer s3cret",
        ]);
        let Ok(target) = target else {
            panic!("valid headers")
        };
        let sent = target.request.headers();
        assert_eq!(sent.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(sent.get_all("host").iter().collect::<Vec<_>>(), ["other"]);
        assert!(!format!("{sent:?}").contains("s3cret"));
        for bad in [
            "s3cret",
            "a b: s3cret",
            "X: s3cret\u{1}",
            "Upgrade: s3cret",
            "Sec-WebSocket-Key: s3cret",
        ] {
            match with(&[bad]) {
                Err(Failure::Usage(text)) => assert!(!text.contains("s3cret"), "{text}"),
                _ => panic!("{bad} was taken"),
            }
        }
    }
}
