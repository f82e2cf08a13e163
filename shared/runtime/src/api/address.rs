//! Where a request came from, and the address it came to.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use url::Url;

use super::path::Prefix;
use super::proxy::Proxy;
use crate::app::{App, RequestOrigin};
use crate::flow::Flow;
use crate::platform::is_loopback;
use upload_grant::model::problem::Problem;

/// Where the request came from: the peer, or what a trusted proxy says.
pub(super) fn source<F: Flow>(app: &App<F>, origin: &RequestOrigin, headers: &HeaderMap) -> Option<IpAddr> {
    let forwarded = || {
        // Some proxies add a line of their own instead of appending to the client's.
        let lines = headers.get_all("x-forwarded-for").iter();
        let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        client(&lines.join(","))
    };
    app.cx.settings.trust_proxy.then(forwarded).flatten().or(origin.source)
}

/// The client in `X-Forwarded-For`. Each proxy appends whom it saw, so the last address outside of the operator's
/// own network is the one that no client can invent.
fn client(forwarded: &str) -> Option<IpAddr> {
    let address = |text: &str| text.parse().or_else(|_| text.parse().map(|peer: SocketAddr| peer.ip())).ok();
    let hops: Vec<IpAddr> = forwarded.split(',').filter_map(|hop| address(hop.trim())).collect();
    hops.iter().rfind(|hop| !is_internal(**hop)).or(hops.first()).copied()
}

/// Whether proxies of one's own have such addresses.
fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && second & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The address our own URLs start with: as configured, else as a trusted proxy says, else as the request came.
///
/// # Errors
/// `invalid_request` if the request names no host.
pub(super) fn public_base<F: Flow>(
    app: &App<F>,
    origin: &RequestOrigin,
    headers: &HeaderMap,
    uri: &Uri,
    prefix: &Prefix,
) -> Result<String, Problem> {
    if let Some(url) = &app.cx.settings.public_url {
        return Ok(url.clone());
    }
    if let Some(base) = &origin.base {
        return Ok(format!("{base}{}", prefix.0));
    }
    let proxy = if app.cx.settings.trust_proxy { Proxy::of(headers) } else { Proxy::default() };
    let came_to = headers.get(header::HOST).and_then(|host| host.to_str().ok()).or(uri.host());
    let host = proxy.host.or_else(|| came_to.map(str::to_owned));
    let host = host.and_then(|host| url_of(&host).map(|url| (host, url)));
    let (host, url) = host.ok_or_else(|| Problem::invalid("", "the Host header is no host"))?;
    let scheme = proxy.scheme.unwrap_or(if is_loopback(&url) {
        "http"
    } else {
        origin.scheme.unwrap_or(if app.on_platform { "https" } else { "http" })
    });
    // The usual ports are not said; that of the other scheme is some inner hop's.
    let has_port = host.parse::<Authority>().is_ok_and(|host| host.port().is_some());
    let port = proxy.port.filter(|port| !has_port && ![80, 443].contains(port));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}{port}{}{}{}", proxy.prefix, origin.mount, prefix.0))
}

/// A `Host` header as a URL, if it is a host with or without port and nothing else.
pub(super) fn url_of(host: &str) -> Option<Url> {
    host.parse::<Authority>().ok()?;
    let url = Url::parse(&format!("http://{host}")).ok()?;
    (!host.contains(['@', '%'])).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_one_that_is_not_a_proxy_of_ones_own() {
        for (forwarded, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("9.9.9.9, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7, 10.0.0.1, 100.64.0.1", "203.0.113.7"),
            ("203.0.113.7:5555", "203.0.113.7"),
            ("[2001:db8::1]:443, fd00::1", "2001:db8::1"),
            ("::ffff:10.0.0.1,192.168.1.1", "::ffff:10.0.0.1"),
            ("unknown, 203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(client(forwarded), expected.parse().ok(), "{forwarded}");
        }
        assert_eq!(client("unknown"), None);
    }
}
