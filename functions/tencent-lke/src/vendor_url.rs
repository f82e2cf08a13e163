//! The vendor's own presigned URL, for where it sends no usable credentials.

use upload_grant::model::grant::{Enforced, Grant, OrderedMap};
use upload_grant::model::problem::Problem;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::vendor::{bad_answer, signed_url};

use crate::credential::Place;
use crate::{DOMAINS, Lke};

/// The vendor's own presigned URL: it says itself what it binds.
pub(crate) fn grant(
    cx: &Context,
    upload: &UploadRequest,
    place: &Place,
    signed: &str,
) -> Result<Grant, Problem> {
    let other = || bad_answer("a URL that is not of its bucket and path");
    let url = place.bucket.signed_url(signed, &place.key, &DOMAINS).ok_or_else(other)?;
    let (_, query) = url.split_once('?').ok_or_else(|| bad_answer("no signature in its URL"))?;
    let expires_at = signed_url::parameter(query, "q-sign-time")
        .and_then(|time| time.split_once(';')?.1.parse().ok())
        .map(|end| cx.vendor.to_local_time(Timestamp::from_unix(end)))
        .filter(|end| *end > upload.now)
        .ok_or_else(|| bad_answer("no expiry in its URL"))?;
    let limits = upload.limits(&[Enforced::Key, Enforced::Expiry]);
    let mut grant = upload.grant::<Lke>(url, place.key.clone(), expires_at, limits);
    grant.headers = OrderedMap::new([("Content-Type", &*upload.content_type)]);
    Ok(grant)
}
