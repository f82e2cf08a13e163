//! Alibaba Cloud OpenAPI, the older RPC signature (`HMAC-SHA1`, `SignatureVersion=1.0`).
//!
//! <https://help.aliyun.com/zh/sdk/product-overview/rpc-mechanism>

use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::wire::encode::{base64, percent, percent_with, query};
use crate::wire::secret::{Secret, hmac_sha1};
use crate::wire::time::Timestamp;

/// The keyed state of one access key secret; it depends on nothing else, so it may be kept for good.
#[derive(Clone, Debug)]
pub struct Key(Hmac<Sha1>);

/// The key is the secret with `&` behind it.
pub fn key(secret: &Secret) -> Key {
    Key(hmac_sha1(Zeroizing::new(format!("{}&", secret.expose())).as_bytes()))
}

/// Step 2: the string to sign, from the canonical query of [`crate::wire::encode::query`] over every parameter.
pub fn string_to_sign(method: &str, canonical_query: &str, put: &mut impl FnMut(&str)) {
    put(method);
    put("&%2F&");
    percent_with(canonical_query, put);
}

/// Step 3: the signature in base64.
pub fn sign(key: &Key, method: &str, canonical_query: &str) -> String {
    let mut mac = key.0.clone();
    string_to_sign(method, canonical_query, &mut |part| mac.update(part.as_bytes()));
    base64(&mac.finalize().into_bytes())
}

/// One call of an Alibaba Cloud API.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// `POST` with the form as body (a query would show the credentials in the URL), or `GET`.
    pub method: &'a str,
    /// `Action`
    pub action: &'a str,
    /// `Version`
    pub version: &'a str,
    /// The action's own parameters, unencoded, in any order.
    pub params: &'a [(&'a str, &'a str)],
    /// The id of the key that signs.
    pub access_key_id: &'a str,
    /// The STS token of temporary credentials; an empty one is none.
    pub token: Option<&'a str>,
    /// Unique per attempt.
    pub nonce: &'a str,
}

/// The whole signed form, `application/x-www-form-urlencoded`, with `Signature` last.
pub fn form(key: &Key, call: &Call<'_>, at: Timestamp) -> String {
    // Step 1: everything is a parameter.
    let timestamp = at.rfc3339();
    let mut params = vec![
        ("AccessKeyId", call.access_key_id),
        ("Action", call.action),
        ("Format", "JSON"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", call.nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", &*timestamp),
        ("Version", call.version),
    ];
    params.extend(call.token.filter(|token| !token.is_empty()).map(|token| ("SecurityToken", token)));
    params.extend_from_slice(call.params);

    let mut form = query(&params);
    let signature = sign(key, call.method, &form);
    form.push_str("&Signature=");
    percent(&mut form, &signature);
    form
}
