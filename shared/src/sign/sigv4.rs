//! AWS Signature Version 4 (`AWS4-HMAC-SHA256`), in headers.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::wire::encode::{StackStr, digest_hex, names};
use crate::wire::secret::{Secret, hmac_sha256};
use crate::wire::time::Timestamp;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The derived key of one secret, UTC day, region and service.
#[derive(Clone, Debug)]
pub struct Key {
    mac: Hmac<Sha256>,
    scope: String,
}

/// Step 3: the key derived from secret, UTC date, region and service.
pub fn key(secret: &Secret, region: &str, service: &str, at: Timestamp) -> Key {
    let scope = format!("{}/{region}/{service}/aws4_request", at.date_compact());
    let prefixed = Zeroizing::new(format!("AWS4{}", secret.expose()));
    let mut mac = hmac_sha256(prefixed.as_bytes());
    for part in scope.split('/') {
        mac.update(part.as_bytes());
        let derived = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        mac = hmac_sha256(&*derived);
    }
    Key { mac, scope }
}

/// What is signed, as it is sent.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Upper case.
    pub method: &'a str,
    /// The canonical path, at least `/`.
    pub path: &'a str,
    /// The canonical query, empty without one.
    pub query: &'a str,
    /// The headers to sign, lower-case names in order; `host` and `x-amz-date` must be among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// The exact bytes of the body.
    pub payload: &'a [u8],
}

impl Request<'_> {
    /// Step 1: the canonical request.
    pub fn canonical_request(&self, put: &mut impl FnMut(&str)) {
        for part in [self.method, "\n", self.path, "\n", self.query, "\n"] {
            put(part);
        }
        for (name, value) in self.headers {
            put(name);
            put(":");
            single_spaced(value, put);
            put("\n");
        }
        put("\n");
        names(self.headers, put);
        put("\n");
        put(&digest_hex(&Sha256::digest(self.payload)));
    }
}

/// A header's value without blanks around it, and with single ones inside.
fn single_spaced(value: &str, put: &mut impl FnMut(&str)) {
    for (index, word) in value.split(' ').filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            put(" ");
        }
        put(word);
    }
}

/// Step 2: the string to sign, from the hex SHA-256 of the canonical request.
pub fn string_to_sign(key: &Key, canonical_sha256: &str, at: Timestamp, put: &mut impl FnMut(&str)) {
    for part in [ALGORITHM, "\n", &*at.iso_basic(), "\n", &key.scope, "\n", canonical_sha256] {
        put(part);
    }
}

/// Step 4: the signature in hex, from the hex SHA-256 of the canonical request.
pub fn signature(key: &Key, canonical_sha256: &str, at: Timestamp) -> StackStr<64> {
    let mut mac = key.mac.clone();
    string_to_sign(key, canonical_sha256, at, &mut |part| mac.update(part.as_bytes()));
    digest_hex(&mac.finalize().into_bytes())
}

/// Step 5: the value of the `Authorization` header.
pub fn sign(key: &Key, request: &Request<'_>, key_id: &str, at: Timestamp) -> String {
    let mut out = String::with_capacity(512);
    request.canonical_request(&mut |part| out.push_str(part));
    let signature = signature(key, &digest_hex(&Sha256::digest(&out)), at);

    out.clear();
    for part in [ALGORITHM, " Credential=", key_id, "/", &key.scope, ", SignedHeaders="] {
        out.push_str(part);
    }
    names(request.headers, &mut |part| out.push_str(part));
    out.push_str(", Signature=");
    out.push_str(&signature);
    out
}

/// One call of a service that speaks AWS JSON: a `POST` to `/`.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The `Host` header as the client will send it, with a port where it is not the default one.
    pub host: &'a str,
    /// `application/x-amz-json-1.0` or `-1.1`.
    pub content_type: &'static str,
    /// `X-Amz-Target`: the API's name and version, a dot, the action.
    pub target: &'a str,
    /// The exact bytes sent.
    pub body: &'a [u8],
    /// The id of the key that signs.
    pub key_id: &'a str,
    /// The token of temporary credentials.
    pub token: Option<&'a str>,
}

/// The headers to send with `call`. `host` is signed too and left to the HTTP client.
pub fn headers(key: &Key, call: &Call<'_>, at: Timestamp) -> Vec<(&'static str, String)> {
    let date = at.iso_basic();
    let token = call.token.filter(|token| !token.is_empty());
    let all = [
        ("content-type", Some(call.content_type)),
        ("host", Some(call.host)),
        ("x-amz-date", Some(&*date)),
        ("x-amz-security-token", token),
        ("x-amz-target", Some(call.target)),
    ];
    let signed: Vec<(&'static str, &str)> =
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let request = Request { method: "POST", path: "/", query: "", headers: &signed, payload: call.body };
    let authorization = sign(key, &request, call.key_id, at);
    let sent = signed.into_iter().filter(|(name, _)| *name != "host");
    let sent = sent.map(|(name, value)| (name, value.to_owned()));
    sent.chain([("authorization", authorization)]).collect()
}
