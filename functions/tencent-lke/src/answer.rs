//! The vendor's answer, and its codes.

use serde::Deserialize;
use serde_json::Value;
use upload_grant::wire::secret::Secret;
use upload_grant_runtime::vendor::{Refusal, Reply, Why};

/// `Response` of a success. Every member may be absent or null.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Answer {
    pub(crate) credentials: Option<TemporaryKeys>,
    pub(crate) expired_time: Option<i64>,
    pub(crate) bucket: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) upload_path: Option<String>,
    pub(crate) upload_url: Option<String>,
    pub(crate) file_url: Option<String>,
    pub(crate) request_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TemporaryKeys {
    token: Option<Secret>,
    tmp_secret_id: Option<String>,
    tmp_secret_key: Option<Secret>,
}

/// Id, key and token.
pub(crate) type UsableKeys<'a> = (&'a str, &'a Secret, &'a Secret);

impl Answer {
    /// The keys, if none of them is missing.
    pub(crate) fn usable_keys(&self) -> Option<(&str, &Secret, &Secret)> {
        let keys = self.credentials.as_ref()?;
        let some = |secret: &'_ &Secret| !secret.expose().is_empty();
        let id = keys.tmp_secret_id.as_deref().filter(|id| !id.is_empty())?;
        Some((id, keys.tmp_secret_key.as_ref().filter(some)?, keys.token.as_ref().filter(some)?))
    }
}

/// The envelope, with HTTP 200 in success and failure alike.
pub(crate) fn read(reply: &Reply) -> Result<Answer, Refusal> {
    let document = reply.json().unwrap_or_default();
    let Some(response) = document.get("Response").filter(|response| response.is_object()) else {
        return Err(Refusal::by_status(reply));
    };
    let request_id = response.get("RequestId").and_then(Value::as_str);
    if let Some(error) = response.get("Error").filter(|error| !error.is_null()) {
        let code = error.get("Code").and_then(Value::as_str).unwrap_or_default();
        return Err(Refusal::new(why(code), reply, Some(code), request_id));
    }
    let bad = |_| Refusal::new(Why::BadResponse, reply, None, request_id);
    Answer::deserialize(response).map_err(bad)
}

/// Codes are matched whole first, then by what stands before the first dot: sub-codes are added freely.
fn why(code: &str) -> Why {
    match code {
        "AuthFailure.SignatureExpire" => return Why::Clock,
        "UnauthorizedOperation" | "IpInBlacklist" | "IpNotInWhitelist" => return Why::Auth,
        _ => {}
    }
    match code.split('.').next().unwrap_or_default() {
        "RequestLimitExceeded" => Why::Throttled,
        "InternalError" | "ServiceUnavailable" | "ResourceUnavailable" => Why::Transient,
        "AuthFailure" | "UnauthorizedOperation" => Why::Auth,
        "" => Why::BadResponse,
        _ => Why::Rejected,
    }
}
