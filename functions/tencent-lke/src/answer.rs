//! The vendor's answer in both its shapes, and its codes.

use serde::Deserialize;
use serde_json::Value;
use upload_grant::wire::secret::Secret;
use upload_grant_runtime::vendor::{Refusal, RefusalKind, Reply, request_id};

/// `Response` of a success. Every member may be absent or null. A proxy may translate between the two APIs, so that
/// either shape is read under either.
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
    storage_path: Option<StoragePath>,
}

/// Where the newer API has the paths: an object with all of them, or the upload path alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoragePath {
    Upload(String),
    Paths(Paths),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Paths {
    upload_path: Option<String>,
    upload_url: Option<String>,
    file_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TemporaryKeys {
    token: Option<Secret>,
    tmp_secret_id: Option<String>,
    tmp_secret_key: Option<Secret>,
}

/// Temporary keys of which no part is missing.
#[derive(Clone, Copy)]
pub(crate) struct UsableKeys<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a Secret,
    pub(crate) token: &'a Secret,
}

impl Answer {
    /// With what is in `StoragePath` where the older API has it.
    fn flat(mut self) -> Self {
        let paths = match self.storage_path.take() {
            Some(StoragePath::Upload(path)) => Paths { upload_path: Some(path), ..Paths::default() },
            Some(StoragePath::Paths(paths)) => paths,
            None => return self,
        };
        self.upload_path = self.upload_path.or(paths.upload_path);
        self.upload_url = self.upload_url.or(paths.upload_url);
        self.file_url = self.file_url.or(paths.file_url);
        self
    }

    /// The keys, if none of them is missing.
    pub(crate) fn usable_keys(&self) -> Option<UsableKeys<'_>> {
        let keys = self.credentials.as_ref()?;
        let some = |secret: &'_ &Secret| !secret.expose().is_empty();
        let id = keys.tmp_secret_id.as_deref().filter(|id| !id.is_empty())?;
        let secret = keys.tmp_secret_key.as_ref().filter(some)?;
        let token = keys.token.as_ref().filter(some)?;
        Some(UsableKeys { id, secret, token })
    }
}

/// A success of `DescribeStorageCredential`.
pub(crate) fn read(reply: &Reply) -> Result<Answer, Refusal> {
    let response = response(reply)?;
    let asked = response.get("RequestId").and_then(Value::as_str).map(str::to_owned);
    let bad = |_| Refusal::new(RefusalKind::BadResponse, reply, None, asked.as_deref());
    let answer = Answer::deserialize(response).map_err(bad)?.flat();
    Ok(Answer { request_id: request_id(answer.request_id.as_deref()), ..answer })
}

/// `Response` of a success of any action: the envelope comes with HTTP 200 in success and failure alike.
pub(crate) fn response(reply: &Reply) -> Result<Value, Refusal> {
    let mut document = reply.json().unwrap_or_default();
    let Some(response) = document.get_mut("Response").filter(|response| response.is_object()) else {
        return Err(Refusal::by_status(reply));
    };
    let request_id = response.get("RequestId").and_then(Value::as_str);
    if let Some(error) = response.get("Error").filter(|error| !error.is_null()) {
        let code = error.get("Code").and_then(Value::as_str).unwrap_or_default();
        return Err(Refusal::new(kind(code), reply, Some(code), request_id));
    }
    Ok(response.take())
}

/// Codes are matched whole first, then by what stands before the first dot: sub-codes are added freely.
fn kind(code: &str) -> RefusalKind {
    match code {
        "AuthFailure.SignatureExpire" => return RefusalKind::Clock,
        "UnauthorizedOperation" | "IpInBlacklist" | "IpNotInWhitelist" => return RefusalKind::Auth,
        _ => {}
    }
    match code.split('.').next().unwrap_or_default() {
        "RequestLimitExceeded" => RefusalKind::Throttled,
        "InternalError" | "ServiceUnavailable" | "ResourceUnavailable" => RefusalKind::Transient,
        "AuthFailure" | "UnauthorizedOperation" => RefusalKind::Auth,
        "" => RefusalKind::BadResponse,
        _ => RefusalKind::Rejected,
    }
}
