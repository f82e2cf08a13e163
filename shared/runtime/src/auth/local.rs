//! `GRANT_AUTH=none` on a laptop: listening on loopback keeps other machines out, but a page in a browser on this
//! machine reaches it as well. What a page cannot forge gives it away: its origin, and with a name that was
//! rebound to loopback (DNS rebinding), the host it asks for.

use http::uri::Authority;
use http::{HeaderMap, header};
use url::Url;

use crate::platform::is_loopback;
use upload_grant::model::problem::{Code, Problem};

/// Who may call where callers are not authenticated.
pub(super) struct Local {
    origins: Vec<String>,
}

impl Local {
    /// This machine, and pages of these origins.
    pub(super) fn new(origins: &[String]) -> Self {
        Self { origins: origins.to_vec() }
    }

    /// Refuses hosts and origins that are not this machine's; none at all is no browser.
    ///
    /// # Errors
    /// `forbidden`, naming the way out.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let all = |name, is: &dyn Fn(&str) -> bool| {
            headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(is))
        };
        let refused = |what: &str| {
            let detail = format!(
                "GRANT_AUTH=none serves this machine only, and {what}: set another GRANT_AUTH, or GRANT_INSECURE=true"
            );
            Err(Problem::new(Code::Forbidden, detail))
        };
        if !all(header::HOST, &is_local_host) {
            return refused("the Host header is not a loopback one");
        }
        let known = |origin: &str| is_local_origin(origin) || self.origins.iter().any(|ours| ours == origin);
        if !all(header::ORIGIN, &known) {
            return refused("the Origin is neither a loopback one nor in GRANT_CORS_ORIGINS");
        }
        Ok(())
    }
}

fn is_local_host(host: &str) -> bool {
    host.parse::<Authority>().is_ok() && !host.contains('@') && is_local_origin(&format!("http://{host}"))
}

fn is_local_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(name: header::HeaderName, value: &str) -> bool {
        let local = Local::new(&["https://app.example".to_owned(), "capacitor://localhost".to_owned()]);
        local.admit(&HeaderMap::from_iter([(name, value.parse().unwrap())])).is_ok()
    }

    #[test]
    fn only_hosts_of_this_machine() {
        for host in [
            "localhost",
            "localhost:9000",
            "LOCALHOST:1",
            "127.0.0.1:9000",
            "127.8.0.1",
            "[::1]:9000",
            "a.localhost",
        ] {
            assert!(admitted(header::HOST, host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:9000",
            "192.168.1.20:9000",
            "0.0.0.0:9000",
            "[::]:9000",
            "169.254.169.254",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "evil.example/localhost",
            "",
        ] {
            assert!(!admitted(header::HOST, host), "{host}");
        }
        let mut two = HeaderMap::new();
        two.append(header::HOST, "localhost".parse().unwrap());
        two.append(header::HOST, "evil.example".parse().unwrap());
        assert!(Local::new(&[]).admit(&two).is_err());
        assert!(Local::new(&[]).admit(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn only_pages_of_this_machine_and_of_the_operator() {
        for origin in [
            "http://localhost:5173",
            "https://localhost",
            "http://[::1]:1",
            "https://app.example",
            "capacitor://localhost",
        ] {
            assert!(admitted(header::ORIGIN, origin), "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "https://app.example.evil.example",
            "https://app.example:8443",
            "http://app.example",
            "ionic://localhost",
            "file://",
            "",
        ] {
            assert!(!admitted(header::ORIGIN, origin), "{origin}");
        }
    }
}
