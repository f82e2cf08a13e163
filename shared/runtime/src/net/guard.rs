//! The guard before outgoing calls to addresses that a caller or a queue named.
//!
//! https only, hosts from a list, and no address inside a private network: checked where the name is resolved,
//! so that the address that was checked is the address that is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::platform::is_loopback;

/// Hosts that may be called. A plain name permits its public addresses over https; `host:port` or an address
/// permits exactly that one, private or not.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<String>);

/// How an allowed address may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only if the name resolves to public addresses.
    Public,
    /// Wherever it is: the operator listed exactly this.
    Listed,
}

impl Hosts {
    /// From a comma-separated list.
    pub fn new(list: &[String]) -> Self {
        Self(list.iter().map(|host| host.to_ascii_lowercase()).collect())
    }

    /// How `url` may be reached; none if it may not.
    pub fn reach(&self, url: &Url) -> Option<Reach> {
        let host = url.host_str()?;
        let port = url.port_or_known_default()?;
        let plain = url.username().is_empty() && url.password().is_none();
        let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        if !plain || !secure {
            return None;
        }
        let with_port = format!("{host}:{port}");
        let is_address = !matches!(url.host()?, Host::Domain(_));
        if self.0.contains(&with_port) || (is_address && self.0.iter().any(|listed| listed == host)) {
            return Some(Reach::Listed);
        }
        let default_port = url.scheme() == "https" && port == 443;
        (default_port && !is_address && self.0.iter().any(|listed| listed == host)).then_some(Reach::Public)
    }
}

/// The refusal of [`PublicOnly`].
#[derive(Debug)]
pub struct NotPublic;

impl std::fmt::Display for NotPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name does not resolve to public addresses")
    }
}

impl std::error::Error for NotPublic {}

/// A resolver that knows no private addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() || !found.iter().all(|address| is_public(address.ip())) {
                return Err(NotPublic.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public internet's.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // An IPv4 address embedded in IPv6: mapped, compatible, translated, tunnelled.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(embedded(high, low))
        }
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff | 0x5f00, ..] | [0x100, 0, 0, 0, ..] => false,
        // Global unicast, and nothing else.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_addresses_are_reached() {
        let listed = ["files.example.com", "127.0.0.1:8080", "10.0.0.7", "minio.internal:9000"];
        let hosts = Hosts::new(&listed.map(str::to_owned));
        for (url, reach) in [
            ("https://files.example.com/a", Some(Reach::Public)),
            ("https://FILES.example.com/a", Some(Reach::Public)),
            ("https://files.example.com:8443/a", None),
            ("http://files.example.com/a", None),
            ("https://user@files.example.com/a", None),
            ("https://evil.example.com/a", None),
            ("https://files.example.com.evil.com/a", None),
            ("http://127.0.0.1:8080/a", Some(Reach::Listed)),
            ("http://127.0.0.1:8081/a", None),
            ("http://localhost:8080/a", None),
            ("http://2130706433:8080/a", Some(Reach::Listed)),
            ("https://10.0.0.7/a", Some(Reach::Listed)),
            ("http://10.0.0.7/a", None),
            ("https://minio.internal:9000/a", Some(Reach::Listed)),
            ("https://minio.internal/a", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(hosts.reach(&Url::parse(url).unwrap()), reach, "{url}");
        }
    }

    #[test]
    fn private_addresses_are_known_in_every_form() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
