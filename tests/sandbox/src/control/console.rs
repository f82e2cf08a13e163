//! The console: one page to see the functions work, and where the functions are.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::flow::FLOWS;
use crate::ids;
use crate::lock;
use crate::reply::Reply;

const PAGE: &str = include_str!("console.html");
/// What the page says of a problem is what this says of it.
const ERRORS: &str = include_str!("../../../../shared/docs/errors.md");

macro_rules! modules {
    ($($name:literal)*) => {
        /// The package for front ends, which the page uses like any other page.
        const CLIENT: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../../shared/client/", $name)))),*];
    };
}
modules!("ask.js" "checksums.js" "file.js" "index.js" "request.js" "retry.js" "upload-all.js" "upload.js");

/// Address of each function, by flow.
pub(crate) struct Functions(Mutex<BTreeMap<String, String>>);

impl Default for Functions {
    fn default() -> Self {
        let urls = (9001..).zip(FLOWS);
        let urls = urls.map(|(port, flow)| (flow.name.to_owned(), format!("http://127.0.0.1:{port}")));
        Self(Mutex::new(urls.collect()))
    }
}

impl Functions {
    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        lock(&self.0).clone()
    }

    /// Says where some of them are.
    pub(crate) fn set(&self, urls: BTreeMap<String, String>) {
        lock(&self.0).extend(urls);
    }
}

/// A module of the client.
pub(crate) fn module(name: &str) -> Reply {
    match CLIENT.iter().find(|(found, _)| *found == name) {
        Some((_, text)) => {
            Reply::bytes(200, "text/javascript; charset=utf-8", *text).header("cache-control", "no-store")
        }
        None => Reply::text(404, "no such module\n"),
    }
}

/// What the page on errors says to do, by the problem's or the vendor's code; a store's have `store:` before them.
fn advice() -> BTreeMap<String, String> {
    let mut advice = BTreeMap::new();
    for line in ERRORS.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let (place, codes) = match cells[0].strip_prefix("store: ") {
            Some(codes) => ("store:", codes),
            None => ("", cells[0]),
        };
        let text = match *cells {
            [_, status, _, text] if status.starts_with(|first: char| first.is_ascii_digit()) => {
                text.to_owned()
            }
            [_, means, act] if codes.starts_with('`') => format!("{means}: {act}"),
            _ => continue,
        };
        for code in codes.split('`').skip(1).step_by(2) {
            advice.entry(format!("{place}{code}")).or_insert_with(|| text.clone());
        }
    }
    advice
}

/// The page runs its own script, which loads the client, and nothing else; it may talk to functions anywhere.
pub(crate) fn page() -> Reply {
    let nonce = ids::hex32();
    let policy = format!(
        "default-src 'self'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' blob: data:; \
         connect-src *; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = PAGE
        .replace("NONCE", &nonce)
        .replace("[/* FLOWS */]", &literal(FLOWS))
        .replace("{/* ADVICE */}", &literal(&advice()));
    Reply::bytes(200, "text/html; charset=utf-8", page)
        .header("content-security-policy", &policy)
        .header("cache-control", "no-store")
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
}

/// As a script may have it: nothing in it can end the script.
fn literal<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default().replace('<', "\\u003c")
}
