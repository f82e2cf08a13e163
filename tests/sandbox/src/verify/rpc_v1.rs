//! Alibaba Cloud's legacy RPC signature (`SignatureVersion=1.0`): everything is a parameter, HMAC-SHA1.

use super::Refused;
use super::acs3::{canonical_query, token_refused};
use super::keys::{Key, Keys};
use super::nonces::Nonces;
use crate::clock::parse_dashed;
use crate::encode::{base64, hmac_sha1, percent};

/// 15 minutes either way.
const WINDOW: i64 = 900;

/// Canonical query over all parameters except `Signature`.
pub fn canonicalized_query(parameters: &[(String, String)]) -> String {
    let signed: Vec<_> = parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
    canonical_query(&signed)
}

/// String to sign; the canonical query is encoded a second time.
pub fn string_to_sign(method: &str, canonicalized_query: &str) -> String {
    format!("{method}&%2F&{}", percent(canonicalized_query))
}

/// Signature; the key is the secret and an ampersand.
pub fn signature(secret: &str, string_to_sign: &str) -> String {
    base64(&hmac_sha1(format!("{secret}&").as_bytes(), string_to_sign.as_bytes()))
}

/// Everything the gateway checks, over query and form parameters together.
pub fn verify(
    method: &str,
    parameters: &[(String, String)],
    keys: &Keys,
    nonces: &Nonces,
    now: i64,
) -> Result<Key, Refused> {
    let get = |name: &str| {
        let found = parameters.iter().find(|(n, value)| n == name && !value.is_empty());
        let message = format!("{name} is mandatory for this action.");
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| Refused::new(400, &format!("Missing{name}"), message))
    };
    if (get("SignatureMethod")?, get("SignatureVersion")?) != ("HMAC-SHA1", "1.0") {
        let message = "Only HMAC-SHA1 with version 1.0 is supported.";
        return Err(Refused::new(400, "InvalidSignatureMethod", message));
    }
    let (id, nonce, presented) = (get("AccessKeyId")?, get("SignatureNonce")?, get("Signature")?);
    check_timestamp(parse_dashed(get("Timestamp")?), now)?;
    let key = keys.find(id).ok_or_else(unknown_key)?;
    keys.check_token(&key, get("SecurityToken").ok(), now).map_err(token_refused)?;
    let text = string_to_sign(method, &canonicalized_query(parameters));
    if signature(&key.secret, &text) != presented {
        // The real message echoes the string to sign too, and with it the key id and the token.
        let message = format!(
            "Specified signature is not matched with our calculation. server string to sign is:{text}"
        );
        return Err(Refused::new(400, "SignatureDoesNotMatch", message));
    }
    if !nonces.take(nonce) {
        return Err(nonce_used());
    }
    Ok(key)
}

/// The time window shared by both Alibaba signatures.
pub(crate) fn check_timestamp(at: Option<i64>, now: i64) -> Result<(), Refused> {
    let Some(at) = at else {
        let message = "Specified time stamp or date value is not well formatted.";
        return Err(Refused::new(400, "InvalidTimeStamp.Format", message));
    };
    if (now - at).abs() > WINDOW {
        return Err(Refused::new(
            400,
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    Ok(())
}

pub(crate) fn unknown_key() -> Refused {
    Refused::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
}

pub(crate) fn nonce_used() -> Refused {
    Refused::new(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
}
