//! Faults, CORS, counters, and the curl configuration.

use serde_json::{Value, json};
use upload_grant_sandbox::{Sandbox, Service};

use crate::client::{Call, cams, now, oss_put};

#[tokio::test]
async fn faults() {
    let sandbox = Sandbox::start().await.unwrap();
    let grant = cams(&sandbox).await;
    let key = |name: &str| format!("{}/{name}", grant["Dir"].as_str().unwrap());
    let put = |name: &str| oss_put(&sandbox, &grant, &key(name), b"hello", now());

    sandbox.fault(json!({ "target": "oss", "reset": true, "times": 1 }));
    assert_eq!(put("a").send().await.status, 0);
    assert!(sandbox.object(&key("a")).is_none());
    sandbox
        .fault(json!({ "target": "oss", "path_contains": "/b", "reset": true, "after": true, "times": 1 }));
    assert_eq!(put("a").send().await.status, 200);
    assert_eq!(put("b").send().await.status, 0);
    assert!(sandbox.object(&key("b")).is_some(), "stored, and the answer lost");
    assert_eq!(put("b").send().await.status, 409);

    let raw = json!({ "status": 502, "headers": { "content-type": "text/html" }, "body": "<html>" });
    sandbox.fault(json!({ "target": "*", "skip": 1, "times": 1, "raw": raw }));
    assert_eq!(put("c").send().await.status, 200);
    let answer = put("d").send().await;
    assert_eq!((answer.status, answer.text().as_str()), (502, "<html>"));

    let get = Call::new(&sandbox.url(Service::Oss), "GET", &format!("/cams-sandbox/{}", key("a")));
    sandbox.fault(json!({ "target": "oss", "truncate": true, "times": 1 }));
    let cut = get.send().await;
    assert_eq!((cut.status, cut.text().as_str(), cut.complete), (200, "he", false));
    sandbox.fault(json!({ "target": "oss", "slow_body_ms": 60, "latency_ms": 40, "times": 1 }));
    let start = std::time::Instant::now();
    assert_eq!(get.send().await.text(), "hello");
    assert!(start.elapsed().as_millis() >= 100);
    sandbox.fault(json!({ "target": "oss", "huge": 300_000, "times": 1 }));
    assert!(get.send().await.body.len() > 300_000);

    sandbox.fault(json!({ "target": "cams", "expired_tokens": true, "times": 1 }));
    let dead = cams(&sandbox).await;
    let late = oss_put(&sandbox, &dead, &key("e"), b"hello", now()).send().await;
    assert!(late.text().contains("SecurityTokenExpired"), "{}", late.text());
}

#[tokio::test]
async fn cors() {
    let sandbox = Sandbox::start().await.unwrap();
    let preflight = Call::new(&sandbox.url(Service::Oss), "OPTIONS", "/cams-sandbox/a")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type,x-oss-forbid-overwrite");
    let answer = preflight.send().await;
    assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"));
    assert_eq!(sandbox.calls(Service::Oss), 0);
    sandbox.settings(json!({ "store_cors": "hidden-etag" }));
    assert!(!preflight.send().await.header("access-control-expose-headers").unwrap().contains("ETag"));
    sandbox.settings(json!({ "store_cors": "off" }));
    let refused = preflight.send().await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
}

#[tokio::test]
async fn control_routes() {
    let sandbox = Sandbox::start().await.unwrap();
    let grant = cams(&sandbox).await;
    let key = format!("{}/a b.png", grant["Dir"].as_str().unwrap()).replace(' ', "_");
    assert_eq!(oss_put(&sandbox, &grant, &key, b"hello", now()).send().await.status, 200);
    let base = sandbox.url(Service::Control);
    let get = async |path: &str| Call::new(&base, "GET", path).send().await;
    let calls = get("/calls").await.json();
    assert_eq!(calls["cams"]["GetChatappUploadAuthorization"], 1);
    assert_eq!((&calls["oss"]["PUT"], &calls["oss"]["refused"]), (&json!(1), &json!(0)));
    assert_eq!(sandbox.action_calls(Service::Cams, "getchatappuploadauthorization"), 1);
    assert_eq!(get("/objects").await.json()[0]["md5"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(get(&format!("/objects/oss/cams-sandbox/{key}")).await.text(), "hello");
    assert_eq!(get("/requests?n=1").await.json()[0]["status"], 200);
    assert!(get("/env/tencent-lke").await.text().contains("COS_ENDPOINT=http://127.0.0.1:"));
    let issued = get(&format!("/keys/{}", grant["AccessKeyId"].as_str().unwrap())).await.json();
    assert_eq!(issued["secret"], grant["AccessKeySecret"]);
    assert_eq!(get("/keys/nobody").await.status, 404);
    let misspelt = Call::new(&base, "POST", "/faults").body(r#"{"target":"oss","rest":true}"#).send().await;
    assert_eq!(misspelt.status, 400);
    assert_eq!(Call::new(&base, "POST", "/reset").send().await.status, 200);
    assert!(sandbox.objects().is_empty());
    assert_eq!(sandbox.calls(Service::Cams), 0);
}

#[tokio::test]
async fn curl_configuration() {
    let sandbox = Sandbox::start().await.unwrap();
    let config = async |grant: Value| {
        let call = Call::new(&sandbox.url(Service::Control), "POST", "/curl?file=my%20file.png");
        call.body(grant.to_string()).send().await.text()
    };
    let form = json!({
        "method": "POST", "url": "https://u/", "headers": {}, "fields": { "key": "k", "x": "a\"b" },
        "file_field": "file", "limits": { "content_types": ["image/png"] },
    });
    let wanted = "url = \"https://u/\"\nrequest = \"POST\"\nform-string = \"key=k\"\nform-string = \"x=a\\\"b\"\n\
                  form = \"file=@\\\"my file.png\\\";type=image/png\"\nwrite-out = \"\\n%{http_code}\\n\"\n";
    assert_eq!(config(form).await, wanted);
    let put = json!({ "method": "PUT", "url": "https://u/k", "headers": { "Content-Type": "image/png" } });
    let wanted = "url = \"https://u/k\"\nrequest = \"PUT\"\nheader = \"Content-Type: image/png\"\n\
                  upload-file = \"my file.png\"\nwrite-out = \"\\n%{http_code}\\n\"\n";
    assert_eq!(config(put).await, wanted);
}
