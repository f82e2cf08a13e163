//! Reading the URL that the vendor signed: whose it is, for which key, until when.

use upload_grant::model::grant::Object;
use upload_grant::model::problem::Problem;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::vendor::bucket::{self, Bucket, OSS_DOMAIN, OSS_MAX_KEY};
use upload_grant_runtime::vendor::{bad_answer, signed_url};

/// A URL that can be used.
pub(crate) struct SignedUrl {
    pub(crate) url: String,
    pub(crate) key: String,
    /// By the vendor's clock.
    pub(crate) expires_at: Timestamp,
    pub(crate) object: Object,
}

impl SignedUrl {
    /// Path and query are kept byte for byte: they are signed. A loopback `over` stands in for the vendor's host.
    pub(crate) fn read(signed: &str, over: Option<&str>) -> Result<Self, Problem> {
        let (address, query) = signed_url::split(signed).ok_or_else(|| bad_answer("no signed URL"))?;
        let (_, rest) = address.split_once("://").ok_or_else(|| bad_answer("no signed URL"))?;
        let (_, path) = rest.split_once('/').ok_or_else(|| bad_answer("no key in its URL"))?;
        let bucket = Bucket::of_host(address, OSS_DOMAIN, over)?;
        let key = signed_url::decoded(path).ok_or_else(|| bad_answer("an unreadable key in its URL"))?;
        bucket::check_key(&key, OSS_MAX_KEY)?;
        let expires_at = end(query).ok_or_else(|| bad_answer("no expiry in its URL"))?;
        let object = bucket.object(&key);
        let url = format!("{}/{path}?{query}", bucket.base());
        Ok(Self { url, key: key.into_owned(), expires_at, object })
    }
}

/// When a URL with a V1 or a V4 signature ends.
fn end(query: &str) -> Option<Timestamp> {
    let value = |name: &str| signed_url::parameter(query, name);
    if let Some(seconds) = value("Expires") {
        return seconds.parse().ok().map(Timestamp::from_unix);
    }
    let date = value("x-oss-date")?;
    let part = |from: usize, to: usize| date.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    let at = Timestamp::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))?;
    // OSS signs for a week at most.
    let life = value("x-oss-expires")?.parse().ok().filter(|life| (0..=604_800).contains(life))?;
    Some(at.plus(life))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_signatures_say_when_they_end() {
        let v4 = "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-date=20250712T121024Z&x-oss-expires=600";
        for (query, unix) in [
            ("Expires=1629350400&OSSAccessKeyId=x&Signature=y", Some(1_629_350_400)),
            (v4, Some(1_752_322_824)),
            ("x-oss-date=20250712T121024Z", None),
            ("x-oss-date=2025é712T121024Z&x-oss-expires=600", None),
            ("x-oss-date=20250712T121024Z&x-oss-expires=9223372036854775807", None),
            ("Expires=soon", None),
            ("OSSAccessKeyId=x", None),
        ] {
            assert_eq!(end(query).map(Timestamp::unix), unix, "{query}");
        }
    }

    #[test]
    fn the_path_stays_to_the_letter_and_the_key_is_what_it_means() {
        let signed =
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/1/2/a%20b%C3%A4.docx?Expires=1629350400&Signature=x%2B";
        let read = SignedUrl::read(signed, None).ok().unwrap();
        assert_eq!((&*read.url, &*read.key), (signed, "1/2/a bä.docx"));
        assert_eq!(read.object.region, "cn-hangzhou");
        let local = SignedUrl::read(signed, Some("http://127.0.0.1:7077")).ok().unwrap();
        assert_eq!(
            local.url,
            "http://127.0.0.1:7077/b-1/1/2/a%20b%C3%A4.docx?Expires=1629350400&Signature=x%2B"
        );
        for url in [
            "https://b-1.evil.example/a?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com@evil.example/a?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/a%2F..%2Fb?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/a%zz?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/%ff?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/a b?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/a#b?Expires=1",
            "https://b-1.oss-cn-hangzhou.aliyuncs.com/a",
            "/a?Expires=1",
            "",
        ] {
            assert!(SignedUrl::read(url, None).is_err(), "{url}");
        }
    }
}
