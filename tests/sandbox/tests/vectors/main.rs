//! Every vector and known answer of `tests/vectors/*.json` against the verifiers, stage by stage.
//!
//! A failure names the vector and the stage. Requests are rebuilt as they would arrive, and at the end of each the
//! whole verifier has to accept them at their own time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_push_string,
    clippy::format_collect,
    clippy::print_stdout,
    reason = "test helpers"
)]

mod alibaba;
mod cos;
mod oss;
mod tc3;

use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use upload_grant_sandbox::verify::Refused;
use upload_grant_sandbox::verify::keys::{Key, Keys, Scope};

/// Reads a vector file.
fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The list under `name`.
fn list<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().map_or(&[], Vec::as_slice)
}

/// A string member; null and absent are empty.
fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

/// Members that are strings.
fn members(json: &Value) -> Vec<(String, String)> {
    let object = json.as_object().into_iter().flatten();
    object.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let bytes = |value: &str| HeaderValue::from_bytes(value.as_bytes()).unwrap();
    pairs.into_iter().map(|(name, value)| (HeaderName::try_from(name).unwrap(), bytes(value))).collect()
}

/// The keys a verifier knows while it looks at one vector.
fn keys(id: &str, secret: &str, token: &str) -> Keys {
    let keys = Keys::default();
    let token = Some(token.to_owned()).filter(|token| !token.is_empty());
    keys.add(Key { token, ..Key::long_term(id, secret, Scope::Nothing) });
    keys
}

/// RFC 3339 to Unix seconds.
fn unix(text: &str) -> i64 {
    use time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(text, &Rfc3339).unwrap().unix_timestamp()
}

/// Compares one stage of one vector, and collects what differs.
#[derive(Default)]
struct Report {
    covered: usize,
    failures: Vec<String>,
}

impl Report {
    fn stage(&mut self, id: &str, stage: &str, wanted: &str, got: &str) {
        if wanted != got {
            self.failures.push(format!("{id} / {stage}\n  wanted {wanted:?}\n  got    {got:?}"));
        }
    }

    fn accepted(&mut self, id: &str, result: Result<Key, Refused>) {
        if let Err(refused) = result {
            self.failures.push(format!("{id} / verify\n  {refused:?}"));
        }
    }

    fn finish(self, name: &str) {
        println!("{name}: {} vectors covered", self.covered);
        assert!(self.covered > 0, "{name}: no vectors");
        assert!(self.failures.is_empty(), "{name}: {}\n{}", self.failures.len(), self.failures.join("\n"));
    }
}
