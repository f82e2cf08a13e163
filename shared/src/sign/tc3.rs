//! Tencent Cloud API 3.0, signature v3 (`TC3-HMAC-SHA256`).
//!
//! <https://www.tencentcloud.com/document/product/362/4208>

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::wire::encode::{StackStr, decimal, digest_hex, names};
use crate::wire::secret::{Secret, hmac_sha256};
use crate::wire::time::Timestamp;

const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// The derived key of one secret, service and UTC day.
#[derive(Clone, Debug)]
pub struct Key {
    mac: Hmac<Sha256>,
    scope: String,
}

impl Key {
    /// The credential scope: `2026-03-27/lke/tc3_request`.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Whether this is still the key of the day; if not, derive a new one.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.scope.starts_with(&*at.date())
    }
}

/// Step 3, first half: the key derived from secret, UTC date and service.
pub fn key(secret: &Secret, service: &str, at: Timestamp) -> Key {
    let scope = format!("{}/{service}/tc3_request", at.date());
    Key { mac: hmac_sha256(&*signing_key(secret, service, at)), scope }
}

/// The derived key's bytes, for the vectors; everyone else keeps a [`Key`].
#[doc(hidden)]
pub fn signing_key(secret: &Secret, service: &str, at: Timestamp) -> Zeroizing<[u8; 32]> {
    let prefixed = Zeroizing::new(format!("TC3{}", secret.expose()));
    let date = at.date();
    let hmac = |key: &[u8], text: &str| {
        let mac = hmac_sha256(key).chain_update(text);
        Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()))
    };
    let date = hmac(prefixed.as_bytes(), &date);
    let service = hmac(&*date, service);
    hmac(&*service, "tc3_request")
}

/// What is signed, as it is sent. The path is always `/`.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Upper case; `POST` for a JSON body.
    pub method: &'a str,
    /// The canonical query, empty for `POST`.
    pub query: &'a str,
    /// The headers to sign, lower-case names in order; `content-type` and `host` must be among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// The exact bytes of the body (or the word `UNSIGNED-PAYLOAD`).
    pub payload: &'a [u8],
}

impl Request<'_> {
    /// Step 1: the canonical request.
    pub fn canonical_request(&self, put: &mut impl FnMut(&str)) {
        for part in [self.method, "\n/\n", self.query, "\n"] {
            put(part);
        }
        for (name, value) in self.headers {
            put(name);
            put(":");
            lower_case(value.trim(), put);
            put("\n");
        }
        put("\n");
        names(self.headers, put);
        put("\n");
        put(&digest_hex(&Sha256::digest(self.payload)));
    }
}

/// Values are signed in lower case as well.
fn lower_case(text: &str, put: &mut impl FnMut(&str)) {
    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
    // A fold looks at many bytes at a time; `any` would branch at each.
    if !text.bytes().fold(false, |any, byte| any | byte.is_ascii_uppercase()) {
        return put(text);
    }
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase()) {
        let letter = usize::from(byte - b'A');
        put(&text[start..at]);
        put(&LOWER[letter..=letter]);
        start = at + 1;
    }
    put(&text[start..]);
}

/// Step 2: the string to sign, from the hex SHA-256 of the canonical request.
pub fn string_to_sign(key: &Key, canonical_sha256: &str, at: Timestamp, put: &mut impl FnMut(&str)) {
    for part in ["TC3-HMAC-SHA256\n", &*decimal(at.unix()), "\n", &key.scope, "\n", canonical_sha256] {
        put(part);
    }
}

/// Step 3, second half: the signature in hex, from the hex SHA-256 of the canonical request.
pub fn signature(key: &Key, canonical_sha256: &str, at: Timestamp) -> StackStr<64> {
    let mut mac = key.mac.clone();
    string_to_sign(key, canonical_sha256, at, &mut |part| mac.update(part.as_bytes()));
    digest_hex(&mac.finalize().into_bytes())
}

/// Step 4: the value of the `Authorization` header.
pub fn sign(key: &Key, request: &Request<'_>, secret_id: &str, at: Timestamp) -> String {
    // One buffer for both texts: hashing many small pieces costs more than gathering them.
    let headers: usize = request.headers.iter().map(|(name, value)| 2 * name.len() + value.len() + 3).sum();
    let mut out =
        String::with_capacity(192 + request.query.len() + secret_id.len() + key.scope.len() + headers);
    request.canonical_request(&mut |part| out.push_str(part));
    let signature = signature(key, &digest_hex(&Sha256::digest(&out)), at);

    out.clear();
    for part in [ALGORITHM, " Credential=", secret_id, "/", &key.scope, ", SignedHeaders="] {
        out.push_str(part);
    }
    names(request.headers, &mut |part| out.push_str(part));
    out.push_str(", Signature=");
    out.push_str(&signature);
    out
}

/// One call of a Tencent Cloud API: a `POST` of JSON to `/`.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The `Host` header as the client will send it, with a port where it is not the default one.
    pub host: &'a str,
    /// `X-TC-Action`
    pub action: &'a str,
    /// `X-TC-Version`
    pub version: &'a str,
    /// `X-TC-Region`
    pub region: Option<&'a str>,
    /// `X-TC-Language`: `zh-CN` or `en-US`.
    pub language: Option<&'a str>,
    /// The exact bytes sent; `{}` without parameters.
    pub body: &'a [u8],
    /// The id of the key that signs.
    pub secret_id: &'a str,
    /// The token of temporary credentials; an empty one is none.
    pub token: Option<&'a str>,
}

/// The headers to send with `call`. `host` is signed too and left to the HTTP client.
///
/// ```
/// use upload_grant::sign::tc3;
/// use upload_grant::wire::secret::Secret;
/// use upload_grant::wire::time::Timestamp;
///
/// let at = Timestamp::parse_rfc3339("2026-11-21T08:00:00Z").ok_or("no instant")?;
/// let key = tc3::key(&Secret::from("the secret key"), "lke", at);
/// let call = tc3::Call {
///     host: "lke.intl.tencentcloudapi.com",
///     action: "DescribeStorageCredential",
///     version: "2023-11-30",
///     region: Some("ap-jakarta"),
///     language: None,
///     body: br#"{"BotBizId":"1779863007508561920","FileType":"pdf"}"#,
///     secret_id: "AKID",
///     token: None,
/// };
/// let headers = tc3::headers(&key, &call, at);
/// let (_, authorization) = headers.iter().find(|(name, _)| *name == "authorization").ok_or("not signed")?;
/// assert!(authorization.starts_with(
///     "TC3-HMAC-SHA256 Credential=AKID/2026-11-21/lke/tc3_request, SignedHeaders=content-type;host;x-tc-action, "
/// ));
/// # Ok::<(), &str>(())
/// ```
pub fn headers(key: &Key, call: &Call<'_>, at: Timestamp) -> Vec<(&'static str, String)> {
    const JSON: &str = "application/json; charset=utf-8";
    let signed = [("content-type", JSON), ("host", call.host), ("x-tc-action", call.action)];
    let request = Request { method: "POST", query: "", headers: &signed, payload: call.body };
    let authorization = sign(key, &request, call.secret_id, at);

    let timestamp = decimal(at.unix());
    let sent = [
        ("content-type", Some(JSON)),
        ("x-tc-action", Some(call.action)),
        ("x-tc-version", Some(call.version)),
        ("x-tc-timestamp", Some(&*timestamp)),
        ("x-tc-region", call.region),
        ("x-tc-language", call.language),
        ("x-tc-token", call.token.filter(|token| !token.is_empty())),
        ("authorization", Some(&*authorization)),
    ];
    sent.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))).collect()
}
