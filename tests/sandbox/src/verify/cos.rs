//! COS request signature (HMAC-SHA1): `Authorization` header, presigned URL, POST form.
//! <https://cloud.tencent.com/document/product/436/7778>

use super::Refused;
use super::keys::{Key, Keys, TokenFault};
use super::policy::Fields;
use crate::arrived::Arrived;
use crate::encode::{hex, hmac_sha1, percent, sha1_hex, unpercent};

/// The `q-*` values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// `q-ak`.
    pub key_id: String,
    /// `q-sign-time`.
    pub sign_time: String,
    /// `q-key-time`.
    pub key_time: String,
    /// `q-header-list`, split.
    pub header_list: Vec<String>,
    /// `q-url-param-list`, split.
    pub url_param_list: Vec<String>,
    /// `q-signature`.
    pub signature: String,
    /// Security token, from header or query.
    pub token: Option<String>,
}

/// Reads the `q-*` values from the query, else from the `Authorization` header.
pub fn presented(arrived: &Arrived) -> Result<Presented, Refused> {
    let header = arrived.header("authorization").unwrap_or_default();
    let in_query = arrived.parameter("q-signature").is_some();
    let values = if in_query { arrived.pairs() } else { raw_pairs(&header) };
    let get = |name: &str| {
        let found = values.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        found.ok_or_else(|| denied(&format!("The signature is missing {name}.")))
    };
    if values.is_empty() || (!in_query && header.is_empty()) {
        return Err(denied("Access Denied."));
    }
    if get("q-sign-algorithm")? != "sha1" {
        return Err(Refused::new(400, "InvalidArgument", "q-sign-algorithm must be sha1."));
    }
    let list = |text: String| text.split(';').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Ok(Presented {
        key_id: get("q-ak")?,
        sign_time: get("q-sign-time")?,
        key_time: get("q-key-time")?,
        header_list: list(get("q-header-list")?),
        url_param_list: list(get("q-url-param-list")?),
        signature: get("q-signature")?,
        token: arrived.header("x-cos-security-token").or_else(|| arrived.parameter("x-cos-security-token")),
    })
}

/// In the header the values are not encoded, `+` and `;` included.
fn raw_pairs(header: &str) -> Vec<(String, String)> {
    header
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect()
}

/// `HttpString` over what is in the two lists; something listed that did not arrive gives `None`.
pub fn http_string(arrived: &Arrived, claim: &Presented) -> Option<String> {
    let sent: Vec<(String, String)> =
        arrived.pairs().into_iter().map(|(name, value)| (percent(&name).to_lowercase(), value)).collect();
    let mut parameters = Vec::new();
    for name in &claim.url_param_list {
        let (_, value) = sent.iter().find(|(n, _)| n == name)?;
        parameters.push(format!("{name}={}", percent(value)));
    }
    let mut headers = Vec::new();
    for name in &claim.header_list {
        headers.push(format!("{name}={}", percent(&arrived.header(&unpercent(name))?)));
    }
    parameters.sort();
    headers.sort();
    let method = arrived.method.to_lowercase();
    Some(format!("{method}\n{}\n{}\n{}\n", arrived.decoded_path(), parameters.join("&"), headers.join("&")))
}

/// `StringToSign`.
pub fn string_to_sign(sign_time: &str, http_string: &str) -> String {
    format!("sha1\n{sign_time}\n{}\n", sha1_hex(http_string.as_bytes()))
}

/// `SignKey`: 40 hex characters, used as text.
pub fn sign_key(secret: &str, key_time: &str) -> String {
    hex(&hmac_sha1(secret.as_bytes(), key_time.as_bytes()))
}

/// `Signature`, also of a form's `StringToSign`.
pub fn signature(sign_key: &str, string_to_sign: &str) -> String {
    hex(&hmac_sha1(sign_key.as_bytes(), string_to_sign.as_bytes()))
}

/// `StringToSign` of a form: the hash of the policy's JSON text, not of its base64.
pub fn form_string_to_sign(policy_text: &[u8]) -> String {
    sha1_hex(policy_text)
}

/// Everything COS checks before it looks at the body; gives back the caller's key.
pub fn verify(arrived: &Arrived, claim: &Presented, keys: &Keys, now: i64) -> Result<Key, Refused> {
    check_window(&claim.sign_time, now)?;
    check_window(&claim.key_time, now)?;
    let key = find_key(keys, &claim.key_id, claim.token.as_deref(), now)?;
    let http = http_string(arrived, claim);
    let http = http.ok_or_else(|| signature_mismatch("a listed header or parameter was not sent", ""))?;
    let text = string_to_sign(&claim.sign_time, &http);
    if signature(&sign_key(&key.secret, &claim.key_time), &text) != claim.signature {
        return Err(signature_mismatch(&text, &http));
    }
    Ok(key)
}

/// The POST form.
pub fn verify_form(fields: &Fields, policy_text: &[u8], keys: &Keys, now: i64) -> Result<Key, Refused> {
    let get = |name: &str| {
        let message = format!("The form field {name} is missing.");
        fields.get(name).ok_or_else(|| Refused::new(400, "InvalidArgument", message))
    };
    if get("q-sign-algorithm")? != "sha1" {
        return Err(Refused::new(400, "InvalidArgument", "q-sign-algorithm must be sha1."));
    }
    let key_time = get("q-key-time")?;
    check_window(key_time, now)?;
    let key = find_key(keys, get("q-ak")?, fields.get("x-cos-security-token"), now)?;
    let text = form_string_to_sign(policy_text);
    if signature(&sign_key(&key.secret, key_time), &text) != get("q-signature")? {
        return Err(signature_mismatch(&text, ""));
    }
    Ok(key)
}

fn check_window(window: &str, now: i64) -> Result<(), Refused> {
    let bounds = window
        .split_once(';')
        .and_then(|(from, to)| Some((from.parse::<i64>().ok()?, to.parse::<i64>().ok()?)));
    let Some((from, to)) = bounds.filter(|(from, to)| from < to) else {
        return Err(Refused::new(400, "InvalidArgument", "The sign time is malformed."));
    };
    if now < from {
        return Err(denied("Request is not valid yet."));
    }
    if now > to { Err(denied("Request has expired")) } else { Ok(()) }
}

fn find_key(keys: &Keys, id: &str, token: Option<&str>, now: i64) -> Result<Key, Refused> {
    let unknown = || {
        Refused::new(
            403,
            "InvalidAccessKeyId",
            "The Access Key Id you provided does not exist in our records.",
        )
    };
    let key = keys.find(id).ok_or_else(unknown)?;
    keys.check_token(&key, token, now).map_err(|fault| match fault {
        TokenFault::Missing => unknown(),
        TokenFault::Unknown | TokenFault::Mismatch => denied("The security token is invalid."),
        TokenFault::Expired => Refused::new(400, "ExpiredToken", "The provided token has expired."),
    })?;
    Ok(key)
}

fn signature_mismatch(string_to_sign: &str, http_string: &str) -> Refused {
    let message = "The Signature you specified is invalid.";
    Refused::new(403, "SignatureDoesNotMatch", message)
        .with("StringToSign", string_to_sign)
        .with("FormatString", http_string)
}

pub(crate) fn denied(message: &str) -> Refused {
    Refused::new(403, "AccessDenied", message)
}
