//! How a request came here: from which client, by which name, over TLS or not. Proxies say so in headers, which are
//! believed only if the connection comes from a proxy that the operator lists.
//!
//! The headers are read from right to left. Each proxy adds the address it was asked from at the right, so whatever a
//! client wrote itself is to the left of the first address that is no trusted proxy, and is never looked at.

mod forwarded;

use std::net::IpAddr;

use hyper::{
    header,
    http::{HeaderMap, uri::Authority},
};
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::host::{authority, parts};
use forwarded::Said;

/// The networks whose proxies are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The networks in a comma-separated list: addresses, or networks such as `10.0.0.0/8` or `fd00::/8`.
    ///
    /// # Errors
    /// A sentence about the first that is neither, or that would believe everybody.
    pub fn parse_list(text: &str) -> Result<Self, String> {
        let networks: Vec<IpNet> = parts(text).map(network).collect::<Result<_, _>>()?;
        if networks.len() > NETWORKS_MAX {
            return Err(format!("contains more than {NETWORKS_MAX} networks"));
        }
        Ok(Self(networks))
    }

    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl Serialize for TrustedProxies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ToString::to_string))
    }
}

const NETWORKS_MAX: usize = 256;

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not an IP address or a network such as 10.0.0.0/8"))?;
    if network.prefix_len() == 0 {
        return Err(format!("\"{text}\" would believe everybody"));
    }
    if network != network.trunc() {
        let meant = network.trunc();
        return Err(format!(
            "\"{text}\" is an address within a network; write {meant}"
        ));
    }
    // Addresses of that form are compared as the IPv4 addresses that they are.
    match network {
        IpNet::V6(v6) if v6.network().to_ipv4_mapped().is_some() => {
            Err(format!("\"{text}\" is a network of IPv4; write it as one"))
        }
        IpNet::V4(_) | IpNet::V6(_) => Ok(network),
    }
}

/// How a request came here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The client's address: where the connection comes from, or what trusted proxies say.
    pub address: IpAddr,
    /// Whether the client speaks TLS with the outermost trusted proxy, if that says so. The server itself never does.
    pub is_tls: Option<bool>,
    /// Under which host and port the client asked, as a trusted proxy says, or else as `Host` does.
    pub(crate) place: Option<Authority>,
    /// Whether the connection is that of a trusted proxy.
    pub(crate) is_of_proxy: bool,
}

/// The headers of a trusted proxy cannot be understood, or contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear;

impl Arrival {
    /// What the connection itself says, and what is believed beyond that.
    pub(crate) fn of(
        peer: IpAddr,
        headers: &HeaderMap,
        trusted: &TrustedProxies,
    ) -> Result<Self, Unclear> {
        let direct = Self {
            address: peer.to_canonical(),
            is_tls: None,
            place: headers.get(header::HOST).and_then(authority),
            is_of_proxy: trusted.contain(peer),
        };
        if !direct.is_of_proxy {
            return Ok(direct);
        }
        let Some(said) = forwarded::read(headers)? else {
            return Ok(direct);
        };
        let (address, hop) = client(direct.address, &said, trusted);
        Ok(Self {
            address,
            is_tls: seen_by(hop, &said.is_tls),
            place: seen_by(hop, &said.places).or(direct.place),
            is_of_proxy: true,
        })
    }
}

/// The first address from the right that is no trusted proxy, and how many proxies from the right saw it. Where a
/// proxy does not say from whom it was asked, it counts as the client itself.
fn client(peer: IpAddr, said: &Said, trusted: &TrustedProxies) -> (IpAddr, usize) {
    let (mut address, mut hop) = (peer, 0);
    for (number, named) in said.addresses.iter().rev().enumerate() {
        hop = number;
        match named {
            None => break,
            Some(next) => address = *next,
        }
        if !trusted.contain(address) {
            break;
        }
    }
    (address, hop)
}

/// What the proxy at this place from the right says. Proxies that replace a header, where others append to it, leave
/// fewer values than there are addresses: the leftmost is then the outermost proxy's.
fn seen_by<T: Clone>(hop: usize, values: &[Option<T>]) -> Option<T> {
    let outermost = hop.min(values.len().checked_sub(1)?);
    let within = values.len().checked_sub(outermost + 1)?;
    values.get(within..)?.iter().flatten().next().cloned()
}

#[cfg(test)]
mod tests;
