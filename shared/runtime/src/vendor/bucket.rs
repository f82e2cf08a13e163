//! Store addresses: whose host it is, where the loopback sandbox stands in for it, and which keys are safe.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{bad_answer, signed_url};
use crate::platform::is_loopback;
use upload_grant::model::grant::Object;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::wire::encode;

/// Where OSS is.
pub const OSS_DOMAIN: &str = "aliyuncs.com";
/// The longest object key OSS takes, in bytes.
/// <https://www.alibabacloud.com/help/en/oss/user-guide/object-naming-conventions>
pub const OSS_MAX_KEY: usize = 1023;

/// A bucket's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Bucket name.
    pub name: String,
    /// Scheme and host without bucket.
    pub endpoint: String,
    /// Scheme and host that requests go to.
    pub host: String,
    /// What stands before `/key` in the path: nothing, or in path style `/bucket`.
    pub root: String,
}

impl Bucket {
    /// The bucket `name` at the vendor's `host` (`oss-ap-southeast-1.aliyuncs.com`), or at the configured
    /// endpoint `over` where the vendor names none. A loopback `over` stands in for any host of the vendor's, in
    /// path style: the host is checked first, so that what is refused in production is refused there too.
    ///
    /// # Errors
    /// `vendor_bad_response` if the name or the host could lead elsewhere than to the vendor's `domain`.
    pub fn new(name: &str, host: &str, domain: &str, over: Option<&str>) -> Result<Self, Problem> {
        let name_fits = (3..=63).contains(&name.len())
            && !name.starts_with('-')
            && !name.ends_with('-')
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !name_fits {
            return Err(bad("the vendor's bucket name is not one"));
        }
        let configured = over.map(authority);
        let host = if host.is_empty() { configured.unwrap_or_default() } else { host };
        if configured != Some(host) && !is_under(host, domain) {
            return Err(bad("the vendor's storage host is not the vendor's"));
        }
        if let Some(over) = over.filter(|over| Url::parse(over).is_ok_and(|url| is_loopback(&url))) {
            let over = over.trim_end_matches('/');
            let root = format!("/{name}");
            return Ok(Self { name: name.into(), endpoint: over.into(), host: over.into(), root });
        }
        let (endpoint, host) = (format!("https://{host}"), format!("https://{name}.{host}"));
        Ok(Self { name: name.into(), endpoint, host, root: String::new() })
    }

    /// As [`Bucket::new`], of a host or URL that begins with the bucket's name: `https://name.oss-cn-x.aliyuncs.com/`.
    ///
    /// # Errors
    /// Those of [`Bucket::new`]; `vendor_bad_response` too for a host without a dot.
    pub fn of_host(written: &str, domain: &str, over: Option<&str>) -> Result<Self, Problem> {
        let host = bare_host(written, "");
        let (name, store) = host.split_once('.').ok_or_else(|| bad_answer("no bucket in its host"))?;
        Self::new(name, store, domain, over)
    }

    /// The URL that a vendor signed for `key` in this bucket, as it can be used: as it is where it leads to this
    /// bucket's address, over the loopback endpoint where that stands in for a host under one of `domains`. None if
    /// it is a URL of anything else.
    pub fn signed_url(&self, signed: &str, key: &str, domains: &[&str]) -> Option<String> {
        let (address, query) = signed_url::split(signed)?;
        let (scheme, rest) = address.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        if let Some(path) = address.strip_prefix(&format!("{}/", self.base())) {
            return is_path_of(path, key).then(|| signed.to_owned());
        }
        let below = host.strip_prefix(&*self.name).and_then(|rest| rest.strip_prefix('.'))?;
        let vendors = domains.iter().any(|domain| is_under(below, domain));
        if !(vendors && ["https", "http"].contains(&scheme) && is_path_of(path, key)) {
            return None;
        }
        // The signature does not cover the scheme, and the loopback sandbox has no other host.
        let base = if self.root.is_empty() { format!("https://{host}") } else { self.base() };
        Some(format!("{base}/{path}?{query}"))
    }

    /// What `/key` is appended to.
    pub fn base(&self) -> String {
        [&*self.host, &*self.root].concat()
    }

    /// The URL of `key`, without signature.
    pub fn location(&self, key: &str) -> String {
        let mut url = [&*self.host, &*self.root, "/"].concat();
        encode::percent_path(&mut url, key);
        url
    }

    /// `key` as a grant's object; its region is known where OSS's own host name has it.
    pub fn object(&self, key: &str) -> Object {
        let store = authority(&self.endpoint);
        let region = store.strip_prefix("oss-").and_then(|rest| rest.strip_suffix(".aliyuncs.com"));
        Object {
            bucket: self.name.clone(),
            region: region.unwrap_or_default().to_owned(),
            endpoint: self.endpoint.clone(),
            location: self.location(key),
        }
    }
}

/// The bare, lower-case host of an endpoint a vendor wrote with or without scheme (`//` too), slash and bucket.
pub fn bare_host(endpoint: &str, bucket: &str) -> String {
    let host = endpoint.trim().to_ascii_lowercase();
    let schemes = ["https://", "http://", "//"];
    let host = schemes.iter().find_map(|scheme| host.strip_prefix(scheme)).unwrap_or(&host);
    let host = host.split('/').next().unwrap_or_default();
    let host = host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.')).unwrap_or(host);
    host.to_owned()
}

/// Whether `host` is a plain host name below `domain`.
pub fn is_under(host: &str, domain: &str) -> bool {
    let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1);
    below
        && host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// Checks a key that a vendor chose.
///
/// # Errors
/// `vendor_bad_response` for a key that a URL parser would turn into another, or that is too long.
pub fn check_key(key: &str, max_bytes: usize) -> Result<(), Problem> {
    let unsafe_segment = key.split('/').any(|segment| matches!(segment, "." | ".."));
    if key.is_empty() || key.starts_with(['/', '\\']) || key.ends_with('/') || unsafe_segment {
        Err(bad("the vendor's object key is not safe"))
    } else if key.len() > max_bytes || key.chars().any(char::is_control) || key.contains("${") {
        Err(bad("the vendor's object key is not usable"))
    } else {
        Ok(())
    }
}

/// The part of a URL between scheme and path, as the `Host` header has it.
pub fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Whether a URL's encoded path is `key`'s, however much of it is encoded.
fn is_path_of(path: &str, key: &str) -> bool {
    signed_url::decoded(path).is_some_and(|path| path == key)
}

fn bad(detail: &str) -> Problem {
    Problem::new(Code::VendorBadResponse, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OSS: &str = "aliyuncs.com";

    #[test]
    fn a_bucket_is_the_vendors_or_the_loopback_one() {
        let host = bare_host("https://cams-1.OSS-ap-southeast-1.aliyuncs.com/", "cams-1");
        assert_eq!(host, "oss-ap-southeast-1.aliyuncs.com");
        let bucket = Bucket::new("cams-1", &host, OSS, None).unwrap();
        assert_eq!(
            bucket.location("a/b c.png"),
            "https://cams-1.oss-ap-southeast-1.aliyuncs.com/a/b%20c.png"
        );
        let configured = Bucket::new("cams-1", "", OSS, Some("https://oss.example.com")).unwrap();
        assert_eq!(configured.location("a"), "https://cams-1.oss.example.com/a");
        for host in [&*host, "", "127.0.0.1:7077"] {
            let local = Bucket::new("cams-1", host, OSS, Some("http://127.0.0.1:7077")).unwrap();
            assert_eq!(local.location("a"), "http://127.0.0.1:7077/cams-1/a");
        }
        for written in
            ["//cams-1.oss-cn-x.aliyuncs.com", "http://oss-cn-x.aliyuncs.com/", "OSS-cn-x.aliyuncs.com"]
        {
            assert_eq!(bare_host(written, "cams-1"), "oss-cn-x.aliyuncs.com");
        }
    }

    #[test]
    fn a_signed_url_is_of_this_bucket_and_key() {
        let host = "oss-cn-x.aliyuncs.com";
        let bucket = Bucket::new("cams-1", host, OSS, None).unwrap();
        let local = Bucket::new("cams-1", host, OSS, Some("http://127.0.0.1:7077")).unwrap();
        let use_of = |bucket: &Bucket, url: &str| bucket.signed_url(url, "a/b c.png", &[OSS]);
        let vendors = "https://cams-1.oss-cn-x.aliyuncs.com/a/b%20c.png?Expires=1";
        assert_eq!(use_of(&bucket, vendors).as_deref(), Some(vendors));
        assert_eq!(use_of(&bucket, &vendors.replace("https", "http")).as_deref(), Some(vendors));
        let at_loopback = "http://127.0.0.1:7077/cams-1/a/b%20c.png?Expires=1";
        assert_eq!(use_of(&local, vendors).as_deref(), Some(at_loopback));
        assert_eq!(use_of(&local, at_loopback).as_deref(), Some(at_loopback));
        for url in [
            at_loopback,
            "javascript:alert(1)//?a",
            "ftp://cams-1.oss-cn-x.aliyuncs.com/a/b%20c.png?Expires=1",
            "https://cams-2.oss-cn-x.aliyuncs.com/a/b%20c.png?Expires=1",
            "https://cams-1.oss-cn-x.aliyuncs.com.evil.com/a/b%20c.png?Expires=1",
            "https://cams-1.evil.com/a/b%20c.png?x.oss-cn-x.aliyuncs.com/a/b%20c.png?Expires=1",
            "https://cams-1.oss-cn-x.aliyuncs.com@evil.com/a/b%20c.png?Expires=1",
            "https://cams-1.oss-cn-x.aliyuncs.com/a/c.png?Expires=1",
            "https://cams-1.oss-cn-x.aliyuncs.com/a/b%2?Expires=1",
            "https://cams-1.oss-cn-x.aliyuncs.com/a/b%20c.png",
            "https://cams-1.oss-cn-x.aliyuncs.com/a/b%20c.png#?Expires=1",
            "https://cams-1.oss-cn-x.aliyuncs.com/a/b c.png?Expires=1",
        ] {
            assert_eq!(use_of(&bucket, url), None, "{url}");
        }
    }

    #[test]
    fn other_hosts_buckets_and_keys_are_refused() {
        for host in [
            "evil.com",
            "aliyuncs.com",
            "oss.aliyuncs.com.evil.com",
            "evil.com#.aliyuncs.com",
            "a@b.aliyuncs.com",
            "eviylaliyuncs.com",
        ] {
            for over in [None, Some("http://127.0.0.1:7077"), Some("https://oss.example.com")] {
                assert!(Bucket::new("cams-1", host, OSS, over).is_err(), "{host} {over:?}");
            }
        }
        for name in ["", "ab", "-ab", "a.b", "a/b", "A-B"] {
            assert!(Bucket::new(name, "oss-cn-x.aliyuncs.com", OSS, None).is_err(), "{name}");
        }
        for key in ["", "/a", "a/", "a/../b", "./a", "a\nb", "a${filename}", "\\a"] {
            assert!(check_key(key, 1023).is_err(), "{key}");
        }
        assert!(check_key("a//b/c.png", 1023).is_ok());
        assert!(check_key(&"k".repeat(1024), 1023).is_err());
    }
}
