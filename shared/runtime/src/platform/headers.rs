//! What platforms put into headers: their role's keys, ids and control words. All of it is taken off before
//! anything else sees the request. Only a key ring that holds a role's keys takes others (see [`KeyRing`]).

use axum::http::HeaderMap;

use super::{Env, KeyRing, Keys};
use upload_grant::wire::secret::Secret;

/// The platform whose headers are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    FunctionCompute,
    Scf,
    Other,
}

/// A platform's headers, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) request_id: Option<String>,
    /// `x-fc-control-path`: what Function Compute wants of us.
    pub(crate) control: Option<String>,
}

impl Platform {
    pub(crate) fn of(env: &mut Env) -> Self {
        if env.get("FC_FUNCTION_NAME").is_some() {
            Self::FunctionCompute
        } else if env.get("TENCENTCLOUD_RUNENV").is_some() {
            Self::Scf
        } else {
            Self::Other
        }
    }

    /// Takes the platform's headers off; elsewhere they are a client's invention, and go unread.
    pub(crate) fn take(self, headers: &mut HeaderMap, ring: Option<&KeyRing>) -> Taken {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (names, id) = match self {
            Self::FunctionCompute => (
                ["x-fc-access-key-id", "x-fc-access-key-secret", "x-fc-security-token"],
                text("x-fc-request-id"),
            ),
            Self::Scf => {
                (["x-scf-secret-id", "x-scf-secret-key", "x-scf-session-token"], text("x-scf-request-id"))
            }
            Self::Other => ([""; 3], None),
        };
        if let (Some(ring), true) = (ring, self != Self::Other) {
            let [id, secret, token] = names.map(text);
            ring.rotate(Keys {
                id: id.unwrap_or_default(),
                secret: secret.unwrap_or_default().into(),
                token: token.map(Secret::from),
            });
        }
        // The platform has one; a second would be the sender's own.
        let is_one = headers.get_all("x-fc-control-path").iter().count() == 1;
        let control = text("x-fc-control-path").filter(|_| is_one && self == Self::FunctionCompute);
        let theirs = |name: &str| ["x-fc-", "x-scf-", "x-cff-"].iter().any(|prefix| name.starts_with(prefix));
        let drop: Vec<_> = headers.keys().filter(|name| theirs(name.as_str())).cloned().collect();
        for name in drop {
            headers.remove(name);
        }
        Taken { request_id: id, control }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_headers_never_pass() {
        for platform in [Platform::FunctionCompute, Platform::Scf, Platform::Other] {
            let mut headers = HeaderMap::new();
            for name in [
                "x-fc-access-key-secret",
                "x-fc-control-path",
                "x-scf-secret-key",
                "x-cff-security-token",
                "host",
            ] {
                headers.insert(name, "value".parse().unwrap());
            }
            let taken = platform.take(&mut headers, None);
            assert_eq!(headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["host"]);
            assert_eq!(taken.control.is_some(), platform == Platform::FunctionCompute);
            for path in ["/invoke", "/http-invoke"] {
                headers.append("x-fc-control-path", path.parse().unwrap());
            }
            assert!(platform.take(&mut headers, None).control.is_none());
        }
    }
}
