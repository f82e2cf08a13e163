//! Every secret that passed through: what the vendors issued, and the signatures and tokens that were presented.
//!
//! For tests that search a function's output for them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::Value;

use crate::arrived::Arrived;
use crate::encode::pairs;
use crate::lock;
use crate::service::Service;
use crate::store;

/// Shorter values are found by chance.
const SHORTEST: usize = 12;

/// Whether the value of a member, parameter or header of that name is one, at that service.
fn is_secret(service: Service, name: &str) -> bool {
    let names = service.vendor().map_or(store::SECRETS, |vendor| vendor.secrets);
    names.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

#[derive(Default)]
pub(crate) struct Secrets(Mutex<BTreeSet<String>>);

impl Secrets {
    /// Keeps what a request presented.
    pub(crate) fn arrived(&self, service: Service, arrived: &Arrived, body: &[u8]) {
        for name in arrived.header_names().iter().filter(|name| is_secret(service, name)) {
            self.keep(&arrived.header(name).unwrap_or_default());
        }
        let authorization = arrived.header("authorization").unwrap_or_default();
        let shown = authorization.rsplit_once("Signature=").map_or(authorization.as_str(), |(_, rest)| rest);
        self.keep(shown.trim_start_matches("Bearer "));
        let body = std::str::from_utf8(body).unwrap_or_default();
        for (name, value) in arrived.pairs().into_iter().chain(pairs(body)) {
            if is_secret(service, &name) {
                self.keep(&value);
            }
        }
        self.json(service, &serde_json::from_str(body).unwrap_or_default());
    }

    /// Keeps what a reply issued.
    pub(crate) fn answered(&self, service: Service, body: &[u8]) {
        self.json(service, &serde_json::from_slice(body).unwrap_or_default());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        lock(&self.0).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    fn json(&self, service: Service, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.json(service, item)),
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if is_secret(service, name) => {
                            self.keep(text);
                        }
                        other => self.json(service, other),
                    }
                }
            }
            _ => {}
        }
    }

    fn keep(&self, text: &str) {
        if text.len() >= SHORTEST {
            lock(&self.0).insert(text.to_owned());
        }
    }
}
