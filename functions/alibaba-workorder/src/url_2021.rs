//! `GetAttachmentUploadUrl`, 2021-06-10: a URL that the vendor signed, for one file.

use serde_json::Value;
use tokio::time::Instant;
use upload_grant::model::grant::{Enforced, Grant, Pairs};
use upload_grant::model::problem::Problem;
use upload_grant::wire::encode;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Ask, Context};
use upload_grant_runtime::platform::KeyRing;
use upload_grant_runtime::vendor::Attempt;
use upload_grant_runtime::vendor::alibaba::{self, text};
use upload_grant_runtime::vendor::store_bucket::{self, Bucket};

use crate::reply::data;
use crate::{MAX_KEY, Workorder, bad, stored_in};

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
    pub(crate) async fn grant(&self, cx: &Context, ask: &Ask) -> Result<Grant, Problem> {
        let data = self.answer(cx, &ask.object_name(), ask.deadline).await?;
        // The vendor's samples have stray white space in the middle of the URL.
        let signed: String = text(&data, "PutSignedUrl").unwrap_or_default().split_whitespace().collect();
        let key = text(&data, "ObjectKey").unwrap_or_default();
        store_bucket::check_key(&key, MAX_KEY)?;
        let (address, query) = signed.split_once('?').ok_or_else(|| bad("no signed URL"))?;
        let host = store_bucket::bare_host(address, "");
        let (bucket, store) = host.split_once('.').ok_or_else(|| bad("no bucket in its URL"))?;
        let bucket = Bucket::new(bucket, store, "aliyuncs.com", self.oss_endpoint.as_deref())?;
        let end = url_expiry(query).map(|end| cx.vendor.by_our_clock(end));
        let expires_at = end.filter(|end| *end > ask.now).ok_or_else(|| bad("no expiry in its URL"))?;
        let url = format!("{}?{query}", bucket.location(&key));
        let limits = ask.limits(&[Enforced::Key, Enforced::Expiry]);
        let mut grant = ask.grant::<Workorder>(url, key, expires_at, limits);
        // V1 signs the content type, and the vendor signed this one.
        grant.headers = Pairs::new([("Content-Type", "application/octet-stream")]);
        Ok(stored_in(grant, &bucket))
    }

    /// The vendor's `Data` for a file of this name.
    pub(crate) async fn answer(&self, cx: &Context, name: &str, deadline: Instant) -> Result<Value, Problem> {
        let body = encode::query(&[("FileName", name)]);
        let call = alibaba::Call {
            endpoint: &self.endpoint,
            action: ACTION,
            version: VERSION,
            path: "/",
            query: "",
            body: Some((alibaba::FORM, body.as_bytes())),
        };
        let sign = |attempt: &Attempt| call.sign(&self.keys.get(), attempt);
        cx.vendor.call(deadline, sign, |reply| data(reply, "0")).await
    }
}

/// `Expires` of a V1 signed URL: Unix seconds.
fn url_expiry(query: &str) -> Option<Timestamp> {
    let expires = query.split('&').find_map(|pair| pair.strip_prefix("Expires="))?;
    expires.parse().ok().map(Timestamp::from_unix)
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
