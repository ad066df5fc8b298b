//! The headers in which proxies say for whom they ask: `Forwarded` (RFC 7239), or the older `X-Forwarded-For`,
//! `X-Forwarded-Proto` and `X-Forwarded-Host`. Who is believed is not decided here.
//!
//! A proxy writes one kind and passes the other on as the client sent it. A request with both kinds is therefore
//! refused: nothing shows which of them is the proxy's.

use std::net::{IpAddr, Ipv6Addr};

use hyper::{
    header::{FORWARDED, HeaderName, HeaderValue},
    http::{HeaderMap, uri::Authority},
};

use super::Unclear;
use crate::host::authority;

/// What proxies say, each list from the outermost on the left to the nearest on the right.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// By whom each was asked; nothing where it does not say, or not in a way to be understood.
    pub(super) addresses: Vec<Option<IpAddr>>,
    pub(super) is_tls: Vec<Option<bool>>,
    pub(super) places: Vec<Option<Authority>>,
}

/// Reads what there is; nothing where no proxy says anything.
pub(super) fn read(headers: &HeaderMap) -> Result<Option<Said>, Unclear> {
    let is_old = [&FOR, &PROTO, &HOST]
        .iter()
        .any(|name| headers.contains_key(*name));
    match (headers.contains_key(FORWARDED), is_old) {
        (false, false) => Ok(None),
        (true, true) => Err(Unclear),
        (true, false) => standard(headers).map(Some),
        (false, true) => Ok(Some(Said {
            addresses: last(headers, &FOR, |text| Ok(address(text)))?,
            is_tls: last(headers, &PROTO, |text| is_tls(text).map(Some))?,
            places: last(headers, &HOST, |text| place(text).map(Some))?,
        })),
    }
}

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// No chain of proxies is longer. What lies further left in the older headers is not looked at; `Forwarded`, which can
/// be read from the left only, is refused.
const HOPS_MAX: usize = 32;

/// The last values of a comma-separated header, in their order.
fn last<T>(
    headers: &HeaderMap,
    name: &HeaderName,
    parse: impl Fn(&str) -> Result<Option<T>, Unclear>,
) -> Result<Vec<Option<T>>, Unclear> {
    let mut values = Vec::new();
    for line in headers.get_all(name).iter().rev() {
        let line = line.to_str().map_err(|_| Unclear)?;
        let parts = line.rsplit(',').map(trim).filter(|part| !part.is_empty());
        for part in parts.take(HOPS_MAX - values.len()) {
            values.push(parse(part)?);
        }
    }
    values.reverse();
    Ok(values)
}

/// `Forwarded`: elements separated by commas, each of pairs separated by semicolons.
fn standard(headers: &HeaderMap) -> Result<Said, Unclear> {
    let mut said = Said::default();
    for line in headers.get_all(FORWARDED) {
        let mut rest = trim(line.to_str().map_err(|_| Unclear)?);
        while !rest.is_empty() {
            let (element, after) = Element::read(rest)?;
            rest = after;
            if element.is_empty {
                continue;
            }
            said.addresses.push(element.address.flatten());
            said.is_tls.push(element.is_tls);
            said.places.push(element.place);
            if said.addresses.len() > HOPS_MAX {
                return Err(Unclear);
            }
        }
    }
    Ok(said)
}

/// What one proxy says in `Forwarded`.
#[derive(Debug)]
struct Element {
    is_empty: bool,
    address: Option<Option<IpAddr>>,
    is_tls: Option<bool>,
    place: Option<Authority>,
}

impl Element {
    /// Reads up to the comma after it, and gives what follows that.
    fn read(text: &str) -> Result<(Self, &str), Unclear> {
        let mut element = Self {
            is_empty: true,
            address: None,
            is_tls: None,
            place: None,
        };
        let mut rest = trim(text);
        loop {
            rest = match rest.as_bytes().first() {
                None => return Ok((element, rest)),
                Some(b',') => return Ok((element, trim(&rest[1..]))),
                Some(b';') => trim(&rest[1..]),
                Some(_) => {
                    let (name, value, after) = pair(rest)?;
                    element.take(name, &value)?;
                    let is_end = after.is_empty() || after.starts_with([',', ';']);
                    if !is_end {
                        return Err(Unclear);
                    }
                    after
                }
            };
        }
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Unclear> {
        self.is_empty = false;
        let is_new = match name.to_ascii_lowercase().as_str() {
            "for" => self.address.replace(node(value)?).is_none(),
            "proto" => self.is_tls.replace(is_tls(value)?).is_none(),
            "host" => self.place.replace(place(value)?).is_none(),
            // `by`, and extensions.
            _ => true,
        };
        if is_new { Ok(()) } else { Err(Unclear) }
    }
}

/// A name, its value without quotes, and what follows.
fn pair(text: &str) -> Result<(&str, String, &str), Unclear> {
    let (name, rest) = text.split_once('=').ok_or(Unclear)?;
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(Unclear);
    }
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(|c| !is_token(c)).unwrap_or(rest.len());
        let (value, after) = rest.split_at(end);
        return match value {
            "" => Err(Unclear),
            value => Ok((name, value.to_owned(), trim(after))),
        };
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next().ok_or(Unclear)? {
            '"' => return Ok((name, value, trim(chars.as_str()))),
            '\\' => value.push(chars.next().ok_or(Unclear)?),
            c => value.push(c),
        }
    }
}

/// The characters of a token (RFC 9110, section 5.6.2).
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// A node of `Forwarded`: an address, IPv6 in brackets, perhaps with a port; or a word for one that is not told.
fn node(text: &str) -> Result<Option<IpAddr>, Unclear> {
    let is_bare_v6 = text.parse::<Ipv6Addr>().is_ok();
    let is_hidden = text.eq_ignore_ascii_case("unknown") || text.starts_with('_');
    match address(text).filter(|_| !is_bare_v6) {
        Some(address) => Ok(Some(address)),
        None if is_hidden => Ok(None),
        None => Err(Unclear),
    }
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port): (IpAddr, &str) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (address.parse::<Ipv6Addr>().ok()?.into(), port)
        }
        None => {
            let at = text.find(':')?;
            let (address, port) = text.split_at(at);
            (address.parse().ok()?, port)
        }
    };
    let is_port = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(port) if port.starts_with('_') => port.chars().all(is_token),
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    };
    is_port.then(|| address.to_canonical())
}

/// Whether the client speaks TLS; some proxies name the scheme of the WebSocket.
fn is_tls(text: &str) -> Result<bool, Unclear> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Ok(true),
        "http" | "ws" => Ok(false),
        _ => Err(Unclear),
    }
}

fn place(text: &str) -> Result<Authority, Unclear> {
    let value = HeaderValue::from_str(text).map_err(|_| Unclear)?;
    authority(&value).ok_or(Unclear)
}

/// Without the white space that HTTP allows around values.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}
