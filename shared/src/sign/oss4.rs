//! Alibaba Cloud OSS, signature V4 (`OSS4-HMAC-SHA256`): the presigned URL. The form is in [`post`].
//!
//! <https://help.aliyun.com/zh/oss/developer-reference/add-signatures-to-urls>

pub mod post;

use std::fmt::Write;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::wire::encode::{StackStr, digest_hex, percent, percent_path, percent_with};
use crate::wire::secret::{Secret, hmac_sha256};
use crate::wire::time::Timestamp;

/// `x-oss-signature-version`
pub const VERSION: &str = "OSS4-HMAC-SHA256";

/// The derived key of one secret, region and UTC day.
#[derive(Clone, Debug)]
pub struct Key {
    mac: Hmac<Sha256>,
    scope: String,
}

impl Key {
    /// The credential scope: `20260327/cn-hangzhou/oss/aliyun_v4_request`.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Whether this is still the key of the day; if not, derive a new one.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.scope.starts_with(&*at.date_compact())
    }
}

/// Step 3: the key derived from secret, UTC date and region (`cn-hangzhou`, no `oss-` in front).
pub fn key(secret: &Secret, region: &str, at: Timestamp) -> Key {
    let scope = format!("{}/{region}/oss/aliyun_v4_request", at.date_compact());
    Key { mac: hmac_sha256(&*signing_key(secret, region, at)), scope }
}

/// The derived key's bytes, for the vectors; everyone else keeps a [`Key`].
#[doc(hidden)]
pub fn signing_key(secret: &Secret, region: &str, at: Timestamp) -> Zeroizing<[u8; 32]> {
    let prefixed = Zeroizing::new(format!("aliyun_v4{}", secret.expose()));
    let hmac = |key: &[u8], text: &str| {
        let mac = hmac_sha256(key).chain_update(text);
        Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()))
    };
    let date = hmac(prefixed.as_bytes(), &at.date_compact());
    let region = hmac(&*date, region);
    let service = hmac(&*region, "oss");
    hmac(&*service, "aliyun_v4_request")
}

/// A request to one object that someone else will send.
#[derive(Clone, Copy)]
pub struct Presign<'a> {
    /// Upper case.
    pub method: &'a str,
    /// `https://{bucket}.{endpoint}`, or `http://127.0.0.1:9000/{bucket}`; no slash at the end.
    pub base: &'a str,
    /// Signed in any case, whether the URL names it in the host or in the path.
    pub bucket: &'a str,
    /// The object's key, raw, without a slash in front.
    pub object: &'a str,
    /// The id of the key that signs.
    pub access_key_id: &'a str,
    /// The STS token of temporary credentials, already percent-encoded ([`percent`]), so that it is encoded once per
    /// credential; an empty one is none.
    pub encoded_token: Option<&'a str>,
    /// The headers to sign, lower-case names in order: `content-type`, `content-md5`, every `x-oss-*`, and those in
    /// `additional`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The names of the other signed headers, lower-case and in order: `content-length`, `host`, …
    pub additional: &'a [&'a str],
    /// Seconds from `at`: 1 to 604800, with a token at most 43200; not checked here, OSS refuses other values.
    pub expires: u32,
}

impl Presign<'_> {
    /// Step 1, the query: appended in the order the signature wants, so this slice of the URL is what is hashed.
    pub fn canonical_query(&self, key: &Key, at: Timestamp, out: &mut String) {
        if !self.additional.is_empty() {
            out.push_str("x-oss-additional-headers=");
            self.additional_names("%3B", &mut |part| out.push_str(part));
            out.push('&');
        }
        out.push_str("x-oss-credential=");
        percent(out, self.access_key_id);
        out.push_str("%2F");
        percent(out, &key.scope);
        out.push_str("&x-oss-date=");
        out.push_str(&at.iso_basic());
        // Writing to a `String` cannot fail.
        let _ = write!(out, "&x-oss-expires={}", self.expires);
        if let Some(token) = self.encoded_token.filter(|token| !token.is_empty()) {
            out.push_str("&x-oss-security-token=");
            out.push_str(token);
        }
        out.push_str("&x-oss-signature-version=");
        out.push_str(VERSION);
    }

    /// Step 1: the canonical request, from the encoded path behind the bucket (`/dir/file.txt`) and the query.
    pub fn canonical_request(&self, path: &str, query: &str, put: &mut impl FnMut(&str)) {
        put(self.method);
        put("\n/");
        percent_with(self.bucket, put);
        for part in [path, "\n", query, "\n"] {
            put(part);
        }
        for (name, value) in self.headers {
            for part in [name, ":", value.trim(), "\n"] {
                put(part);
            }
        }
        put("\n");
        self.additional_names(";", put);
        put("\nUNSIGNED-PAYLOAD");
    }

    fn additional_names(&self, separator: &str, put: &mut impl FnMut(&str)) {
        for (index, name) in self.additional.iter().enumerate() {
            if index > 0 {
                put(separator);
            }
            put(name);
        }
    }
}

/// Step 2: the string to sign, from the hex SHA-256 of the canonical request.
pub fn string_to_sign(key: &Key, canonical_sha256: &str, at: Timestamp, put: &mut impl FnMut(&str)) {
    for part in [VERSION, "\n", &*at.iso_basic(), "\n", &key.scope, "\n", canonical_sha256] {
        put(part);
    }
}

/// Step 4: the signature in hex, from the hex SHA-256 of the canonical request.
pub fn signature(key: &Key, canonical_sha256: &str, at: Timestamp) -> StackStr<64> {
    let mut mac = key.mac.clone();
    string_to_sign(key, canonical_sha256, at, &mut |part| mac.update(part.as_bytes()));
    digest_hex(&mac.finalize().into_bytes())
}

/// The URL to use, until `expires` seconds after `at`: one buffer, whose query is hashed where it stands.
pub fn presign(key: &Key, request: &Presign<'_>, at: Timestamp) -> String {
    let names: usize = request.additional.iter().map(|name| name.len() + 3).sum();
    let encoded = 3 * (request.object.len() + request.access_key_id.len()) + key.scope.len();
    let mut url = String::with_capacity(
        request.base.len() + encoded + names + request.encoded_token.map_or(0, str::len) + 320,
    );
    url.push_str(request.base);
    url.push('/');
    percent_path(&mut url, request.object);
    let path_end = url.len();
    url.push('?');
    request.canonical_query(key, at, &mut url);

    let mut hash = Sha256::new();
    let (path, query) = (&url[request.base.len()..path_end], &url[path_end + 1..]);
    request.canonical_request(path, query, &mut |part| hash.update(part));
    let signature = signature(key, &digest_hex(&hash.finalize()), at);
    url.push_str("&x-oss-signature=");
    url.push_str(&signature);
    url
}
