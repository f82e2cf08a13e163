//! The call, as the vendor's page has it: request, answer, and what is kept of it.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::sign::oss4;
use upload_grant::wire::encode;
use upload_grant::wire::secret::{self, Secret};
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Context, END_MARGIN_SECS, Expires, Fetch};
use upload_grant_runtime::platform::{Env, KeyRing, clock};
use upload_grant_runtime::vendor::alibaba::{self, member, text};
use upload_grant_runtime::vendor::bucket::{self, Bucket};
use upload_grant_runtime::vendor::{self, Refusal, RefusalKind, Reply};

use crate::endpoint::{public_host, region_of};

const ACTION: &str = "GetChatappUploadAuthorization";
const VERSION: &str = "2020-06-06";

/// A client of CAMS.
pub(crate) struct Cams {
    pub(crate) keys: KeyRing,
    pub(crate) endpoint: String,
    oss_endpoint: Option<String>,
    pub(crate) oss_region: Option<String>,
}

/// STS keys for one directory, ready to sign with.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sts {
    pub(crate) id: String,
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub(crate) secret: Secret,
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub(crate) token: Secret,
    #[serde(serialize_with = "secret::serialize_exposed")]
    encoded_token: Secret,
    pub(crate) bucket: Bucket,
    pub(crate) region: String,
    pub(crate) dir: String,
    pub(crate) request_id: Option<String>,
    issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// The day's signing key, derived once.
    #[serde(skip)]
    day: Mutex<Option<oss4::Key>>,
}

impl Cams {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        Self {
            keys: alibaba::keys(env),
            endpoint: env.endpoint("CAMS_ENDPOINT", "https://cams.ap-southeast-1.aliyuncs.com"),
            oss_endpoint: env.optional_endpoint("OSS_ENDPOINT"),
            oss_region: env.get("OSS_REGION"),
        }
    }

    /// `Data` and request id of the vendor's own answer, uncached.
    pub(crate) async fn authorize(
        &self,
        cx: &Context,
        space: &str,
        deadline: Instant,
    ) -> Result<(Value, Option<String>), Problem> {
        let query = encode::query(&[("CustSpaceId", space)]);
        let call = alibaba::Call { query: &query, ..alibaba::Call::post(&self.endpoint, ACTION, VERSION) };
        let sign = |attempt: &_| call.sign(&self.keys.get(), attempt);
        cx.vendor.call(deadline, sign, authorization).await
    }

    /// Normalizes the vendor's `Data`.
    fn read(&self, data: &Value, request_id: Option<&str>, now: Timestamp) -> Result<Sts, Problem> {
        let bad = |what: &str| {
            Problem::new(Code::VendorBadResponse, format!("the vendor's authorization has no usable {what}"))
        };
        let need =
            |name: &str| text(data, name).filter(|value| !value.trim().is_empty()).ok_or_else(|| bad(name));
        let bucket_name = need("BucketName")?;
        let endpoint = text(data, "EndPoint").unwrap_or_default();
        let host = public_host(&bucket::bare_host(&endpoint, &bucket_name));
        let region = region_of(&host).or_else(|| self.oss_region.clone()).ok_or_else(|| bad("region"))?;
        let token = need("SecurityToken")?;
        let mut encoded_token = String::new();
        encode::percent(&mut encoded_token, &token);
        let expire =
            text(data, "Expire").and_then(|expire| expire.parse().ok()).ok_or_else(|| bad("Expire"))?;
        let expires_at = expiry(now, expire);
        if expires_at <= now.plus(END_MARGIN_SECS) {
            return Err(bad("time left"));
        }
        Ok(Sts {
            id: need("AccessKeyId")?,
            secret: need("AccessKeySecret")?.into(),
            token: token.into(),
            encoded_token: encoded_token.into(),
            bucket: Bucket::new(&bucket_name, &host, bucket::OSS_DOMAIN, self.oss_endpoint.as_deref())?,
            region,
            dir: need("Dir")?.trim_matches('/').to_owned(),
            request_id: vendor::request_id(request_id),
            issued_at: now,
            expires_at,
            day: Mutex::default(),
        })
    }
}

impl Fetch for Cams {
    /// The space.
    type Key = String;
    type Credential = Sts;

    async fn fetch(&self, cx: &Context, space: &String, deadline: Instant) -> Result<Sts, Problem> {
        let now = clock::now();
        let (data, request_id) = self.authorize(cx, space, deadline).await?;
        self.read(&data, request_id.as_deref(), now)
    }
}

impl Expires for Sts {
    fn lifetime(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.expires_at)
    }
}

impl Sts {
    /// The key of `at`'s day.
    pub(crate) fn key(&self, at: Timestamp) -> oss4::Key {
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        match &*day {
            Some(key) if key.covers(at) => key.clone(),
            _ => day.insert(oss4::key(&self.secret, &self.region, at)).clone(),
        }
    }

    /// A URL for one request to `object` with these headers, good for `seconds` from `at`.
    pub(crate) fn presign(
        &self,
        method: &str,
        object: &str,
        headers: &[(&str, &str)],
        seconds: i64,
        at: Timestamp,
    ) -> String {
        let has_length = headers.iter().any(|(name, _)| *name == "content-length");
        let presign = oss4::Presign {
            method,
            base: &self.bucket.base(),
            bucket: &self.bucket.name,
            object,
            access_key_id: &self.id,
            encoded_token: Some(self.encoded_token.expose()),
            headers,
            additional: if has_length { &["content-length"] } else { &[] },
            expires: u32::try_from(seconds.max(1)).unwrap_or(1),
        };
        oss4::presign(&self.key(at), &presign, at)
    }

    /// A presigned HEAD of `object`, good for a minute.
    pub(crate) fn presign_head(&self, object: &str, at: Timestamp) -> String {
        self.presign("HEAD", object, &[], 60, at)
    }
}

/// `Data` and request id of a reply whose `Code` is `OK`: a failure can come with HTTP 200.
fn authorization(reply: &Reply) -> Result<(Value, Option<String>), Refusal> {
    let document = alibaba::document(reply)?;
    let request_id = text(&document, "RequestId");
    match text(&document, "Code").as_deref() {
        Some("OK") => {}
        None => return Err(Refusal::new(RefusalKind::BadResponse, reply, None, request_id.as_deref())),
        Some(code) => return Err(alibaba::refusal(reply, code, request_id.as_deref())),
    }
    let data = member(&document, "Data").filter(|data| data.is_object()).cloned();
    match data {
        Some(data) => Ok((data, request_id)),
        None => Err(Refusal::new(RefusalKind::BadResponse, reply, None, request_id.as_deref())),
    }
}

/// What `Expire` counts: a duration as documented, unless it is far too large for one.
pub(crate) enum ExpireUnit {
    /// Seconds from now.
    Duration,
    /// Seconds of Unix time.
    UnixSeconds,
    /// Milliseconds of Unix time.
    UnixMillis,
}

impl ExpireUnit {
    pub(crate) fn of(expire: i64) -> Self {
        match expire {
            1_000_000_000_001.. => Self::UnixMillis,
            1_000_000_001.. => Self::UnixSeconds,
            _ => Self::Duration,
        }
    }
}

/// The instant that `Expire` means.
pub(crate) fn expiry(now: Timestamp, expire: i64) -> Timestamp {
    match ExpireUnit::of(expire) {
        ExpireUnit::UnixMillis => Timestamp::from_unix(expire / 1000),
        ExpireUnit::UnixSeconds => Timestamp::from_unix(expire),
        ExpireUnit::Duration => now.plus(expire),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expire_is_a_duration_unless_it_is_far_too_large_for_one() {
        let now = Timestamp::from_unix(1_700_000_000);
        assert_eq!(expiry(now, 3600).unix(), 1_700_003_600);
        assert_eq!(expiry(now, 1_700_000_900).unix(), 1_700_000_900);
        assert_eq!(expiry(now, 1_700_000_900_000).unix(), 1_700_000_900);
    }
}
