//! Tencent Cloud COS, request signature (`sha1`): the presigned URL.
//!
//! <https://cloud.tencent.com/document/product/436/7778>

use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};

use crate::wire::encode::{StackStr, digest_hex, names, percent, percent_path, percent_with};
use crate::wire::secret::{Secret, hmac_sha1};
use crate::wire::time::Timestamp;

/// The query parameter (or header) that carries the token of temporary credentials.
pub const TOKEN: &str = "x-cos-security-token";

/// The derived key of one secret and period.
#[derive(Clone, Debug)]
pub struct Key {
    mac: Hmac<Sha1>,
    time: String,
}

impl Key {
    /// The period the key is for, `KeyTime`: `1774605540;1774605900`.
    pub fn time(&self) -> &str {
        &self.time
    }
}

/// Steps 1 and 2: `KeyTime`, and the key derived from it. `start` a minute back forgives a slow clock.
pub fn key(secret: &Secret, start: Timestamp, end: Timestamp) -> Key {
    let time = format!("{};{}", start.unix(), end.unix());
    Key { mac: hmac_sha1(sign_key(secret, &time).expose().as_bytes()), time }
}

/// Step 2: `SignKey`, hex that is used as text; for the vectors, everyone else keeps a [`Key`].
#[doc(hidden)]
pub fn sign_key(secret: &Secret, key_time: &str) -> Secret {
    let mac = hmac_sha1(secret.expose().as_bytes()).chain_update(key_time);
    Secret::from(&*digest_hex(&mac.finalize().into_bytes()))
}

/// A request to one object that someone else will send.
#[derive(Clone, Copy)]
pub struct Presign<'a> {
    /// Lower case: `put`.
    pub method: &'a str,
    /// `https://{host}`; no slash at the end.
    pub base: &'a str,
    /// The path of the URL, decoded: `/{key}`, or `/{bucket}/{key}` on loopback.
    pub path: &'a str,
    /// Signed query parameters, lower-case names in order, values raw; with temporary credentials [`TOKEN`].
    pub params: &'a [(&'a str, &'a str)],
    /// Signed headers, lower-case names in order, values raw.
    pub headers: &'a [(&'a str, &'a str)],
    /// The id of the key that signs.
    pub secret_id: &'a str,
}

impl Presign<'_> {
    /// Steps 3 and 4, `HttpParameters`: appended to the URL, so this slice of it is what is hashed.
    pub fn parameters(&self, out: &mut String) {
        pairs(self.params, &mut |part| out.push_str(part));
    }

    /// Step 5: `HttpString`.
    pub fn http_string(&self, parameters: &str, put: &mut impl FnMut(&str)) {
        for part in [self.method, "\n", self.path, "\n", parameters, "\n"] {
            put(part);
        }
        pairs(self.headers, put);
        put("\n");
    }
}

/// `name=value` pairs, both sides percent-encoded, joined with `&`.
fn pairs(pairs: &[(&str, &str)], put: &mut impl FnMut(&str)) {
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            put("&");
        }
        percent_with(name, put);
        put("=");
        percent_with(value, put);
    }
}

/// Step 6: `StringToSign`, from the hex SHA-1 of `HttpString`.
pub fn string_to_sign(key: &Key, http_sha1: &str, put: &mut impl FnMut(&str)) {
    for part in ["sha1\n", &key.time, "\n", http_sha1, "\n"] {
        put(part);
    }
}

/// Step 7: the signature in hex, from the hex SHA-1 of `HttpString`.
pub fn signature(key: &Key, http_sha1: &str) -> StackStr<64> {
    let mut mac = key.mac.clone();
    string_to_sign(key, http_sha1, &mut |part| mac.update(part.as_bytes()));
    digest_hex(&mac.finalize().into_bytes())
}

/// The signature of a POST form, in hex, from the text of its policy.
/// <https://cloud.tencent.com/document/product/436/14690>
pub fn form_signature(key: &Key, policy: &str) -> StackStr<64> {
    let mut mac = key.mac.clone();
    mac.update(digest_hex(&Sha1::digest(policy)).as_bytes());
    digest_hex(&mac.finalize().into_bytes())
}

/// The URL to use within the key's period: one buffer, whose parameters are hashed where they stand.
///
/// ```
/// use upload_grant::sign::cos;
/// use upload_grant::wire::secret::Secret;
/// use upload_grant::wire::time::Timestamp;
///
/// // An upload of this type to this key within five minutes, with temporary credentials.
/// let at = Timestamp::parse_rfc3339("2026-11-21T08:00:00Z").ok_or("no instant")?;
/// let key = cos::key(&Secret::from("the temporary secret key"), at.plus(-60), at.plus(300));
/// let request = cos::Presign {
///     method: "put",
///     base: "https://docs-1250000000.cos.ap-jakarta.myqcloud.com",
///     path: "/inbox/01K7.pdf",
///     params: &[(cos::TOKEN, "the token")],
///     headers: &[
///         ("content-type", "application/pdf"),
///         ("host", "docs-1250000000.cos.ap-jakarta.myqcloud.com"),
///     ],
///     secret_id: "AKID",
/// };
/// let url = cos::presign(&key, &request);
/// assert!(url.starts_with(
///     "https://docs-1250000000.cos.ap-jakarta.myqcloud.com/inbox/01K7.pdf?x-cos-security-token=the%20token&"
/// ));
/// # Ok::<(), &str>(())
/// ```
pub fn presign(key: &Key, request: &Presign<'_>) -> String {
    let params: usize = request.params.iter().map(|(n, v)| 2 * (3 * n.len() + 1) + 3 * v.len()).sum();
    let headers: usize = request.headers.iter().map(|(name, _)| name.len() + 3).sum();
    let encoded = 3 * (request.path.len() + request.secret_id.len()) + params + headers;
    let mut url = String::with_capacity(request.base.len() + encoded + 2 * key.time.len() + 200);
    url.push_str(request.base);
    percent_path(&mut url, request.path);
    url.push('?');
    let query = url.len();
    request.parameters(&mut url);

    let mut hash = Sha1::new();
    request.http_string(&url[query..], &mut |part| hash.update(part));
    let signature = signature(key, &digest_hex(&hash.finalize()));

    if !request.params.is_empty() {
        url.push('&');
    }
    url.push_str("q-sign-algorithm=sha1&q-ak=");
    percent(&mut url, request.secret_id);
    for name in ["&q-sign-time=", "&q-key-time="] {
        url.push_str(name);
        percent(&mut url, &key.time);
    }
    url.push_str("&q-header-list=");
    names(request.headers, &mut |part| percent(&mut url, part));
    url.push_str("&q-url-param-list=");
    names(request.params, &mut |part| percent(&mut url, part));
    url.push_str("&q-signature=");
    url.push_str(&signature);
    url
}
