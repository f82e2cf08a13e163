//! Every platform's start contract: the real binary with that platform's environment, and its requests.
//!
//! `BOOTSTRAPS=target/lambda` runs the unpacked release artifacts instead of a debug build.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod http;
mod lambda;
mod poll;
mod process;
mod runtime_api;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A caller's key.
const KEY: &str = "a caller's key";

/// The settings that every manifest makes.
fn settings(runtime: &str) -> Vec<(String, String)> {
    let key = Sha256::digest(KEY).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    [
        ("GRANT_RUNTIME", runtime.to_owned()),
        ("GRANT_AUTH", "api-key".to_owned()),
        ("GRANT_API_KEYS", format!("tester:{key}")),
        ("GRANT_SECRET", upload_grant_tests::SECRET.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A stored event.
fn event(name: &str) -> Value {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(&path).expect(&path)).expect(&path)
}

/// A stored event of a gateway, with the caller's key among its headers.
fn keyed(name: &str) -> Value {
    let mut event = event(name);
    for (headers, value) in [("headers", json!(KEY)), ("multiValueHeaders", json!([KEY]))] {
        if let Some(headers) = event.get_mut(headers).and_then(Value::as_object_mut) {
            headers.insert("x-api-key".to_owned(), value);
        }
    }
    event
}
