//! Our signatures, each with the floor under it.

use std::hint::black_box;

use upload_grant::sign::{acs3, cos, oss4, tc3};
use upload_grant::wire::encode;
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;

use super::{BUCKET, CONTENT_TYPE, EXPIRES, HOST, KEY_ID, OBJECT, Operation, REGION, SECRET, floor, token};

const OSS_BASE: &str = "https://examplebucket.oss-ap-southeast-1.aliyuncs.com";
const COS_HOST: &str = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com";

fn at() -> Timestamp {
    Timestamp::from_unix(1_774_605_600)
}

/// Each of our signatures, followed by its floor.
pub fn all() -> Vec<[Operation; 2]> {
    vec![oss4(), form(), tc3(), acs3(), cos()]
}

/// The presigned URL at this time, to hold against the others'.
pub fn url(at: Timestamp, encoded_token: &str) -> String {
    let key = oss4::key(&Secret::from(SECRET), REGION, at);
    oss4::presign(&key, &presign(encoded_token), at)
}

fn presign(encoded_token: &str) -> oss4::Presign<'_> {
    oss4::Presign {
        method: "PUT",
        base: OSS_BASE,
        bucket: BUCKET,
        object: OBJECT,
        access_key_id: KEY_ID,
        encoded_token: Some(encoded_token),
        headers: &[("content-type", CONTENT_TYPE), ("host", HOST)],
        additional: &["host"],
        expires: EXPIRES,
    }
}

fn oss4() -> [Operation; 2] {
    let key = oss4::key(&Secret::from(SECRET), REGION, at());
    let mut encoded_token = String::new();
    encode::percent(&mut encoded_token, &token());
    let (mut query, mut canonical, mut to_sign) = (String::new(), 0, 0);
    let request = presign(&encoded_token);
    request.canonical_query(&key, at(), &mut query);
    request.canonical_request(&format!("/{OBJECT}"), &query, &mut |part| canonical += part.len());
    oss4::string_to_sign(&key, &"0".repeat(64), at(), &mut |part| to_sign += part.len());
    let floor = floor::sha256("floor of OSS V4", [floor::digest(canonical), floor::hmac(to_sign) - 1, 1]);
    let sign = move || oss4::presign(&key, black_box(&presign(&encoded_token)), black_box(at())).len();
    [Operation::new("OSS V4 presigned PUT", sign), floor]
}

fn form() -> [Operation; 2] {
    fn post(token: &str) -> oss4::post::Post<'_> {
        oss4::post::Post {
            bucket: BUCKET,
            object: OBJECT,
            access_key_id: KEY_ID,
            token: Some(token),
            content_type: CONTENT_TYPE,
            min_bytes: 1,
            max_bytes: 5 << 20,
            expiration: at().plus(300),
        }
    }
    let (key, token) = (oss4::key(&Secret::from(SECRET), REGION, at()), token());
    let policy = encode::base64(post(&token).policy(&key, at()).as_bytes());
    let floor = floor::sha256("floor of OSS V4 form", [floor::hmac(policy.len()) - 1, 1]);
    let sign = move || {
        let form = oss4::post::form(&key, black_box(&post(&token)), black_box(at()));
        form.iter().map(|(_, value)| value.len()).sum()
    };
    [Operation::new("OSS V4 POST form", sign), floor]
}

fn tc3() -> [Operation; 2] {
    const HEADERS: [(&str, &str); 3] = [
        ("content-type", "application/json; charset=utf-8"),
        ("host", "lke.intl.tencentcloudapi.com"),
        ("x-tc-action", "DescribeStorageCredential"),
    ];
    const PAYLOAD: &[u8] =
        br#"{"BotBizId":"1779863007508561920","FileType":"md","TypeKey":"offline","IsPublic":false}"#;
    let key = tc3::key(&Secret::from(SECRET), "lke", at());
    let request = tc3::Request { method: "POST", query: "", headers: &HEADERS, payload: PAYLOAD };
    let (mut canonical, mut to_sign) = (0, 0);
    request.canonical_request(&mut |part| canonical += part.len());
    tc3::string_to_sign(&key, &"0".repeat(64), at(), &mut |part| to_sign += part.len());
    let runs = [floor::digest(PAYLOAD.len()), floor::digest(canonical), floor::hmac(to_sign) - 1, 1];
    let floor = floor::sha256("floor of TC3", runs);
    let sign = move || tc3::sign(&key, black_box(&request), KEY_ID, black_box(at())).len();
    [Operation::new("TC3 Authorization", sign), floor]
}

fn acs3() -> [Operation; 2] {
    // The SHA-256 of no body, a constant.
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const HEADERS: [(&str, &str); 6] = [
        ("host", "cams.ap-southeast-1.aliyuncs.com"),
        ("x-acs-action", "GetChatappUploadAuthorization"),
        ("x-acs-content-sha256", EMPTY),
        ("x-acs-date", "2026-03-27T10:00:00Z"),
        ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
        ("x-acs-version", "2020-06-06"),
    ];
    let key = acs3::key(&Secret::from(SECRET));
    let request = acs3::Request {
        method: "POST",
        path: "/",
        query: "CustSpaceId=29348393884",
        headers: &HEADERS,
        body_sha256: EMPTY,
    };
    let (mut canonical, mut to_sign) = (0, 0);
    request.canonical_request(&mut |part| canonical += part.len());
    acs3::string_to_sign(&"0".repeat(64), &mut |part| to_sign += part.len());
    let floor = floor::sha256("floor of ACS3", [floor::digest(canonical), floor::hmac(to_sign) - 1, 1]);
    let sign = move || acs3::sign(&key, black_box(&request), KEY_ID).len();
    [Operation::new("ACS3 Authorization", sign), floor]
}

fn cos() -> [Operation; 2] {
    fn presign<'a>(params: &'a [(&'a str, &'a str)]) -> cos::Presign<'a> {
        cos::Presign {
            method: "put",
            base: "https://examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com",
            path: "/100010xabcdef/chatapp/01K5Z3N8Q9W7YB2C4D6E8F0G1H2.png",
            params,
            headers: &[("content-type", CONTENT_TYPE), ("host", COS_HOST)],
            secret_id: KEY_ID,
        }
    }
    let (key, token) = (cos::key(&Secret::from(SECRET), at().plus(-60), at().plus(300)), token());
    let (mut parameters, mut http, mut to_sign) = (String::new(), 0, 0);
    presign(&[(cos::TOKEN, &token)]).parameters(&mut parameters);
    presign(&[(cos::TOKEN, &token)]).http_string(&parameters, &mut |part| http += part.len());
    cos::string_to_sign(&key, &"0".repeat(40), &mut |part| to_sign += part.len());
    let floor = floor::sha1("floor of COS", [floor::digest(http), floor::hmac(to_sign) - 1, 1]);
    let sign = move || cos::presign(&key, black_box(&presign(&[(cos::TOKEN, &token)]))).len();
    [Operation::new("COS presigned PUT", sign), floor]
}
