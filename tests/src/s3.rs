//! An S3 of a few objects on loopback, which checks each presigned read as S3 does.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::Response;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::stub::{Seen, Stub, status};

const KEY_ID: &str = "ASIAEXAMPLEFIXTURE00";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLE//token+of/the=role";
const REGION: &str = "eu-central-1";

/// One object.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Bucket.
    pub bucket: &'static str,
    /// Key, as it is.
    pub key: &'static str,
    /// The only version there is, where the bucket keeps them.
    pub version: Option<&'static str>,
    /// Content.
    pub bytes: &'static [u8],
}

/// The object that the fixtures mean.
pub const FIXTURE: Object = Object {
    bucket: "source-bucket",
    key: "inbox/my report (1).pdf",
    version: Some("096fKKXTRTtl3on89fVO.nfljtsv6qko"),
    bytes: b"hello",
};

/// Starts it with these objects.
///
/// # Panics
/// If it cannot start.
pub async fn start(objects: &'static [Object]) -> Stub {
    Stub::start(move |seen| answer(seen, objects)).await
}

/// What a function needs to read from it.
pub fn env(s3: &Stub) -> Vec<(String, String)> {
    [
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT_URL_S3", &s3.url("")),
        ("GRANT_SOURCE_BUCKETS", "source-bucket"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn answer(seen: &Seen, objects: &[Object]) -> Response {
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let get = |name: &str| pairs.iter().find(|(other, _)| *other == name).map(|(_, value)| decode(value));
    if !signed(path, &pairs, seen.header("host")) {
        return status(403);
    }
    let named = |object: &&Object| {
        decode(path) == format!("/{}/{}", object.bucket, object.key)
            && get("versionId").as_deref() == object.version
    };
    match objects.iter().find(named) {
        Some(object) => {
            // What an uploader says nothing about is this, to S3.
            let is_pdf = object.bytes.starts_with(b"%PDF");
            let content_type = if is_pdf { "application/pdf" } else { "binary/octet-stream" };
            let response = Response::builder().header("content-type", content_type);
            response.body(Body::from(object.bytes)).unwrap_or_default()
        }
        None => status(404),
    }
}

/// Whether the query's signature is the one that the role's key makes of this very request.
fn signed(path: &str, pairs: &[(&str, &str)], host: &str) -> bool {
    let get = |name: &str| pairs.iter().find(|(other, _)| *other == name).map(|(_, value)| decode(value));
    let date = get("X-Amz-Date").unwrap_or_default();
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    let stated = get("X-Amz-Algorithm").as_deref() == Some("AWS4-HMAC-SHA256")
        && get("X-Amz-Credential") == Some(format!("{KEY_ID}/{scope}"))
        && get("X-Amz-Security-Token").as_deref() == Some(TOKEN)
        && get("X-Amz-SignedHeaders").as_deref() == Some("host");
    let mut sorted: Vec<String> = pairs
        .iter()
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    sorted.sort();
    let canonical = format!("GET\n{path}\n{}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD", sorted.join("&"));
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, REGION, "s3", "aws4_request", &to_sign] {
        key = hmac(&key, part.as_bytes());
    }
    stated && get("X-Amz-Signature") == Some(hex(&key))
}

/// HMAC-SHA256.
///
/// # Panics
/// Never: HMAC takes a key of any length.
pub fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).expect("a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(text: &str) -> String {
    let pair = format!("k={}", text.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    decoded.unwrap_or_default()
}
