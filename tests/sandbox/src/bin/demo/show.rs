//! What the reader sees.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the program's output")]

use sha2::{Digest as _, Sha256};
use upload_grant_sandbox::{FLOWS, Flow, Object, Sandbox, Service};

use crate::Failure;
use crate::flows::FOLDER;

/// The curl pair of every flow.
pub(crate) fn curls(sandbox: &Sandbox, ports: &[u16]) {
    let control = sandbox.url(Service::Control);
    println!("\nThe console, to see it all in a browser: {control}/");
    println!("\nThe sandbox and the functions are up. Paste a pair from the repository's root:");
    println!("the first line asks for a grant, the second sends the file as the grant says.");
    for (flow, port) in FLOWS.iter().zip(ports) {
        let (file, request) = (flow.file, flow.request());
        println!("\n# {}", flow.name);
        println!(
            "curl -sS http://127.0.0.1:{port}/grants -H 'content-type: application/json' -d '{request}' \
             -o {FOLDER}/grant.json"
        );
        println!(
            "curl -sSf '{control}/curl?file={FOLDER}/{file}' --data-binary @{FOLDER}/grant.json \
             -o {FOLDER}/upload.cfg && curl -sS -K {FOLDER}/upload.cfg"
        );
    }
    println!("\n# What the vendors' stores hold now\ncurl -sS {control}/objects");
    println!("\nCtrl-C stops everything.\n");
}

/// Heading of the table of outcomes.
pub(crate) fn heading() {
    println!("{:<18} {:<6} {:>6}  {:<64}  stored", "flow", "mode", "bytes", "SHA-256 of the file");
}

/// One line of the table; false unless the stored object is the file.
pub(crate) fn outcome(flow: &Flow, sent: Result<String, Failure>, stored: Option<&Object>) -> bool {
    let digest: Vec<String> = Sha256::digest(flow.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = digest.concat();
    let (mode, verdict) = match sent {
        Err(failure) => ("-".to_owned(), Err(failure)),
        Ok(mode) => (mode, compare(&digest, flow.bytes.len(), stored)),
    };
    let word = match &verdict {
        Ok(size) => format!("{size} bytes, the same SHA-256"),
        Err(reason) => format!("FAILED: {reason}"),
    };
    println!("{:<18} {mode:<6} {:>6}  {digest}  {word}", flow.name, flow.bytes.len());
    verdict.is_ok()
}

fn compare(digest: &str, size: usize, stored: Option<&Object>) -> Result<u64, Failure> {
    match stored {
        None => Err("nothing was stored".to_owned()),
        Some(object) if object.sha256 == digest && object.size == size as u64 => Ok(object.size),
        Some(object) => Err(format!("stored were {} bytes with SHA-256 {}", object.size, object.sha256)),
    }
}

pub(crate) fn stopped() {
    println!("Stopped.");
}

pub(crate) fn failure(failure: &Failure) {
    eprintln!("{failure}");
}
