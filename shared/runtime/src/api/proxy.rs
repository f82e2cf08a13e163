//! What a trusted proxy says about the address that the client used: `Forwarded` (RFC 7239), and for what that does
//! not say, the `X-Forwarded-` family. Of lists the first element is the one next to the client.

use axum::http::HeaderMap;

use super::address::url_of;

/// The parts of that address; none where the proxy does not tell, or tells nonsense.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) scheme: Option<&'static str>,
    /// Host, perhaps with a port.
    pub(super) host: Option<String>,
    /// The port, if the host has none.
    pub(super) port: Option<u16>,
    /// What the proxy cut off the path: empty, or it starts with a slash and ends with none.
    pub(super) prefix: String,
}

impl Proxy {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let first =
            |name: &str| text(name)?.split(',').next().map(|value| value.trim().trim_matches('"').to_owned());
        let pairs = text("forwarded").map(first_element).unwrap_or_default();
        let said = |name: &str| pairs.iter().find(|(said, _)| said == name).map(|(_, value)| value.clone());
        Self {
            scheme: said("proto")
                .and_then(|scheme| known(&scheme))
                .or_else(|| known(&first("x-forwarded-proto")?)),
            host: said("host")
                .filter(|host| is_host(host))
                .or_else(|| first("x-forwarded-host").filter(|host| is_host(host))),
            port: first("x-forwarded-port").and_then(|port| port.parse().ok()),
            prefix: first("x-forwarded-prefix")
                .filter(|path| is_path(path))
                .map(|path| trimmed(&path))
                .unwrap_or_default(),
        }
    }
}

fn known(scheme: &str) -> Option<&'static str> {
    ["https", "http"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))
}

fn is_host(host: &str) -> bool {
    url_of(host).is_some()
}

/// Whether it is a plain path: it becomes the start of a URL.
fn is_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&b);
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(plain)
        && path.split('/').all(|segment| !matches!(segment, "." | ".."))
}

fn trimmed(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

/// The pairs of the first element, names in lower case, values without their quotes.
fn first_element(text: &str) -> Vec<(String, String)> {
    let (mut pairs, mut pair) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        match character {
            _ if escaped => {
                pair.push(character);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => pairs.push(std::mem::take(&mut pair)),
            ',' if !quoted => break,
            _ => pair.push(character),
        }
    }
    pairs.push(pair);
    let named = |pair: &String| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    pairs.iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(headers: &[(&'static str, &str)]) -> Proxy {
        let headers = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), value.parse().expect("a header"))
        });
        Proxy::of(&headers.collect())
    }

    #[test]
    fn forwarded_wins_for_each_part_that_it_has() {
        let family = [
            ("x-forwarded-host", "x.example, inner.example"),
            ("x-forwarded-proto", "http,https"),
            ("x-forwarded-port", "8443"),
            ("x-forwarded-prefix", "/files/"),
        ];
        for (forwarded, scheme, host) in [
            ("host=up.example;proto=https", "https", "up.example"),
            (
                "for=192.0.2.1;Host=\"up.example:8443\";Proto=HTTPS, host=b.example",
                "https",
                "up.example:8443",
            ),
            ("for=\"[2001:db8::1]:1\";proto=https", "https", "x.example"),
            ("for=\"a,b;host=c.example\"; host = up.example", "http", "up.example"),
            ("host=\"up\\.example\"", "http", "up.example"),
            ("host=_hidden/x;proto=gopher", "http", "x.example"),
            ("", "http", "x.example"),
            (";;=,", "http", "x.example"),
        ] {
            let all = [&family[..], &[("forwarded", forwarded)]].concat();
            let prefix = "/files".to_owned();
            let expected = Proxy { scheme: known(scheme), host: Some(host.into()), port: Some(8443), prefix };
            assert_eq!(proxy(&all), expected, "{forwarded}");
        }
    }

    #[test]
    fn nonsense_is_nothing() {
        for (name, value) in [
            ("x-forwarded-host", "evil.example/path"),
            ("x-forwarded-host", "user@evil.example"),
            ("x-forwarded-host", ""),
            ("x-forwarded-proto", "javascript"),
            ("x-forwarded-port", "99999"),
            ("x-forwarded-port", "x"),
            ("x-forwarded-prefix", "files"),
            ("x-forwarded-prefix", "//evil.example"),
            ("x-forwarded-prefix", "/a/../b"),
            ("x-forwarded-prefix", "/a?b"),
            ("x-forwarded-prefix", "/a b"),
            ("x-forwarded-prefix", "/"),
        ] {
            assert_eq!(proxy(&[(name, value)]), Proxy::default(), "{name}: {value}");
        }
    }
}
