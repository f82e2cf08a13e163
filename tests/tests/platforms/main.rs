//! Every platform's start contract: the real binary with that platform's environment, and its requests.
//!
//! `BOOTSTRAPS=target/lambda` runs the unpacked release artifacts instead of a debug build.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod http;
mod lambda;
mod poll;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use upload_grant_tests::FLOWS;
use upload_grant_tests::process::{self, Process};

/// A caller's key.
const KEY: &str = "a caller's key";

/// The top of the repository.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The binary of a flow: a debug build, or the artifact in the folder that `BOOTSTRAPS` names.
fn binary(flow: &str) -> PathBuf {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "tells this test what to run, not a function what to do")]
    let release = || Some(PathBuf::from(std::env::var_os("BOOTSTRAPS")?));
    match FOLDER.get_or_init(release) {
        Some(folder) => workspace().join(folder).join(flow).join("bootstrap"),
        None => process::binary(flow),
    }
}

/// Starts `program` with these variables and no others.
fn start(program: &Path, vars: &[(String, String)]) -> Process {
    Process::start(Command::new(program), vars)
}

/// Whether `text` is anywhere in what the function wrote.
fn wrote(process: &Process, text: &str) -> bool {
    process.lines().iter().any(|line| line.to_string().contains(text))
}

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
