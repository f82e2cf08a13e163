//! What is made of the vendor's temporary keys: a signed request for one file, or the keys themselves.

use serde_json::json;
use upload_grant::model::grant::{Credentials, Enforced, Grant};
use upload_grant::sign::cos;
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::vendor::bucket;

use crate::answer::UsableKeys;
use crate::credential::Place;
use crate::{BACKDATE_SECS, Lke};

/// A presigned PUT with the token as a signed query parameter.
pub(crate) fn put(cx: &Context, upload: &UploadRequest, place: &Place, keys: UsableKeys<'_>) -> Grant {
    let end = upload.expires_at(cx, place.expires_at);
    let terms = upload.put_terms("x-cos-forbid-overwrite");
    let url = presign_put(cx, upload, place, keys, terms.signed_pairs());
    let mut grant = upload.grant::<Lke>(url, place.key.clone(), end, upload.limits(&terms.enforced));
    grant.headers = terms.headers;
    grant
}

/// The URL of a PUT under these headers and `host`, until the grant's end.
pub(crate) fn presign_put<'a>(
    cx: &Context,
    upload: &UploadRequest,
    place: &'a Place,
    keys: UsableKeys<'_>,
    mut headers: Vec<(&'a str, &'a str)>,
) -> String {
    headers.push(("host", bucket::authority(&place.bucket.host)));
    headers.sort_unstable();
    let presign = cos::Presign {
        method: "put",
        base: &place.bucket.host,
        // COS signs the path as it is sent, the bucket of path style included.
        path: &format!("{}/{}", place.bucket.root, place.key),
        params: &[(cos::TOKEN, keys.token.expose())],
        headers: &headers,
        secret_id: keys.id,
    };
    cos::presign(&cos_key(cx, upload, place, keys), &presign)
}

/// The key of the grant's period.
pub(crate) fn cos_key(cx: &Context, upload: &UploadRequest, place: &Place, keys: UsableKeys<'_>) -> cos::Key {
    let start = cx.vendor.to_vendor_time(upload.now.plus(-BACKDATE_SECS));
    let end = cx.vendor.to_vendor_time(upload.expires_at(cx, place.expires_at));
    cos::key(keys.secret, start, end)
}

/// The keys themselves, for cos-js-sdk-v5: the vendor bound them to one path.
pub(crate) fn credentials(
    cx: &Context,
    upload: &UploadRequest,
    place: &Place,
    UsableKeys { id, secret, token }: UsableKeys<'_>,
) -> Grant {
    let expires_at = upload.expires_at(cx, place.expires_at);
    let url = place.bucket.location(&place.key);
    let mut grant = upload.grant::<Lke>(url, place.key.clone(), expires_at, upload.limits(&[Enforced::Key]));
    grant.credentials = Some(Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: secret.expose().to_owned(),
        session_token: token.expose().to_owned(),
        expiration: place.expires_at,
    });
    grant.sdk = Some(json!({ "cos-js-sdk-v5": {
        "TmpSecretId": id,
        "TmpSecretKey": secret.expose(),
        "SecurityToken": token.expose(),
        "StartTime": cx.vendor.to_vendor_time(upload.now.plus(-BACKDATE_SECS)).unix(),
        "ExpiredTime": cx.vendor.to_vendor_time(place.expires_at).unix(),
        // Without it the SDK would use these keys for the next file too.
        "ScopeLimit": true,
        "Bucket": place.bucket.name,
        "Region": place.region,
        "Key": place.key,
    }}));
    grant
}
