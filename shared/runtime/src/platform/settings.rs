//! The settings every function has: `GRANT_*`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Env;
use super::runtime::Runtime;
use upload_grant::model::media;
use upload_grant::wire::secret::Secret;

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
    /// Lifetime of a grant in seconds.
    pub ttl: i64,
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
            ttl: count(env, "GRANT_TTL_SECONDS", 300).min(604_800).into(),
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
    let is_origin = |origin: &String| {
        url::Url::parse(origin)
            .is_ok_and(|url| url.origin().is_tuple() && url.origin().ascii_serialization() == *origin)
    };
    if !origins.iter().all(is_origin) {
        env.fault(
            "GRANT_CORS_ORIGINS",
            "has an entry that is not an origin like https://app.example (* and null are refused)",
        );
    }
    // The faulty entry is named, and allows nobody.
    origins.retain(is_origin);
    origins
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
    if !(value.is_finite() && value > 0.0) {
        env.fault("GRANT_VENDOR_RPS", "is not above zero");
        return None;
    }
    Some(value)
}
