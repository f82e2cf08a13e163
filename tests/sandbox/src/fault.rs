//! Faults: what goes wrong, where, how often.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::lock;
use crate::service::Service;

/// An answer given verbatim instead of the real one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) body: String,
}

/// `true` is "already expired", a number is a life in seconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum ExpiredTokens {
    Switch(bool),
    Life(i64),
}

/// One fault, as `POST /faults` takes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    target: String,
    path_contains: Option<String>,
    /// How often; absent or null is forever.
    times: Option<u64>,
    /// How many matching requests to let pass first.
    #[serde(default)]
    skip: u64,
    latency_ms: Option<u64>,
    #[serde(default)]
    reset: bool,
    raw: Option<Raw>,
    #[serde(default)]
    truncate: bool,
    slow_body_ms: Option<u64>,
    huge: Option<u64>,
    skew_seconds: Option<i64>,
    expired_tokens: Option<ExpiredTokens>,
    /// The damage comes after the request had its effect.
    #[serde(default)]
    after: bool,
}

/// What the matching faults add up to for one request.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they mirror the switches of a fault")]
pub(crate) struct Plan {
    pub(crate) any: bool,
    pub(crate) after: bool,
    pub(crate) latency_ms: u64,
    pub(crate) reset: bool,
    pub(crate) raw: Option<Raw>,
    pub(crate) truncate: bool,
    pub(crate) slow_body_ms: u64,
    pub(crate) huge: Option<u64>,
    pub(crate) skew_seconds: i64,
    /// Life of the credentials issued, where it is not the usual one.
    pub(crate) life: Option<i64>,
}

impl Plan {
    fn add(&mut self, fault: &Fault) {
        self.any = true;
        self.after |= fault.after;
        self.latency_ms += fault.latency_ms.unwrap_or(0);
        self.reset |= fault.reset;
        self.raw = self.raw.take().or_else(|| fault.raw.clone());
        self.truncate |= fault.truncate;
        self.slow_body_ms += fault.slow_body_ms.unwrap_or(0);
        self.huge = self.huge.or(fault.huge);
        self.skew_seconds += fault.skew_seconds.unwrap_or(0);
        let life = match fault.expired_tokens {
            Some(ExpiredTokens::Switch(true)) => Some(0),
            Some(ExpiredTokens::Life(seconds)) => Some(seconds),
            Some(ExpiredTokens::Switch(false)) | None => None,
        };
        self.life = self.life.or(life);
    }
}

/// The faults in force.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        lock(&self.0).push(fault);
    }

    pub(crate) fn all(&self) -> Vec<Fault> {
        lock(&self.0).clone()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Uses up what matches this request.
    pub(crate) fn take(&self, service: Service, path: &str) -> Plan {
        let mut plan = Plan::default();
        lock(&self.0).retain_mut(|fault| {
            let path_matches = fault.path_contains.as_deref().is_none_or(|part| path.contains(part));
            if !path_matches || (fault.target != "*" && fault.target != service.name()) {
                return true;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                return true;
            }
            if fault.times != Some(0) {
                plan.add(fault);
            }
            fault.times = fault.times.map(|n| n.saturating_sub(1));
            fault.times != Some(0)
        });
        plan
    }
}
