//! Alibaba Cloud OpenAPI, signature V3 (`ACS3-HMAC-SHA256`).
//!
//! <https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature>

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::wire::encode::{StackStr, digest_hex, names};
use crate::wire::secret::{Secret, hmac_sha256};
use crate::wire::time::Timestamp;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The keyed state of one access key secret; it depends on nothing else, so it may be kept for good.
#[derive(Clone, Debug)]
pub struct Key(Hmac<Sha256>);

/// The key is the secret itself: no date, no region, no suffix.
pub fn key(secret: &Secret) -> Key {
    Key(hmac_sha256(secret.expose().as_bytes()))
}

/// What is signed, as it is sent.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Already percent-encoded; `/` for RPC style.
    pub path: &'a str,
    /// The canonical query of [`crate::wire::encode::query`], which is also the URL's query.
    pub query: &'a str,
    /// The headers to sign: lower-case names in order.
    pub headers: &'a [(&'a str, &'a str)],
    /// Lower-case hex of the body's SHA-256.
    pub body_sha256: &'a str,
}

impl Request<'_> {
    /// Step 1: the canonical request.
    pub fn canonical_request(&self, put: &mut impl FnMut(&str)) {
        for part in [self.method, "\n", self.path, "\n", self.query, "\n"] {
            put(part);
        }
        for (name, value) in self.headers {
            for part in [name, ":", value.trim(), "\n"] {
                put(part);
            }
        }
        put("\n");
        names(self.headers, put);
        put("\n");
        put(self.body_sha256);
    }
}

/// Step 2: the string to sign, from the hex SHA-256 of the canonical request.
pub fn string_to_sign(canonical_sha256: &str, put: &mut impl FnMut(&str)) {
    for part in ["ACS3-HMAC-SHA256\n", canonical_sha256] {
        put(part);
    }
}

/// Step 3: the signature in hex, from the hex SHA-256 of the canonical request.
pub fn signature(key: &Key, canonical_sha256: &str) -> StackStr<64> {
    let mut mac = key.0.clone();
    string_to_sign(canonical_sha256, &mut |part| mac.update(part.as_bytes()));
    digest_hex(&mac.finalize().into_bytes())
}

/// Step 4: the value of the `Authorization` header. The time is in the header `x-acs-date`.
pub fn sign(key: &Key, request: &Request<'_>, access_key_id: &str) -> String {
    // One buffer for both texts: hashing many small pieces costs more than gathering them.
    let headers: usize = request.headers.iter().map(|(name, value)| 2 * name.len() + value.len() + 3).sum();
    let mut out =
        String::with_capacity(192 + request.path.len() + request.query.len() + access_key_id.len() + headers);
    request.canonical_request(&mut |part| out.push_str(part));
    let signature = signature(key, &digest_hex(&Sha256::digest(&out)));

    out.clear();
    for part in [ALGORITHM, " Credential=", access_key_id, ",SignedHeaders="] {
        out.push_str(part);
    }
    names(request.headers, &mut |part| out.push_str(part));
    out.push_str(",Signature=");
    out.push_str(&signature);
    out
}

/// One call of an Alibaba Cloud API.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Upper case.
    pub method: &'a str,
    /// The `Host` header as the client will send it, with a port where it is not the default one.
    pub host: &'a str,
    /// Already percent-encoded; `/` for RPC style.
    pub path: &'a str,
    /// The canonical query of [`crate::wire::encode::query`]; send exactly this.
    pub query: &'a str,
    /// `x-acs-action`
    pub action: &'a str,
    /// `x-acs-version`
    pub version: &'a str,
    /// Present when there is a body.
    pub content_type: Option<&'a str>,
    /// The exact bytes sent.
    pub body: &'a [u8],
    /// The id of the key that signs.
    pub access_key_id: &'a str,
    /// The STS token of temporary credentials; an empty one is none.
    pub token: Option<&'a str>,
    /// Unique per attempt.
    pub nonce: &'a str,
}

/// The headers to send with `call`, all signed but `accept`. `host` is signed too and left to the HTTP client.
///
/// ```
/// use upload_grant::sign::acs3;
/// use upload_grant::wire::encode;
/// use upload_grant::wire::secret::Secret;
/// use upload_grant::wire::time::Timestamp;
///
/// let at = Timestamp::parse_rfc3339("2026-11-21T08:00:00Z").ok_or("no instant")?;
/// let call = acs3::Call {
///     method: "POST",
///     host: "cams.ap-southeast-1.aliyuncs.com",
///     path: "/",
///     query: &encode::query(&[("CustSpaceId", "cams-1")]),
///     action: "GetChatappUploadAuthorization",
///     version: "2020-06-06",
///     content_type: None,
///     body: b"",
///     access_key_id: "LTAI",
///     token: None,
///     nonce: "3156853299f313e23d1673dc12e1703d",
/// };
/// let headers = acs3::headers(&acs3::key(&Secret::from("the access key's secret")), &call, at);
/// let (_, authorization) = headers.iter().find(|(name, _)| *name == "authorization").ok_or("not signed")?;
/// assert!(authorization.starts_with("ACS3-HMAC-SHA256 Credential=LTAI,SignedHeaders=host;x-acs-action;"));
/// # Ok::<(), &str>(())
/// ```
pub fn headers(key: &Key, call: &Call<'_>, at: Timestamp) -> Vec<(&'static str, String)> {
    let (body_sha256, date) = (digest_hex(&Sha256::digest(call.body)), at.rfc3339());
    let in_order = [
        ("content-type", call.content_type),
        ("host", Some(call.host)),
        ("x-acs-action", Some(call.action)),
        ("x-acs-content-sha256", Some(&*body_sha256)),
        ("x-acs-date", Some(&*date)),
        ("x-acs-security-token", call.token.filter(|token| !token.is_empty())),
        ("x-acs-signature-nonce", Some(call.nonce)),
        ("x-acs-version", Some(call.version)),
    ];
    let signed: Vec<_> = in_order.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let Call { method, path, query, .. } = *call;
    let request = Request { method, path, query, headers: &signed, body_sha256: &body_sha256 };
    let authorization = sign(key, &request, call.access_key_id);

    let sent = signed.iter().filter(|(name, _)| *name != "host");
    let mut headers: Vec<_> = sent.map(|&(name, value)| (name, value.to_owned())).collect();
    headers.push(("accept", "application/json".to_owned()));
    headers.push(("authorization", authorization));
    headers
}
