//! The settings every function has: `GRANT_*`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Env;
use super::runtime::Runtime;
use upload_grant::model::media;
use upload_grant::wire::secret::Secret;

/// Vendor calls per second: whoever wants fewer wants none.
const SLOWEST: f64 = 0.001;

/// Who may send events over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// Nobody: the route does not exist.
    Off,
    /// Callers with the right `events`.
    Caller,
    /// Whoever reaches the function: the network is the guard.
    Trusted,
}

/// The `GRANT_*` settings, defaults applied.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sealing secrets: the first seals, all open.
    pub secrets: Vec<Secret>,
    /// Origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// Lifetime of a grant.
    pub ttl_secs: i64,
    /// Replaces the flow's size limits.
    pub max_bytes: Option<u64>,
    /// Replaces the flow's content types; `type/*` is understood.
    pub content_types: Option<Vec<String>>,
    /// Whether credentials mode is on.
    pub allow_credentials: bool,
    /// Vendor calls per second, instead of the flow's quota.
    pub vendor_rps: Option<f64>,
    /// The most time one request may take.
    pub timeout: Duration,
    /// Bytes that uploads which cannot be streamed hold together.
    pub buffer_bytes: u64,
    /// Cached credentials of one kind.
    pub cache_entries: usize,
    /// Requests at work at the same time.
    pub max_in_flight: usize,
    /// Start of our own URLs, instead of the address the request came to.
    pub public_url: Option<String>,
    /// Path of the bare alias, instead of `/`.
    pub base_path: String,
    /// Who may send events over HTTP.
    pub events: Events,
    /// Whether `/metrics` is open.
    pub metrics: bool,
    /// Whether `X-Forwarded-*` is believed.
    pub trust_proxy: bool,
}

impl Settings {
    /// Reads and checks them; faults are recorded in `env`.
    pub fn from_env(env: &mut Env) -> Self {
        Self {
            secrets: secrets(env),
            cors_origins: cors_origins(env),
            ttl_secs: count(env, "GRANT_TTL_SECONDS", 300).min(604_800).into(),
            max_bytes: positive(env, "GRANT_MAX_BYTES"),
            content_types: content_types(env),
            allow_credentials: env.flag("GRANT_ALLOW_CREDENTIALS", false),
            vendor_rps: rate(env),
            timeout: Duration::from_secs(count(env, "GRANT_TIMEOUT_SECONDS", 25).into()),
            buffer_bytes: positive(env, "GRANT_BUFFER_BYTES").unwrap_or(64 << 20),
            cache_entries: count(env, "GRANT_CACHE_ENTRIES", 16_384) as usize,
            max_in_flight: count(env, "GRANT_MAX_IN_FLIGHT", 1024) as usize,
            public_url: env.optional_endpoint("GRANT_PUBLIC_URL"),
            base_path: base_path(env),
            events: match env.choice("GRANT_EVENTS", &["off", "caller", "trusted"]) {
                "caller" => Events::Caller,
                "trusted" => Events::Trusted,
                _ => Events::Off,
            },
            metrics: env.flag("GRANT_METRICS", false) && Runtime::of(env) == Runtime::Http,
            trust_proxy: env.flag("GRANT_TRUST_PROXY", false),
        }
    }
}

fn secrets(env: &mut Env) -> Vec<Secret> {
    let secrets = env.list("GRANT_SECRET").unwrap_or_default();
    if secrets.iter().any(|secret| secret.len() < 32) {
        env.fault("GRANT_SECRET", "has a secret shorter than 32 bytes");
    }
    secrets.into_iter().map(Secret::from).collect()
}

fn cors_origins(env: &mut Env) -> Vec<String> {
    let mut origins = env.list("GRANT_CORS_ORIGINS").unwrap_or_default();
    if !origins.iter().all(|origin| is_origin(origin)) {
        env.fault(
            "GRANT_CORS_ORIGINS",
            "has an entry that is not an origin like https://app.example (* and null are refused)",
        );
    }
    // The faulty entry is named, and allows nobody.
    origins.retain(|origin| is_origin(origin));
    origins
}

/// Whether it is an origin as browsers write it: `scheme://host`, perhaps with a port. Web views of hybrid apps
/// have schemes of their own: `capacitor://localhost`, `ionic://localhost`, `tauri://localhost`, `app://name`.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    if matches!(scheme, "http" | "https" | "ws" | "wss" | "ftp" | "file") {
        // A wildcard parses as a host, and would never match one.
        return !origin.contains('*')
            && url::Url::parse(origin)
                .is_ok_and(|url| url.origin().is_tuple() && url.origin().ascii_serialization() == origin);
    }
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "1"));
    let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    is_scheme && is_host && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

fn base_path(env: &mut Env) -> String {
    let path = env.get("GRANT_BASE_PATH").unwrap_or_default();
    let path = path.trim_end_matches('/').to_owned();
    if !path.is_empty() && !path.starts_with('/') {
        env.fault("GRANT_BASE_PATH", "does not start with /");
    }
    path
}

/// What may be uploaded; a list without anything in it would allow nothing.
fn content_types(env: &mut Env) -> Option<Vec<String>> {
    let list = env.list("GRANT_CONTENT_TYPES")?;
    let patterns: Option<Vec<String>> = list.iter().map(|text| media::pattern(text)).collect();
    if list.is_empty() || patterns.is_none() {
        env.fault("GRANT_CONTENT_TYPES", "is not a list of type/subtype or type/*");
    }
    patterns
}

fn positive(env: &mut Env, name: &str) -> Option<u64> {
    env.get(name)?;
    let value = env.parse(name, 0_u64, "a whole number of bytes");
    if value == 0 {
        env.fault(name, "is zero");
    }
    (value > 0).then_some(value)
}

fn count(env: &mut Env, name: &str, default: u32) -> u32 {
    let default = NonZeroU32::new(default).unwrap_or(NonZeroU32::MIN);
    env.parse(name, default, "a whole number above zero").get()
}

fn rate(env: &mut Env) -> Option<f64> {
    env.get("GRANT_VENDOR_RPS")?;
    let value = env.parse("GRANT_VENDOR_RPS", 0.0_f64, "a number of calls per second");
    if !(value.is_finite() && value >= SLOWEST) {
        env.fault("GRANT_VENDOR_RPS", "is not at least 0.001, a call in a quarter of an hour");
        return None;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, value: &str) -> Vec<String> {
        let mut env = Env::new([(name.to_owned(), value.to_owned())]);
        Settings::from_env(&mut env);
        let names = env.faults().iter().map(|fault| fault.name.clone());
        names.filter(|fault| fault != "GRANT_AUTH").collect()
    }

    #[test]
    fn origins_are_taken_to_the_letter() {
        for origin in [
            "https://app.example",
            "https://app.example:8443",
            "http://localhost",
            "http://[::1]:5173",
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "https://tauri.localhost",
            "app://obsidian.md",
            "app://localhost:4000",
            "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
            "capacitor-electron://-",
        ] {
            assert!(is_origin(origin), "{origin}");
            assert!(faults("GRANT_CORS_ORIGINS", origin).is_empty(), "{origin}");
        }
        for bad in [
            "*",
            "null",
            "https://*",
            "https://*.app.example",
            "https://app.example/",
            "https://app.example:443",
            "HTTPS://app.example",
            "https://user@app.example",
            "app.example",
            "capacitor://",
            "capacitor://localhost/",
            "capacitor://*",
            "capacitor://localhost:x",
            "capacitor://localhost:",
            "capacitor://a b",
            "1app://localhost",
            "App://localhost",
            "file://",
            "data:text/html,x",
        ] {
            assert!(!is_origin(bad), "{bad}");
            assert_eq!(faults("GRANT_CORS_ORIGINS", bad), ["GRANT_CORS_ORIGINS"], "{bad}");
        }
    }

    #[test]
    fn a_rate_so_slow_that_it_is_none_is_a_fault() {
        for rate in ["1e-300", "5e-324", "0", "-1", "inf", "NaN", "0.0009", "1e-310", "x"] {
            assert_eq!(faults("GRANT_VENDOR_RPS", rate), ["GRANT_VENDOR_RPS"], "{rate}");
        }
        for rate in ["0.001", "5", "1e300"] {
            assert!(faults("GRANT_VENDOR_RPS", rate).is_empty(), "{rate}");
        }
    }
}
