//! Every test vector our signers can make, asserted stage by stage: the first stage that differs names itself.
//!
//! The vectors come from the vendors' pages and SDKs, each file says how. What only a verifier meets (OSS V1 and V4
//! headers, multipart, COS headers and forms) is asserted by the sandbox.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test reports by printing and panicking")]

mod acs3;
mod cos;
mod oss4;
mod rpc_v1;
mod secrets;
mod sigv4;
mod ssecp;
mod tc3;

use std::collections::BTreeMap;

use serde_json::Value;
use upload_grant::wire::encode::{self, digest_hex};
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;

/// One vector: reads its members, and compares stages under its own name.
struct Vector<'a>(&'a str, &'a Value);

impl<'a> Vector<'a> {
    fn of(value: &'a Value) -> Self {
        let name = value.get("id").or_else(|| value.get("name")).and_then(Value::as_str);
        Self(name.expect("a vector has an id or a name"), value)
    }

    fn get(&self, pointer: &str) -> Option<&'a str> {
        self.1.pointer(pointer).and_then(Value::as_str)
    }

    fn text(&self, pointer: &str) -> &'a str {
        self.get(pointer).unwrap_or_else(|| panic!("{}: no {pointer}", self.0))
    }

    fn number(&self, pointer: &str) -> i64 {
        self.1.pointer(pointer).and_then(Value::as_i64).unwrap_or_else(|| panic!("{}: no {pointer}", self.0))
    }

    /// The members of an object: raw values, names in lower case, sorted.
    fn sorted(&self, pointer: &str) -> Vec<(String, &'a str)> {
        let mut pairs: Vec<_> =
            self.pairs(pointer).into_iter().map(|(n, v)| (n.to_ascii_lowercase(), v)).collect();
        pairs.sort_unstable();
        pairs
    }

    fn pairs(&self, pointer: &str) -> Vec<(&'a str, &'a str)> {
        let object = self.1.pointer(pointer).and_then(Value::as_object);
        object.into_iter().flatten().map(|(n, v)| (n.as_str(), v.as_str().expect("a text"))).collect()
    }

    fn secret(&self, pointer: &str) -> Secret {
        Secret::from(self.text(pointer))
    }

    fn time(&self, pointer: &str) -> Timestamp {
        Timestamp::parse_rfc3339(self.text(pointer)).expect("a time")
    }

    #[track_caller]
    fn same(&self, stage: &str, ours: &str, theirs: &str) {
        assert!(ours == theirs, "vector {}, stage {stage}:\n  ours   {ours:?}\n  theirs {theirs:?}", self.0);
    }
}

fn refs<'a>(pairs: &'a [(String, &'a str)]) -> Vec<(&'a str, &'a str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), *value)).collect()
}

/// The vectors under `member`, those of `mode` where a file holds several.
fn vectors(file: &str, member: &str, mode: Option<&str>) -> Vec<Value> {
    let path = format!("{}/vectors/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    let Value::Array(mut vectors) = file[member].take() else { panic!("{path}: no {member}") };
    vectors.retain(|vector| mode.is_none_or(|mode| vector["mode"] == mode));
    assert!(!vectors.is_empty(), "{path}: no vector left");
    vectors
}

fn collect(fill: impl FnOnce(&mut dyn FnMut(&str))) -> String {
    let mut text = String::new();
    fill(&mut |part| text.push_str(part));
    text
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    digest_hex(&Sha256::digest(text)).to_string()
}

fn sha1(text: &str) -> String {
    use sha1::{Digest, Sha1};
    digest_hex(&Sha1::digest(text)).to_string()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    encode::hex(&mut text, bytes);
    text
}

/// Address, path and query of a URL, the query decoded and its names in lower case.
fn parts(url: &str) -> (String, BTreeMap<String, String>) {
    let url = url::Url::parse(url).expect("a URL");
    let query = url.query_pairs().map(|(n, v)| (n.to_ascii_lowercase(), v.into_owned())).collect();
    (url.as_str().split('?').next().unwrap_or_default().to_owned(), query)
}
