//! What a vendor says on success is checked as strictly as on failure; services with several hosts are tried in turn.

use serde_json::{Value, json};
use upload_grant_tests::{Answer, Function, Sandbox, Service, sandbox, upload};

const CAMS: &str = include_str!("../../replies/alibaba-chatapp/authorization.json");
const URL: &str = include_str!("../../replies/alibaba-workorder/upload-url.json");
const FORM: &str = include_str!("../../replies/alibaba-workorder/temp-author-pascal.json");
const LKE: &str = include_str!("../../replies/tencent-lke/upload.json");
const SUCCESSOR: &[(&str, &str)] = &[("WORKORDER_API", "2021-06-10")];

async fn answered(sandbox: &Sandbox, flow: &str, env: &[(&str, &str)], body: &str) -> Answer {
    sandbox.reset();
    let raw = json!({ "status": 200, "body": body });
    sandbox.fault(json!({ "target": upload_grant_tests::service(flow).name(), "raw": raw }));
    let filename = if flow == "tencent-lke" { "a.md" } else { "a.png" };
    Function::of(flow, sandbox, env).await.ask(&json!({ "filename": filename })).await
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_loopback_too() {
    let sandbox = sandbox().await;
    for (flow, env, body) in [
        ("alibaba-chatapp", &[][..], CAMS.replace("aliyuncs.com", "evil.example")),
        ("alibaba-workorder", &[], FORM.replace("aliyuncs.com", "evil.example")),
        ("alibaba-workorder", SUCCESSOR, URL.replace("aliyuncs.com", "evil.example")),
        ("alibaba-workorder", SUCCESSOR, URL.replacen("https://", "ftp://", 1)),
        (
            "alibaba-workorder",
            SUCCESSOR,
            URL.replacen("workorder-sandbox", "other-bucket", 1).replacen("a.pdf?", "b.pdf?", 1),
        ),
        (
            "tencent-lke",
            &[],
            LKE.replace("1717063483", "4102444800").replace("ap-guangzhou", "evil.example/"),
        ),
    ] {
        let answer = answered(&sandbox, flow, env, &body).await;
        assert_eq!(answer.problem(), (502, "vendor_bad_response"), "{flow} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn request_ids_and_addresses_that_are_none_go_no_further() {
    let sandbox = sandbox().await;
    let long = "R".repeat(900_000);
    for id in [&*long, "R 1", "<script>", ""] {
        let mut body: Value = serde_json::from_str(CAMS).expect("JSON");
        body["RequestId"] = id.into();
        let grant = answered(&sandbox, "alibaba-chatapp", &[], &body.to_string()).await.ok();
        assert!(grant.get("vendor").is_none_or(|vendor| vendor.get("request_id").is_none()), "{grant:#}");
        let mut body: Value = serde_json::from_str(&LKE.replace("1717063483", "4102444800")).expect("JSON");
        body["Response"]["RequestId"] = id.into();
        let grant = answered(&sandbox, "tencent-lke", &[], &body.to_string()).await.ok();
        assert!(grant["vendor"].get("request_id").is_none(), "{grant:#}");
    }
    let mut body: Value = serde_json::from_str(&LKE.replace("1717063483", "4102444800")).expect("JSON");
    let path = body["Response"]["UploadPath"].as_str().expect("a path").to_owned();
    let host = "qidian-qbot-test-1251316161.cos.ap-guangzhou.myqcloud.com";
    for (url, kept) in [
        (format!("https://{host}{path}?q-signature=s"), true),
        ("javascript:alert(1)".to_owned(), false),
        (format!("javascript://{host}{path}?q-signature=s"), false),
        (format!("https://other-1251316161.cos.ap-guangzhou.myqcloud.com{path}?q-signature=s"), false),
        (format!("https://{host}.evil.example{path}?q-signature=s"), false),
        (format!("https://{host}/other?q-signature=s"), false),
        (format!("https://{host}{path}"), false),
    ] {
        body["Response"]["FileUrl"] = url.as_str().into();
        let grant = answered(&sandbox, "tencent-lke", &[], &body.to_string()).await.ok();
        assert_eq!(grant["vendor"].get("file_url").is_some(), kept, "{url}");
    }
}

#[tokio::test]
async fn forms_come_in_the_shapes_of_their_siblings() {
    let sandbox = sandbox().await;
    for policy in ["starts-with", "starts-with-empty", "eq", "none"] {
        for scheme in ["http://", "https://", "//", ""] {
            for slash in [true, false] {
                sandbox.settings(json!({
                    "workorder_policy": policy, "workorder_scheme": scheme, "workorder_dir_slash": slash,
                }));
                let function = Function::of("alibaba-workorder", &sandbox, &[]).await;
                let mut keys = Vec::new();
                for _ in 0..2 {
                    let grant = function.ask(&json!({ "filename": "a.txt" })).await.ok();
                    let key = grant["key"].as_str().expect("a key").to_owned();
                    assert!(key.starts_with("pop_temp") && !key.contains("//"), "{key}");
                    assert_eq!(upload(&grant, b"hello").await.status, 200, "{policy} {scheme} {slash}");
                    keys.push(key);
                }
                assert_ne!(keys[0], keys[1], "{policy}");
            }
        }
    }
    // A directory that the vendor's own policy shuts out.
    let mut other: Value = serde_json::from_str(FORM).expect("JSON");
    let data = if other.get("Data").is_some() { "Data" } else { "data" };
    other[data]["Dir"] = "elsewhere/".into();
    let answer = answered(&sandbox, "alibaba-workorder", &[], &other.to_string()).await;
    assert_eq!(answer.problem(), (502, "vendor_bad_response"), "{}", answer.text);
}

#[tokio::test]
async fn the_evaluation_service_has_several_hosts() {
    let sandbox = sandbox().await;
    let good = sandbox.url(Service::Ssapi);
    // Nobody listens on port 1, and whoever does not answer is not asked for more.
    let hosts = format!("http://127.0.0.1:1, {good}");
    let env = [("AICONTENT_TRANSPORT", "ssapi"), ("SSAPI_ENDPOINT", &*hosts)];
    let function = Function::of("alibaba-aicontent", &sandbox, &env).await;
    let grant = function.ask(&json!({ "filename": "a.wav" })).await.ok();
    assert!(grant["url"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:1/")), "{grant:#}");
    let relay = function.ask(&json!({ "filename": "a.wav", "mode": "relay" })).await.ok();
    let receipt = upload(&relay, b"hello").await.ok();
    assert_eq!(receipt["size"], 5, "{receipt:#}");
    // A 5xx of the authorization moves on; the upload does not, for it may have been read.
    let twice = format!("{good},{good}");
    let env = [("AICONTENT_TRANSPORT", "ssapi"), ("SSAPI_ENDPOINT", &*twice)];
    let function = Function::of("alibaba-aicontent", &sandbox, &env).await;
    sandbox.fault(
        json!({ "target": "ssapi", "path_contains": "authorize", "raw": { "status": 503 }, "times": 1 }),
    );
    let relay = function.ask(&json!({ "filename": "a.wav", "mode": "relay" })).await.ok();
    sandbox
        .fault(json!({ "target": "ssapi", "path_contains": "score", "raw": { "status": 503 }, "times": 1 }));
    let answer = upload(&relay, b"hello").await;
    assert_eq!(answer.problem(), (502, "upload_failed"), "{}", answer.text);
}

#[tokio::test]
async fn an_evaluation_can_be_streamed() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-aicontent", &sandbox, &[]).await;
    let grant = function.ask(&json!({ "filename": "a.wav" })).await.ok();
    let stream = &grant["stream"];
    let url = grant["url"].as_str().expect("a URL");
    assert_eq!(stream["url"], url.replacen("http", "ws", 1));
    let text: Value = serde_json::from_str(grant["fields"]["text"].as_str().expect("text")).expect("JSON");
    assert_eq!(text, json!({ "connect": stream["connect"], "start": stream["start"] }));
    assert_eq!((&stream["connect"]["cmd"], &stream["start"]["cmd"]), (&json!("connect"), &json!("start")));
    let relay = function.ask(&json!({ "filename": "a.wav", "mode": "relay" })).await.ok();
    assert!(relay.get("stream").is_none());
}

/// What looks like a code or an id may be one of our own secrets, sent back: then it goes no further.
#[tokio::test]
async fn our_own_secrets_are_no_codes() {
    let sandbox = sandbox().await;
    let secret = "LTAI5t-a-secret-that-looks-like-a-code";
    let env = [("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret)];
    for (code, id) in
        [(secret.to_owned(), "R1"), (format!("No.{secret}.x"), "R1"), ("Forbidden".into(), secret)]
    {
        let body = json!({ "Code": code, "RequestId": id, "Message": "m" }).to_string();
        sandbox.reset();
        sandbox.fault(json!({ "target": "cams", "raw": { "status": 403, "body": body } }));
        let function = Function::of("alibaba-chatapp", &sandbox, &env).await;
        let answer = function.ask(&json!({ "filename": "a.png" })).await;
        assert_eq!(answer.status, 502, "{}", answer.text);
        assert!(!answer.text.contains(secret), "{code} {id}: {}", answer.text);
    }
    let mut body: Value = serde_json::from_str(CAMS).expect("JSON");
    body["RequestId"] = secret.into();
    let grant = answered(&sandbox, "alibaba-chatapp", &env, &body.to_string()).await;
    assert_eq!((grant.status, grant.text.contains(secret)), (200, false), "{}", grant.text);
}

/// An object is stored when the store says so in one of its own ways, about these bytes.
#[tokio::test]
async fn only_a_stores_own_success_about_these_bytes_is_one() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let md5 = "\"5D41402ABC4B2A76B9719D911017C592\"";
    for (status, etag, expected) in [
        (200, md5, 200),
        (200, "\"5D41402ABC4B2A76B9719D911017C593\"", 502),
        // Of other ways to store than a plain PUT the tag is no MD5.
        (200, "\"5D41402ABC4B2A76B9719D911017C593-2\"", 200),
        (202, md5, 502),
        (206, md5, 502),
    ] {
        sandbox.clear_faults();
        let headers = json!({ "etag": etag, "x-oss-request-id": "R" });
        sandbox.fault(
            json!({ "target": "oss", "raw": { "status": status, "headers": headers }, "after": true }),
        );
        let relay = function.ask(&json!({ "filename": "a.png", "mode": "relay" })).await.ok();
        let answer = upload(&relay, b"hello").await;
        assert_eq!(answer.status, expected, "{status} {etag}: {}", answer.text);
    }
}
