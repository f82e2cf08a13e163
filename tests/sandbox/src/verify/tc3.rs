//! TC3-HMAC-SHA256, Tencent Cloud's "signature v3". <https://cloud.tencent.com/document/api/362/4208>

use super::Refused;
use super::keys::{Key, Keys, TokenFault};
use crate::arrived::Arrived;
use crate::clock::day;
use crate::encode::{hex, hmac_sha256, sha256_hex};

const ALGORITHM: &str = "TC3-HMAC-SHA256";
/// Five minutes either way.
const WINDOW: i64 = 300;

/// The three parts of the `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Secret id.
    pub key_id: String,
    /// `date/service/tc3_request`.
    pub scope: String,
    /// `SignedHeaders`, split.
    pub signed_headers: Vec<String>,
    /// `Signature`.
    pub signature: String,
}

/// Reads the `Authorization` header.
pub fn presented(authorization: &str) -> Option<Presented> {
    let rest = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
    let part = |name: &str| rest.split(',').find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='));
    let (key_id, scope) = part("Credential")?.split_once('/')?;
    Some(Presented {
        key_id: key_id.to_owned(),
        scope: scope.to_owned(),
        signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
        signature: part("Signature")?.to_owned(),
    })
}

/// Canonical request; header names and values are lower-cased. A listed header that did not arrive gives `None`.
pub fn canonical_request(arrived: &Arrived, signed_headers: &[String], body: &[u8]) -> Option<String> {
    let mut headers = String::new();
    for name in signed_headers {
        headers.push_str(&arrived.header_line(name)?.to_lowercase());
    }
    let (list, hash) = (signed_headers.join(";"), sha256_hex(body));
    Some(format!("{}\n/\n{}\n{headers}\n{list}\n{hash}", arrived.method, arrived.query))
}

/// Credential scope of an instant.
pub fn credential_scope(timestamp: i64, service: &str) -> String {
    format!("{}/{service}/tc3_request", day(timestamp))
}

/// String to sign.
pub fn string_to_sign(timestamp: i64, scope: &str, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{timestamp}\n{scope}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// The three derived keys: date, service, signing.
pub fn derived_keys(secret: &str, timestamp: i64, service: &str) -> [[u8; 32]; 3] {
    let date = hmac_sha256(format!("TC3{secret}").as_bytes(), day(timestamp).as_bytes());
    let service = hmac_sha256(&date, service.as_bytes());
    [date, service, hmac_sha256(&service, b"tc3_request")]
}

/// Signature.
pub fn signature(signing_key: &[u8; 32], string_to_sign: &str) -> String {
    hex(&hmac_sha256(signing_key, string_to_sign.as_bytes()))
}

/// Everything the gateway checks; gives back the caller's key.
pub fn verify(arrived: &Arrived, body: &[u8], service: &str, keys: &Keys, now: i64) -> Result<Key, Refused> {
    let authorization = arrived.header("authorization").ok_or_else(|| missing("Authorization"))?;
    let Some(claim) = presented(&authorization) else {
        let message = "The request header `Authorization` does not comply with the Tencent Cloud standard.";
        return Err(refused("AuthFailure.InvalidAuthorization", message));
    };
    let stamp = arrived.header("x-tc-timestamp").ok_or_else(|| missing("X-TC-Timestamp"))?;
    let timestamp: i64 =
        stamp.parse().map_err(|_| refused("InvalidParameter", "X-TC-Timestamp is malformed."))?;
    if (now - timestamp).abs() > WINDOW {
        let message =
            "Signature expired. The difference between X-TC-Timestamp and server time exceeds five minutes.";
        return Err(refused("AuthFailure.SignatureExpire", message));
    }
    let key = keys.find(&claim.key_id);
    let key = key.ok_or_else(|| refused("AuthFailure.SecretIdNotFound", "The SecretId is not found."))?;
    match keys.check_token(&key, arrived.header("x-tc-token").as_deref(), now) {
        Ok(()) => {}
        Err(TokenFault::Missing) => {
            return Err(refused("AuthFailure.SecretIdNotFound", "The SecretId is not found."));
        }
        Err(_) => return Err(refused("AuthFailure.TokenFailure", "Token error.")),
    }
    let mandatory =
        ["content-type", "host"].iter().all(|name| claim.signed_headers.iter().any(|h| h == name));
    let canonical = canonical_request(arrived, &claim.signed_headers, body).filter(|_| mandatory);
    let matches = canonical.is_some_and(|canonical| {
        let scope = credential_scope(timestamp, service);
        let text = string_to_sign(timestamp, &scope, &canonical);
        let [_, _, signing] = derived_keys(&key.secret, timestamp, service);
        claim.scope == scope && signature(&signing, &text) == claim.signature
    });
    if !matches || arrived.path != "/" {
        let message =
            "The provided credentials could not be validated. Please check your signature is correct.";
        return Err(refused("AuthFailure.SignatureFailure", message));
    }
    Ok(key)
}

fn missing(name: &str) -> Refused {
    refused("MissingParameter", &format!("The request is missing a required parameter `{name}`."))
}

/// Tencent Cloud says everything inside an HTTP 200.
pub(crate) fn refused(code: &str, message: &str) -> Refused {
    Refused::new(200, code, message)
}
