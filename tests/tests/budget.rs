//! What a signature and a warm grant may cost in heap allocations: counted, so the budget holds on any machine.

#![allow(clippy::print_stdout, reason = "a test reports by printing and panicking")]

use std::time::Duration;

use alibaba_chatapp::Chatapp;
use allocation_counter::{AllocationInfo, measure};
use upload_grant::sign::{acs3, cos, oss4, tc3};
use upload_grant::wire::encode;
use upload_grant::wire::secret::Secret;
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::app::App;
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::serve::Dispatch;
use upload_grant_tests::{SECRET, Sandbox};

const BUDGET: u64 = 1;
/// From Lambda's event to the JSON that goes back, in each mode that is signed here. `lambda_runtime` takes some 60 more,
/// and all of it is to stay below 320.
const GRANT_BUDGET: u64 = 225;

/// Temporary tokens are about this long.
fn token() -> String {
    "CAISexample+token/0123456789abcd=+=".repeat(24)
}

fn at() -> Timestamp {
    Timestamp::from_unix(1_774_605_600)
}

fn secret() -> Secret {
    Secret::from("ExampleSecretKey/abc+DEF=0123456789")
}

#[track_caller]
fn check(name: &str, used: AllocationInfo) {
    println!("{name}: {} allocations, {} bytes", used.count_total, used.bytes_total);
    assert!(used.count_total <= BUDGET, "{name}: {} allocations, {BUDGET} allowed", used.count_total);
}

#[test]
fn acs3_sign() {
    let (key, token) = (acs3::key(&secret()), token());
    let hash = encode::digest_hex(&[7; 32]);
    let headers = [
        ("host", "cams.ap-southeast-1.aliyuncs.com"),
        ("x-acs-action", "GetChatappUploadAuthorization"),
        ("x-acs-content-sha256", &*hash),
        ("x-acs-date", "2026-03-27T10:00:00Z"),
        ("x-acs-security-token", &*token),
        ("x-acs-signature-nonce", "0123456789abcdef0123456789abcdef"),
        ("x-acs-version", "2020-06-06"),
    ];
    let request = acs3::Request {
        method: "POST",
        path: "/",
        query: "CustSpaceId=29348393884",
        headers: &headers,
        body_sha256: &hash,
    };
    check("acs3", measure(|| drop(acs3::sign(&key, &request, "STS.NTExampleTempKeyId"))));
}

#[test]
fn tc3_sign() {
    let key = tc3::key(&secret(), "lke", at());
    let headers = [
        ("content-type", "application/json; charset=utf-8"),
        ("host", "lke.intl.tencentcloudapi.com"),
        ("x-tc-action", "DescribeStorageCredential"),
    ];
    let payload = br#"{"BotBizId":"1779863007508561920","FileType":"md","TypeKey":"offline"}"#;
    let request = tc3::Request { method: "POST", query: "", headers: &headers, payload };
    check("tc3", measure(|| drop(tc3::sign(&key, &request, "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", at()))));
}

#[test]
fn oss4_presign() {
    let mut encoded_token = String::new();
    encode::percent(&mut encoded_token, &token());
    let key = oss4::key(&secret(), "ap-southeast-1", at());
    for object in ["100010/01K5Z3N8Q9.png".to_owned(), "中文/文件 1+%~.pdf".repeat(40)] {
        let request = oss4::Presign {
            method: "PUT",
            base: "https://examplebucket.oss-ap-southeast-1.aliyuncs.com",
            bucket: "examplebucket",
            object: &object,
            access_key_id: "STS.NUexampleTempKeyId01",
            encoded_token: Some(&encoded_token),
            headers: &[
                ("content-length", "1048576"),
                ("content-md5", "ICy5YqxZB1uWSwcVLSNLcA=="),
                ("content-type", "image/png"),
                ("host", "examplebucket.oss-ap-southeast-1.aliyuncs.com"),
                ("x-oss-forbid-overwrite", "true"),
            ],
            additional: &["content-length", "host"],
            expires: 604_800,
        };
        check("oss4", measure(|| drop(oss4::presign(&key, &request, at()))));
    }
}

#[test]
fn cos_presign() {
    let (key, token) = (cos::key(&secret(), at().plus(-60), at().plus(300)), token());
    let host = "qidian-qbot-test-1251316161.cos.ap-guangzhou.myqcloud.com";
    for path in ["/corp/137/doc/a.md".to_owned(), "/中文/文件 1+%~.pdf".repeat(30)] {
        let request = cos::Presign {
            method: "put",
            base: "https://qidian-qbot-test-1251316161.cos.ap-guangzhou.myqcloud.com",
            path: &path,
            params: &[(cos::TOKEN, &token)],
            headers: &[
                ("content-length", "1048576"),
                ("content-md5", "ICy5YqxZB1uWSwcVLSNLcA=="),
                ("content-type", "text/markdown"),
                ("host", host),
                ("x-cos-forbid-overwrite", "true"),
            ],
            secret_id: "AKIDTmpExampleSecretId_-0123456789abcdefghijklmnop",
        };
        check("cos", measure(|| drop(cos::presign(&key, &request))));
    }
}

/// The sandbox is on threads of its own: what they allocate is not counted.
#[test]
fn warm_grant_by_lambda_event() {
    let beside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = beside.block_on(Sandbox::start()).unwrap();
    let mut vars = sandbox.env("alibaba-chatapp");
    vars.extend(
        [("GRANT_AUTH", "gateway"), ("GRANT_SECRET", SECRET), ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dispatch = Dispatch::new(App::<Chatapp>::new(&mut Env::new(vars)).unwrap(), None);
    let event = include_str!("../events/function-url.json");
    let form = "eyJmaWxlbmFtZSI6InJlcG9ydC5wZGYiLCJjb250ZW50X3R5cGUiOiJhcHBsaWNhdGlvbi9wZGYiLCJzaXplIjo1fQ==";
    let put = "eyJmaWxlbmFtZSI6InJlcG9ydC5wZGYiLCJjb250ZW50X3R5cGUiOiJhcHBsaWNhdGlvbi9wZGYiLCJzaXplIjo1LCJtb2RlIjoicHV0In0=";
    assert!(event.contains(form));
    for (mode, event) in [("form", event.to_owned()), ("put", event.replace(form, put))] {
        let ask = || {
            let id = Some("8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned());
            let answer = runtime.block_on(dispatch.handle(event.clone(), id, Duration::from_secs(25)));
            serde_json::to_string(&answer.ok().unwrap()).unwrap()
        };
        let first = ask();
        assert!(first.starts_with(r#"{"statusCode":200"#), "{first}");
        assert!(first.contains(&format!(r#"\"mode\":\"{mode}\""#)), "{first}");
        let used = measure(|| drop(ask()));
        println!("a warm grant, {mode}: {} allocations, {} bytes", used.count_total, used.bytes_total);
        assert!(
            used.count_total <= GRANT_BUDGET,
            "{mode}: {} allocations, {GRANT_BUDGET} allowed",
            used.count_total
        );
    }
}
