//! The console: one page to see the functions work, and where the functions are.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::flow::FLOWS;
use crate::ids;
use crate::lock;
use crate::reply::Reply;

const PAGE: &str = include_str!("console.html");
/// The front ends' own module: the page has it inside, for it loads nothing.
const CHECKSUMS: &str = include_str!("../../../../shared/client/checksums.js");

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

/// The page runs its own script and nothing else, and may talk to functions anywhere.
pub(crate) fn page() -> Reply {
    let nonce = ids::hex32();
    let policy = format!(
        "default-src 'self'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' blob: data:; \
         connect-src *; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // Nothing in the list can end the script.
    let flows = serde_json::to_string(FLOWS).unwrap_or_default().replace('<', "\\u003c");
    let checksums = CHECKSUMS.replace("export async function", "async function");
    let checksums = format!("const checksums = (() => {{\n{checksums}\nreturn checksums;\n}})();");
    let page =
        PAGE.replace("/* CHECKSUMS */", &checksums).replace("NONCE", &nonce).replace("[/* FLOWS */]", &flows);
    Reply::bytes(200, "text/html; charset=utf-8", page)
        .header("content-security-policy", &policy)
        .header("cache-control", "no-store")
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
}
