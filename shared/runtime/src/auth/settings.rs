//! `GRANT_AUTH` and what belongs to it: how callers prove who they are.

use sha2::{Digest as _, Sha256};

use super::caller::ANONYMOUS;
use crate::platform::Env;
use crate::platform::runtime::{self, Runtime};
use upload_grant::wire::secret::Secret;

/// How callers prove who they are.
#[derive(Clone, Debug)]
pub enum Auth {
    /// No authentication; only on loopback, or with `GRANT_INSECURE`.
    None {
        /// Whether other machines, and pages of any origin, may call too.
        insecure: bool,
    },
    /// `x-api-key`: names and the SHA-256 of each key.
    ApiKey(Vec<(String, [u8; 32])>),
    /// A bearer token, checked here.
    Jwt(Jwt),
    /// The platform's authorizer has checked; only on Lambda.
    Gateway,
}

/// Whose bearer tokens are accepted.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// `iss`, to the letter.
    pub issuer: String,
    /// One of `aud`.
    pub audience: String,
    /// What they are signed with.
    pub keys: JwtKeys,
}

/// What bearer tokens are signed with: it alone decides the algorithms, never the token.
#[derive(Clone, Debug)]
pub enum JwtKeys {
    /// A shared secret: HS256 only.
    Secret(Secret),
    /// The address of published keys: RS256 and ES256 only.
    Published(String),
}

/// HS256 wants a key at least as long as its hash (RFC 7518, section 3.2).
const MIN_SECRET: usize = 32;

/// Reads and checks them; there is no default.
pub fn auth(env: &mut Env) -> Option<Auth> {
    match env.need("GRANT_AUTH").as_str() {
        "" => None,
        "none" => {
            let insecure = env.flag("GRANT_INSECURE", false);
            if !runtime::is_local(env) && !insecure {
                env.fault(
                    "GRANT_AUTH",
                    "is none, which needs a loopback GRANT_LISTEN on no platform, or GRANT_INSECURE=true",
                );
            }
            Some(Auth::None { insecure })
        }
        "api-key" => api_keys(env).map(Auth::ApiKey),
        "jwt" => jwt(env).map(Auth::Jwt),
        "gateway" => {
            if Runtime::of(env) != Runtime::Lambda {
                env.fault("GRANT_AUTH", "is gateway, which only Lambda has");
            }
            Some(Auth::Gateway)
        }
        _ => {
            env.fault("GRANT_AUTH", "is none of gateway, jwt, api-key, none");
            None
        }
    }
}

fn jwt(env: &mut Env) -> Option<Jwt> {
    let (issuer, audience) = (env.need("GRANT_JWT_ISSUER"), env.need("GRANT_JWT_AUDIENCE"));
    let secret = env.get("GRANT_JWT_SECRET");
    let keys = match (secret, env.address("GRANT_JWT_JWKS_URL")) {
        (Some(_), Some(_)) => {
            env.fault("GRANT_JWT_SECRET", "and GRANT_JWT_JWKS_URL are both set: one decides the algorithm");
            return None;
        }
        (None, None) => {
            env.fault("GRANT_JWT_JWKS_URL", "is missing (or GRANT_JWT_SECRET)");
            return None;
        }
        (Some(secret), None) => {
            if secret.len() < MIN_SECRET {
                env.fault("GRANT_JWT_SECRET", "is shorter than 32 bytes");
            }
            JwtKeys::Secret(secret.into())
        }
        (None, Some(url)) => JwtKeys::Published(url),
    };
    Some(Jwt { issuer, audience, keys })
}

fn api_keys(env: &mut Env) -> Option<Vec<(String, [u8; 32])>> {
    let text = env.need("GRANT_API_KEYS");
    if text.is_empty() {
        return None;
    }
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let keys = pairs.map(api_key).collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty());
    let Some(keys) = keys else {
        env.fault("GRANT_API_KEYS", "is not name:sha256hex,…");
        return None;
    };
    if keys.iter().any(|(name, _)| name == ANONYMOUS) {
        env.fault("GRANT_API_KEYS", "has a key called anonymous, which is nobody's name");
    }
    if keys.iter().any(|(_, digest)| *digest == Sha256::digest("")[..]) {
        env.fault("GRANT_API_KEYS", "has the SHA-256 of nothing: hash the key, not an empty line");
    }
    Some(keys)
}

fn api_key(pair: &str) -> Option<(String, [u8; 32])> {
    let (name, hex) = pair.split_once(':').map(|(name, hex)| (name.trim(), hex.trim()))?;
    let mut digest = [0; 32];
    if name.is_empty() || hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
    }
    Some((name.to_owned(), digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: (&str, &str) = ("GRANT_JWT_ISSUER", "i");
    const AUDIENCE: (&str, &str) = ("GRANT_JWT_AUDIENCE", "a");
    const SECRET: (&str, &str) = ("GRANT_JWT_SECRET", "a-secret-of-at-least-thirty-two-bytes");
    const JWKS: (&str, &str) = ("GRANT_JWT_JWKS_URL", "https://idp.example/keys?p=1");

    /// The settings that `GRANT_AUTH=kind` with `rest` finds fault with.
    fn faults(kind: &str, rest: &[(&str, &str)]) -> Vec<String> {
        let vars = [("GRANT_AUTH", kind)].into_iter().chain(rest.iter().copied());
        let mut env = Env::new(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
        auth(&mut env);
        env.faults().iter().map(|fault| fault.name.clone()).collect()
    }

    #[test]
    fn there_is_no_default_and_every_kind_needs_its_own() {
        let none: [&str; 0] = [];
        assert_eq!(faults("", &[]), ["GRANT_AUTH"]);
        assert_eq!(faults("basic", &[]), ["GRANT_AUTH"]);
        assert_eq!(faults("none", &[]), none);
        assert_eq!(faults("none", &[("PORT", "80")]), ["GRANT_AUTH"]);
        assert_eq!(faults("none", &[("PORT", "80"), ("GRANT_INSECURE", "true")]), none);
        for fetched in [
            ("GRANT_RUNTIME", "lambda"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"),
            ("GRANT_RUNTIME", "poll"),
            ("FUNCTIONS_CUSTOMHANDLER_PORT", "40123"),
            ("K_SERVICE", "s"),
            ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
        ] {
            // A forwarder of the platform's connects from loopback too.
            let listening = ("GRANT_LISTEN", "127.0.0.1:9000");
            assert_eq!(faults("none", &[fetched, listening]), ["GRANT_AUTH"], "{fetched:?}");
            assert_eq!(faults("none", &[fetched]), ["GRANT_AUTH"], "{fetched:?}");
            assert_eq!(faults("none", &[fetched, ("GRANT_INSECURE", "true")]), none);
        }
        assert_eq!(faults("gateway", &[]), ["GRANT_AUTH"]);
        assert_eq!(faults("gateway", &[("GRANT_RUNTIME", "lambda")]), none);
        assert_eq!(faults("gateway", &[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")]), none);
        let served = [("GRANT_RUNTIME", "http"), ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")];
        assert_eq!(faults("gateway", &served), ["GRANT_AUTH"]);
        assert_eq!(faults("api-key", &[]), ["GRANT_API_KEYS"]);
        let signed = format!("a:+{}", "0".repeat(63));
        let nobody = format!("anonymous:{}", "1".repeat(64));
        let of_nothing = "a:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852B855";
        for bad in ["name", ":", "a:00", &*signed, &*nobody, " anonymous : 00", of_nothing] {
            assert_eq!(faults("api-key", &[("GRANT_API_KEYS", bad)]), ["GRANT_API_KEYS"], "{bad}");
        }
    }

    #[test]
    fn one_key_source_decides_the_algorithm() {
        let none: [&str; 0] = [];
        assert_eq!(faults("jwt", &[ISSUER, AUDIENCE, SECRET]), none);
        assert_eq!(faults("jwt", &[ISSUER, AUDIENCE, JWKS]), none);
        assert_eq!(faults("jwt", &[ISSUER, AUDIENCE, SECRET, JWKS]), ["GRANT_JWT_SECRET"]);
        assert_eq!(faults("jwt", &[ISSUER, AUDIENCE]), ["GRANT_JWT_JWKS_URL"]);
        assert_eq!(faults("jwt", &[SECRET]), ["GRANT_JWT_ISSUER", "GRANT_JWT_AUDIENCE"]);
        assert_eq!(faults("jwt", &[ISSUER, AUDIENCE, ("GRANT_JWT_SECRET", "short")]), ["GRANT_JWT_SECRET"]);
        for bad in ["http://idp.example/keys", "idp.example/keys", "https://user@idp.example/"] {
            let faults = faults("jwt", &[ISSUER, AUDIENCE, ("GRANT_JWT_JWKS_URL", bad)]);
            assert_eq!(faults, ["GRANT_JWT_JWKS_URL"], "{bad}");
        }
    }
}
