//! Every secret that passed through: what the vendors issued, and the signatures and tokens that were presented.
//!
//! For tests that search a function's output for them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::Value;

use crate::arrived::Arrived;
use crate::encode::pairs;
use crate::lock;

/// Members of replies whose values are secrets, whatever the spelling's case.
const MEMBERS: [&str; 14] = [
    "accesskeysecret",
    "securitytoken",
    "tmpsecretkey",
    "token",
    "accesstoken",
    "accesswarrantid",
    "warrantid",
    "warrant_id",
    "policy",
    "signature",
    "putsignedurl",
    "uploadurl",
    "requestsign",
    "request_sign",
];
const PARAMETERS: [&str; 7] = [
    "Signature",
    "request_sign",
    "warrant_id",
    "x-oss-signature",
    "x-oss-security-token",
    "q-signature",
    "x-cos-security-token",
];
const HEADERS: [&str; 4] =
    ["ccmessaging-token", "x-acs-security-token", "x-tc-token", "x-cos-security-token"];
/// Shorter values are found by chance.
const SHORTEST: usize = 12;

#[derive(Default)]
pub(crate) struct Secrets(Mutex<BTreeSet<String>>);

impl Secrets {
    /// Keeps what a request presented.
    pub(crate) fn arrived(&self, arrived: &Arrived, body: &[u8]) {
        for name in HEADERS {
            self.keep(&arrived.header(name).unwrap_or_default());
        }
        let authorization = arrived.header("authorization").unwrap_or_default();
        let shown = authorization.rsplit_once("Signature=").map_or(authorization.as_str(), |(_, rest)| rest);
        self.keep(shown.trim_start_matches("Bearer "));
        let body = std::str::from_utf8(body).unwrap_or_default();
        for (name, value) in arrived.pairs().into_iter().chain(pairs(body)) {
            if PARAMETERS.contains(&name.as_str()) {
                self.keep(&value);
            }
        }
        self.json(&serde_json::from_str(body).unwrap_or_default());
    }

    /// Keeps what a reply issued.
    pub(crate) fn answered(&self, body: &[u8]) {
        self.json(&serde_json::from_slice(body).unwrap_or_default());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        lock(&self.0).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }

    fn json(&self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.json(item)),
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(text) if MEMBERS.contains(&name.to_ascii_lowercase().as_str()) => {
                            self.keep(text);
                        }
                        other => self.json(other),
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
