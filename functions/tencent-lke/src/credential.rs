//! `DescribeStorageCredential`: what is asked, and where the answer puts the file.

use serde_json::json;
use upload_grant::model::problem::Problem;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Context, END_MARGIN_SECS, UploadRequest};
use upload_grant_runtime::vendor::bad_answer;
use upload_grant_runtime::vendor::bucket::{self, Bucket};

use crate::answer::{self, Answer};
use crate::api::{Action, Api};
use crate::handoff::{is_public, type_key};
use crate::{DOMAINS, Lke};

const ACTION: &str = "DescribeStorageCredential";
/// The longest object key COS takes, in bytes.
/// <https://www.tencentcloud.com/document/product/436/13324>
const MAX_KEY: usize = 850;

/// What of the answer a grant is made of.
pub(crate) struct Place {
    pub(crate) bucket: Bucket,
    pub(crate) region: String,
    pub(crate) key: String,
    pub(crate) expires_at: Timestamp,
}

impl Lke {
    /// The vendor's answer for this file.
    pub(crate) async fn describe(&self, cx: &Context, upload: &UploadRequest) -> Result<Answer, Problem> {
        self.describe_by(cx, upload, self.gateway.api).await
    }

    /// The answer of that API, at the site of the configured endpoint.
    pub(crate) async fn describe_by(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        api: Api,
    ) -> Result<Answer, Problem> {
        let body = json!({
            api.application(): upload.required("bot_biz_id"),
            // Without a file type the vendor answers a key for downloads.
            "FileType": upload.extension,
            "IsPublic": is_public(&upload.params, &upload.extension),
            "TypeKey": type_key(&upload.params),
        });
        let other = api.endpoint_at(&self.gateway.endpoint);
        let endpoint = if api == self.gateway.api { &self.gateway.endpoint } else { &other };
        let action = Action { endpoint, api, name: ACTION };
        self.gateway.call(cx, &action, &body, upload.deadline, answer::read).await
    }

    /// Bucket, key and end of what was answered.
    pub(crate) fn place(
        &self,
        cx: &Context,
        answer: &Answer,
        upload_path: &str,
        upload: &UploadRequest,
    ) -> Result<Place, Problem> {
        let need = |value: &Option<String>, name: &str| {
            value.clone().filter(|value| !value.is_empty()).ok_or_else(|| bad_answer(&format!("no {name}")))
        };
        let region = need(&answer.region, "Region")?;
        let kind = answer.r#type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("cos");
        let host = format!("{kind}.{region}.{}", DOMAINS[0]);
        let name = need(&answer.bucket, "Bucket")?;
        let bucket = Bucket::new(&name, &host, DOMAINS[0], self.cos_endpoint.as_deref())?;
        let key = upload_path.strip_prefix('/').unwrap_or(upload_path).to_owned();
        bucket::check_key(&key, MAX_KEY)?;
        let end = Timestamp::from_unix(answer.expired_time.ok_or_else(|| bad_answer("no ExpiredTime"))?);
        let expires_at = cx.vendor.to_local_time(end);
        if upload.expires_in(expires_at) <= END_MARGIN_SECS {
            return Err(bad_answer("an expired credential"));
        }
        Ok(Place { bucket, region, key, expires_at })
    }

    /// `FileUrl`, if it is an address of that file: it is for reading, so without it nothing is lost.
    pub(crate) fn file_url(answer: &Answer, place: &Place) -> Option<String> {
        place.bucket.signed_url(answer.file_url.as_deref()?, &place.key, &DOMAINS)
    }
}
