//! ACS3-HMAC-SHA256, Alibaba Cloud's "signature V3".
//! <https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature>

use super::keys::{Key, Keys, TokenFault};
use super::nonces::Nonces;
use super::{Refused, rpc_v1};
use crate::arrived::Arrived;
use crate::clock::parse_dashed;
use crate::encode::{hex, hmac_sha256, percent, sha256_hex, unpercent};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The three parts of the `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// `Credential`: the key id alone, there is no scope.
    pub key_id: String,
    /// `SignedHeaders`, split.
    pub signed_headers: Vec<String>,
    /// `Signature`.
    pub signature: String,
}

/// Reads the `Authorization` header.
pub fn presented(authorization: &str) -> Option<Presented> {
    let (algorithm, rest) = authorization.split_once(' ')?;
    let part = |name: &str| rest.split(',').find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='));
    if algorithm != ALGORITHM {
        return None;
    }
    Some(Presented {
        key_id: part("Credential")?.to_owned(),
        signed_headers: part("SignedHeaders")?.split(';').map(str::to_owned).collect(),
        signature: part("Signature")?.to_owned(),
    })
}

/// Decoded query, sorted by raw name, encoded again.
pub fn canonical_query(pairs: &[(String, String)]) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort();
    let encoded = sorted.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    encoded.collect::<Vec<_>>().join("&")
}

/// The path with every segment encoded once; a slash inside a segment stays `%2F`.
pub fn canonical_uri(path: &str) -> String {
    path.split('/').map(|segment| percent(&unpercent(segment))).collect::<Vec<_>>().join("/")
}

/// Canonical request over the listed headers; a listed header that did not arrive gives `None`.
pub fn canonical_request(arrived: &Arrived, signed_headers: &[String], body: &[u8]) -> Option<String> {
    let mut headers = String::new();
    for name in signed_headers {
        headers.push_str(&arrived.header_line(name)?);
    }
    let uri = canonical_uri(&arrived.path);
    let query = canonical_query(&arrived.pairs());
    let (method, list, hash) = (&arrived.method, signed_headers.join(";"), sha256_hex(body));
    Some(format!("{method}\n{uri}\n{query}\n{headers}\n{list}\n{hash}"))
}

/// String to sign.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// Signature: the raw secret is the key.
pub fn signature(secret: &str, string_to_sign: &str) -> String {
    hex(&hmac_sha256(secret.as_bytes(), string_to_sign.as_bytes()))
}

/// Everything the gateway checks; gives back the caller's key.
pub fn verify(
    arrived: &Arrived,
    body: &[u8],
    keys: &Keys,
    nonces: &Nonces,
    now: i64,
) -> Result<Key, Refused> {
    let authorization = arrived.header("authorization").unwrap_or_default();
    let claim =
        presented(&authorization).ok_or_else(|| incomplete("Authorization is missing or malformed."))?;
    check_signed_headers(arrived, &claim, body)?;
    check_date(arrived, now)?;
    let key = keys.find(&claim.key_id).ok_or_else(rpc_v1::unknown_key)?;
    let token = arrived.header("x-acs-security-token");
    keys.check_token(&key, token.as_deref(), now).map_err(token_refused)?;

    let Some(canonical) = canonical_request(arrived, &claim.signed_headers, body) else {
        return Err(incomplete("A header named in SignedHeaders was not sent."));
    };
    let text = string_to_sign(&canonical);
    if signature(&key.secret, &text) != claim.signature {
        let shown = canonical.replace('\n', "\\n");
        let message = format!(
            "Specified signature does not match our calculation. server StringToSign is [{}] server CanonicalRequest is [{shown}].",
            text.replace('\n', "\\n")
        );
        return Err(Refused::new(400, "SignatureDoesNotMatch", message));
    }
    let nonce = arrived.header("x-acs-signature-nonce").filter(|text| !text.is_empty());
    let nonce =
        nonce.ok_or_else(|| Refused::new(400, "MissingSignatureNonce", "SignatureNonce is mandatory."))?;
    if !nonces.take(&nonce) {
        return Err(rpc_v1::nonce_used());
    }
    Ok(key)
}

/// `host`, every sent `x-acs-*`, and `content-type` exactly when there is a body, must be signed.
fn check_signed_headers(arrived: &Arrived, claim: &Presented, body: &[u8]) -> Result<(), Refused> {
    let signed = |name: &str| claim.signed_headers.iter().any(|listed| listed == name);
    let has_type = arrived.headers.contains_key("content-type");
    let sent = arrived.header_names();
    for name in
        sent.iter().filter(|name| name.starts_with("x-acs-") || *name == "host" || *name == "content-type")
    {
        if !signed(name) {
            return Err(incomplete(&format!("The header {name} was sent but is not signed.")));
        }
    }
    if body.is_empty() == has_type {
        return Err(incomplete("Content-Type must be sent and signed exactly when there is a body."));
    }
    let mut sorted = claim.signed_headers.clone();
    sorted.sort();
    if sorted != claim.signed_headers {
        return Err(incomplete("SignedHeaders must be sorted."));
    }
    if arrived.header("x-acs-content-sha256") != Some(sha256_hex(body)) {
        let message = "The value of x-acs-content-sha256 does not match the request body.";
        return Err(Refused::new(400, "InvalidParameter.ContentSha256", message));
    }
    Ok(())
}

fn check_date(arrived: &Arrived, now: i64) -> Result<(), Refused> {
    let date = arrived.header("x-acs-date").unwrap_or_default();
    rpc_v1::check_timestamp(parse_dashed(&date), now)
}

fn incomplete(message: &str) -> Refused {
    Refused::new(400, "IncompleteSignature", message)
}

/// Security-token faults in the gateway's own words.
pub(crate) fn token_refused(fault: TokenFault) -> Refused {
    match fault {
        TokenFault::Missing => {
            Refused::new(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
        }
        TokenFault::Unknown => Refused::new(
            400,
            "InvalidSecurityToken.Malformed",
            "The SecurityToken you provided is malformed.",
        ),
        TokenFault::Mismatch => {
            let message = "The SecurityToken you provided does not match the AccessKeyId.";
            Refused::new(400, "InvalidSecurityToken.MismatchWithAccessKey", message)
        }
        TokenFault::Expired => {
            Refused::new(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        }
    }
}
