//! A bare HTTP client and signers that use the verifiers' own stages, so that a test can change one byte.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use upload_grant_sandbox::verify::{Place, acs3, oss4, tc3};
use upload_grant_sandbox::{Arrived, Sandbox, Service, facts};

/// A response; `status` 0 means the connection broke.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the body had its promised length.
    pub complete: bool,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
    }
}

/// One request, one connection.
#[derive(Clone, Debug)]
pub struct Call {
    pub base: String,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Call {
    pub fn new(base: &str, method: &str, target: &str) -> Self {
        let (base, method, target) = (base.to_owned(), method.to_owned(), target.to_owned());
        Self { base, method, target, headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub async fn send(&self) -> Answer {
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !has("host") {
            head.push_str(&format!("host: {}\r\n", self.host()));
        }
        if !has("content-length") && !has("transfer-encoding") && self.method != "GET" {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        let mut stream = TcpStream::connect(self.host()).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let _ = stream.write_all(&self.body).await;
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Answer { status: 0, head: String::new(), body: all, complete: false };
        };
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: all[end + 4..].to_vec(), complete: true };
        let length = answer.header("content-length").and_then(|text| text.parse().ok());
        answer.complete = length.is_none_or(|length: usize| length == answer.body.len());
        answer
    }
}

pub fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

pub fn dashed(at: i64) -> String {
    let t = time::OffsetDateTime::from_unix_timestamp(at).unwrap();
    t.format(&time::format_description::well_known::Rfc3339).unwrap()
}

pub fn compact(at: i64) -> String {
    dashed(at).replace(['-', ':'], "")
}

pub fn headers(pairs: &[(String, String)]) -> HeaderMap {
    let one = |(name, value): &(String, String)| {
        (HeaderName::try_from(name.as_str()).unwrap(), HeaderValue::try_from(value.as_str()).unwrap())
    };
    pairs.iter().map(one).collect()
}

/// Signs a call with the Alibaba Cloud demo key.
pub fn sign_acs3(mut call: Call, action: &str, version: &str, nonce: &str) -> Call {
    let hash = hex(&<sha2::Sha256 as sha2::Digest>::digest(&call.body));
    call = call
        .header("x-acs-action", action)
        .header("x-acs-version", version)
        .header("x-acs-date", &dashed(now()))
        .header("x-acs-signature-nonce", nonce)
        .header("x-acs-content-sha256", &hash);
    let mut sent = call.headers.clone();
    sent.push(("host".to_owned(), call.host().to_owned()));
    let mut names: Vec<String> = sent.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    let arrived = Arrived::new(&call.method, &call.target, headers(&sent));
    let canonical = acs3::canonical_request(&arrived, &names, &call.body).unwrap();
    let signature = acs3::signature(facts::ALIBABA_KEY_SECRET, &acs3::string_to_sign(&canonical));
    let (id, list) = (facts::ALIBABA_KEY_ID, names.join(";"));
    let value = format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={list},Signature={signature}");
    call.header("authorization", &value)
}

/// Asks LKE for a storage credential.
pub async fn lke(sandbox: &Sandbox, body: &str) -> Value {
    lke_call(sandbox, ("lke", "2023-11-30"), "DescribeStorageCredential", body).await
}

/// Calls a service and version of LKE with the Tencent Cloud demo key.
pub async fn lke_call(sandbox: &Sandbox, api: (&str, &str), action: &str, body: &str) -> Value {
    let (service, version) = api;
    let call = Call::new(&sandbox.url(Service::Lke), "POST", "/")
        .body(body)
        .header("content-type", "application/json");
    let (at, host) = (now(), call.host().to_owned());
    let sent = [("content-type", "application/json"), ("host", &host), ("x-tc-action", action)];
    let sent: Vec<_> = sent.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let names: Vec<String> = sent.iter().map(|(name, _)| name.clone()).collect();
    let arrived = Arrived::new("POST", "/", headers(&sent));
    let canonical = tc3::canonical_request(&arrived, &names, body.as_bytes()).unwrap();
    let scope = tc3::credential_scope(at, service);
    let [_, _, key] = tc3::derived_keys(facts::TENCENT_SECRET_KEY, at, service);
    let signature = tc3::signature(&key, &tc3::string_to_sign(at, &scope, &canonical));
    let (id, list) = (facts::TENCENT_SECRET_ID, names.join(";"));
    let value =
        format!("TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={list}, Signature={signature}");
    let call = call
        .header("authorization", &value)
        .header("x-tc-action", action)
        .header("x-tc-version", version)
        .header("x-tc-timestamp", &at.to_string());
    let answer = call.send().await;
    assert_eq!(answer.status, 200);
    answer.json()["Response"].clone()
}

/// A fresh CAMS grant.
pub async fn cams(sandbox: &Sandbox) -> Value {
    let call = Call::new(&sandbox.url(Service::Cams), "POST", "/?CustSpaceId=space");
    let nonce = format!("{}{:?}", now(), std::time::Instant::now());
    let answer = sign_acs3(call, "GetChatappUploadAuthorization", "2020-06-06", &nonce).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["Data"].clone()
}

/// A presigned OSS V4 PUT that binds type, size and no-overwrite.
pub fn oss_put(sandbox: &Sandbox, grant: &Value, key: &str, body: &[u8], at: i64) -> Call {
    let text = |name: &str| grant[name].as_str().unwrap();
    let (day, region) = (compact(at)[..8].to_owned(), "ap-southeast-1");
    let pairs = [
        ("x-oss-additional-headers", "content-length".to_owned()),
        ("x-oss-credential", format!("{}/{day}/{region}/oss/aliyun_v4_request", text("AccessKeyId"))),
        ("x-oss-date", compact(at)),
        ("x-oss-expires", "300".to_owned()),
        ("x-oss-security-token", text("SecurityToken").to_owned()),
        ("x-oss-signature-version", "OSS4-HMAC-SHA256".to_owned()),
    ];
    let query = pairs.iter().map(|(n, v)| format!("{n}={}", percent(v))).collect::<Vec<_>>().join("&");
    let target = format!("/{}/{key}?{query}", text("BucketName"));
    let call = Call::new(&sandbox.url(Service::Oss), "PUT", &target)
        .header("content-type", "image/png")
        .header("x-oss-forbid-overwrite", "true")
        .header("content-length", &body.len().to_string())
        .body(body);
    let arrived = Arrived::new("PUT", &format!("{target}&x-oss-signature=0"), headers(&call.headers));
    let bucket = text("BucketName").to_owned();
    let place = Place { bucket, key: key.to_owned(), region: region.to_owned() };
    let claim = oss4::presented_query(&arrived).unwrap();
    let canonical = oss4::canonical_request(&arrived, &place, &claim.additional);
    let signing = oss4::signing_key(text("AccessKeySecret"), &day, region);
    let signature = oss4::signature(&signing, &oss4::string_to_sign(&claim, &canonical));
    Call { target: format!("{target}&x-oss-signature={signature}"), ..call }
}

/// A multipart form, the file last.
pub fn form(base: &str, target: &str, fields: &[(String, String)], file: (&str, &str), data: &[u8]) -> Call {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let (name, kind) = file;
    let head = format!(
        "--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\nContent-Type: {kind}\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(data);
    body.extend_from_slice(b"\r\n--b0undary--\r\n");
    Call::new(base, "POST", target)
        .header("content-type", "multipart/form-data; boundary=b0undary")
        .body(body)
}

pub fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
