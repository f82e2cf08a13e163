//! OSS URLs in signature V1, as the services that sign for their callers make them.

use http::HeaderMap;

use crate::arrived::Arrived;
use crate::encode::{percent, percent_path};
use crate::verify::{Place, oss1};

/// Where the object is: V1 signs `/bucket/key`, so any host serves it.
pub(crate) struct Target<'a> {
    pub(crate) host: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

/// A URL for one method, type and object until `expires`, signed by `id` and `secret`.
pub(crate) fn url(
    method: &str,
    target: &Target<'_>,
    content_type: Option<&str>,
    (id, secret): (&str, &str),
    expires: i64,
) -> String {
    let Target { host, bucket, key } = target;
    let value = content_type.and_then(|text| http::HeaderValue::try_from(text).ok());
    let headers: HeaderMap = value.map(|value| (http::header::CONTENT_TYPE, value)).into_iter().collect();
    let path = percent_path(key);
    let request = Arrived::new(method, &format!("/{path}"), headers);
    let place = Place { bucket: (*bucket).to_owned(), key: (*key).to_owned(), region: String::new() };
    let text = oss1::string_to_sign(&request, &place, &expires.to_string());
    let signature = percent(&oss1::signature(secret, &text));
    format!("https://{host}/{path}?Expires={expires}&OSSAccessKeyId={id}&Signature={signature}")
}
