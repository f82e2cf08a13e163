//! `GetAttachmentUploadUrl`, 2021-06-10: a URL that the vendor signed, for one file.

use serde_json::Value;
use tokio::time::Instant;
use upload_grant::model::grant::{Enforced, Grant, OrderedMap};
use upload_grant::model::problem::Problem;
use upload_grant::wire::encode;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::platform::KeyRing;
use upload_grant_runtime::vendor::alibaba::{self, text};
use upload_grant_runtime::vendor::bucket::{self, Bucket, OSS_DOMAIN, OSS_MAX_KEY};
use upload_grant_runtime::vendor::{Attempt, bad_answer, signed_url};

use crate::reply::data;
use crate::{Workorder, stored_in};

pub(crate) const VERSION: &str = "2021-06-10";
const ACTION: &str = "GetAttachmentUploadUrl";

/// A client of the second API.
pub struct UrlApi {
    pub(crate) keys: KeyRing,
    pub(crate) endpoint: String,
    pub(crate) oss_endpoint: Option<String>,
}

impl UrlApi {
    /// A grant under the vendor's signed URL.
    pub(crate) async fn grant(&self, cx: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        self.urls(cx, upload).await.map(|(grant, _)| grant)
    }

    /// The grant, and the vendor's URL to read the file back: a credential too, in no grant and no receipt.
    pub(crate) async fn urls(
        &self,
        cx: &Context,
        upload: &UploadRequest,
    ) -> Result<(Grant, Option<String>), Problem> {
        let data = self.answer(cx, &upload.object_name(), upload.deadline).await?;
        // The vendor's samples have stray white space in the middle of the URL.
        let url = |name: &str| text(&data, name).unwrap_or_default().split_whitespace().collect::<String>();
        let signed = url("PutSignedUrl");
        let key = text(&data, "ObjectKey").unwrap_or_default();
        bucket::check_key(&key, OSS_MAX_KEY)?;
        let bucket = self.bucket(&signed)?;
        let use_of = |signed: &str| bucket.signed_url(signed, &key, &[OSS_DOMAIN]);
        let put = use_of(&signed).ok_or_else(|| bad_answer("no signed URL of its key"))?;
        let (_, query) = put.split_once('?').ok_or_else(|| bad_answer("no signed URL"))?;
        let end = url_expiry(query).map(|end| cx.vendor.to_local_time(end));
        let expires_at =
            end.filter(|end| *end > upload.now).ok_or_else(|| bad_answer("no expiry in its URL"))?;
        let get = use_of(&url("GetSignedUrl"));
        let limits = upload.limits(&[Enforced::Key, Enforced::Expiry]);
        let mut grant = upload.grant::<Workorder>(put, key.clone(), expires_at, limits);
        // V1 signs the content type, and the vendor signed this one.
        grant.headers = OrderedMap::new([("Content-Type", "application/octet-stream")]);
        Ok((stored_in(grant, &bucket), get))
    }

    /// The bucket of a signed URL: in the host of the vendor's, in the path at a configured loopback endpoint.
    fn bucket(&self, signed: &str) -> Result<Bucket, Problem> {
        let over = self.oss_endpoint.as_deref();
        let in_path = over.and_then(|over| signed.strip_prefix(over)?.strip_prefix('/')?.split_once('/'));
        if let Some((name, _)) = in_path {
            return Bucket::new(name, "", OSS_DOMAIN, over);
        }
        Bucket::of_host(signed, OSS_DOMAIN, over)
    }

    /// The vendor's `Data` for a file of this name.
    pub(crate) async fn answer(&self, cx: &Context, name: &str, deadline: Instant) -> Result<Value, Problem> {
        let body = encode::query(&[("FileName", name)]);
        let call = alibaba::Call {
            body: Some((alibaba::FORM, body.as_bytes())),
            ..alibaba::Call::post(&self.endpoint, ACTION, VERSION)
        };
        let sign = |attempt: &Attempt| call.sign(&self.keys.get(), attempt);
        cx.vendor.call(deadline, sign, |reply| data(reply, "0")).await
    }
}

/// `Expires` of a V1 signed URL: Unix seconds.
fn url_expiry(query: &str) -> Option<Timestamp> {
    signed_url::parameter(query, "Expires")?.parse().ok().map(Timestamp::from_unix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_urls_own_end_is_read() {
        let query = "Expires=1629350400&OSSAccessKeyId=x&Signature=y";
        assert_eq!(url_expiry(query), Some(Timestamp::from_unix(1_629_350_400)));
        assert_eq!(url_expiry("OSSAccessKeyId=x"), None);
    }
}
