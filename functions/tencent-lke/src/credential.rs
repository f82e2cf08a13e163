//! The call, as the vendor's page has it: request, signature, and where the answer puts the file.

use bytes::Bytes;
use serde_json::{Value, json};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::sign::tc3;
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Ask, Context};
use upload_grant_runtime::platform::{Env, KeyNames, KeyRing};
use upload_grant_runtime::vendor::store_bucket::{self, Bucket};
use upload_grant_runtime::vendor::{Attempt, Outgoing};

use crate::answer::{self, Answer};
use crate::handoff::type_key;

const SERVICE: &str = "lke";
const ACTION: &str = "DescribeStorageCredential";
const VERSION: &str = "2023-11-30";
/// The longest object key COS takes, in bytes.
/// <https://www.tencentcloud.com/document/product/436/13324>
const MAX_KEY: usize = 850;

/// A client of LKE.
pub(crate) struct LkeApi {
    pub(crate) keys: KeyRing,
    pub(crate) endpoint: String,
    region: String,
    pub(crate) cos_endpoint: Option<String>,
}

/// What of the answer a grant is made of.
pub(crate) struct Place {
    pub(crate) bucket: Bucket,
    pub(crate) region: String,
    pub(crate) key: String,
    pub(crate) expires_at: Timestamp,
}

impl LkeApi {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        Self {
            keys: env.key_ring(
                [
                    KeyNames {
                        id: "TENCENT_SECRET_ID",
                        secret: "TENCENT_SECRET_KEY",
                        token: &["TENCENT_TOKEN", "TENCENT_SECRET_TOKEN"],
                    },
                    // What SCF injects for the function's role.
                    KeyNames {
                        id: "TENCENTCLOUD_SECRETID",
                        secret: "TENCENTCLOUD_SECRETKEY",
                        token: &["TENCENTCLOUD_SESSIONTOKEN"],
                    },
                    KeyNames {
                        id: "TENCENTCLOUD_SECRET_ID",
                        secret: "TENCENTCLOUD_SECRET_KEY",
                        token: &["TENCENTCLOUD_TOKEN"],
                    },
                ],
                "TENCENTCLOUD_RUNENV",
                "TENCENTCLOUD_SECRETID",
            ),
            endpoint: env.endpoint("LKE_ENDPOINT", "https://lke.intl.tencentcloudapi.com"),
            region: env.get("LKE_REGION").unwrap_or_else(|| "ap-jakarta".into()),
            cos_endpoint: env.optional_endpoint("COS_ENDPOINT"),
        }
    }

    /// The vendor's answer for this file.
    pub(crate) async fn describe(&self, cx: &Context, ask: &Ask) -> Result<Answer, Problem> {
        let body = json!({
            "BotBizId": ask.required("bot_biz_id"),
            // Without a file type the vendor answers a key for downloads.
            "FileType": ask.extension,
            "IsPublic": ask.params.get("is_public").and_then(Value::as_bool).unwrap_or(false),
            "TypeKey": type_key(ask),
        });
        let body = Bytes::from(body.to_string());
        cx.vendor.call(ask.deadline, |attempt| self.sign(attempt, &body), answer::read).await
    }

    fn sign(&self, attempt: &Attempt, body: &Bytes) -> Outgoing {
        let keys = self.keys.get();
        let call = tc3::Call {
            host: store_bucket::authority(&self.endpoint),
            action: ACTION,
            version: VERSION,
            region: Some(&self.region),
            language: Some("en-US"),
            body,
            secret_id: &keys.id,
            token: keys.token.as_ref().map(Secret::expose),
        };
        let headers = tc3::headers(&tc3::key(&keys.secret, SERVICE, attempt.at), &call, attempt.at);
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/", self.endpoint),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.clone(),
        }
    }

    /// Bucket, key and end of what was answered.
    pub(crate) fn place(
        &self,
        cx: &Context,
        answer: &Answer,
        upload_path: &str,
        ask: &Ask,
    ) -> Result<Place, Problem> {
        let need = |value: &Option<String>, name: &str| {
            value.clone().filter(|value| !value.is_empty()).ok_or_else(|| bad(&format!("no {name}")))
        };
        let region = need(&answer.region, "Region")?;
        let kind = answer.r#type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("cos");
        let host = format!("{kind}.{region}.myqcloud.com");
        let bucket = Bucket::new(
            &need(&answer.bucket, "Bucket")?,
            &host,
            "myqcloud.com",
            self.cos_endpoint.as_deref(),
        )?;
        let key = upload_path.strip_prefix('/').unwrap_or(upload_path).to_owned();
        store_bucket::check_key(&key, MAX_KEY)?;
        let end = Timestamp::from_unix(answer.expired_time.ok_or_else(|| bad("no ExpiredTime"))?);
        let expires_at = cx.vendor.by_our_clock(end);
        if ask.expires_in(expires_at) <= 30 {
            return Err(bad("an expired credential"));
        }
        Ok(Place { bucket, region, key, expires_at })
    }
}

/// An answer that is not what the vendor documents.
pub(crate) fn bad(what: &str) -> Problem {
    Problem::new(Code::VendorBadResponse, format!("the vendor's answer has {what}"))
}
