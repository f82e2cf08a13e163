//! What a store can do otherwise than promised: each shows, in every mode that meets it.

use serde_json::{Value, json};
use upload_grant_tests::{Sandbox, sandbox};

use crate::run::Run;

async fn with(flow: &str, sandbox: &Sandbox, settings: Value, fault: Value) -> Run {
    sandbox.reset();
    sandbox.settings(settings);
    if !fault.is_null() {
        sandbox.fault(fault);
    }
    Run::json(flow, sandbox, &[]).await
}

#[tokio::test]
async fn a_bucket_that_does_not_let_browsers_in() {
    let sandbox = sandbox().await;
    for (flow, mode) in [
        ("alibaba-chatapp", "form"),
        ("alibaba-chatapp", "put"),
        ("alibaba-workorder", "form"),
        ("tencent-lke", "put"),
        ("alibaba-aicontent", "form"),
    ] {
        let run = with(flow, &sandbox, json!({ "store_cors": "off" }), Value::Null).await;
        for check in ["preflight", "cors"] {
            run.says(&format!("{mode}.{check}"), "warn", "cors_refused", r#""mode":"relay""#);
        }
        assert_eq!(run.exit, 0, "CORS is the browsers' affair only");
        let run = with(flow, &sandbox, json!({ "store_cors": "hidden-etag" }), Value::Null).await;
        run.says(&format!("{mode}.preflight"), "ok", "ok", "");
        // The evaluation service is not asked for an ETag.
        if flow == "alibaba-aicontent" {
            run.says("form.cors", "ok", "ok", "");
        } else {
            run.says(&format!("{mode}.cors"), "warn", "etag_hidden", "relay");
        }
    }
}

#[tokio::test]
async fn a_bucket_that_keeps_versions_or_is_private() {
    let sandbox = sandbox().await;
    for (flow, modes, private) in
        [("alibaba-chatapp", &["form", "put"][..], "warn"), ("tencent-lke", &["put"], "info")]
    {
        let run = with(flow, &sandbox, json!({ "store_versioned": true }), Value::Null).await;
        for mode in modes {
            run.says(&format!("{mode}.overwrite"), "warn", "versioned", "GRANT_TTL_SECONDS");
        }
        let run = with(flow, &sandbox, json!({ "store_private": true }), Value::Null).await;
        for mode in modes {
            run.says(&format!("{mode}.read-back"), private, "private", "");
        }
        assert_eq!(run.exit, 0);
    }
}

#[tokio::test]
async fn a_store_that_takes_whatever_comes() {
    let sandbox = sandbox().await;
    let all = |target| json!({ "target": target, "raw": { "status": 200 } });
    let run = with("alibaba-chatapp", &sandbox, json!({}), all("oss")).await;
    for mode in ["form", "put"] {
        for check in ["size", "type", "key", "overwrite"] {
            run.says(&format!("{mode}.{check}"), "fail", "not_refused", "do not rely on this limit");
        }
        run.says(&format!("{mode}.upload"), "warn", "no_etag", "relay");
        run.says(&format!("{mode}.read-back"), "fail", "other_bytes", "proxy");
    }
    assert!(run.json["objects"].as_array().is_some_and(|objects| objects.len() >= 4), "{}", run.stdout);
    let run = with("alibaba-workorder", &sandbox, json!({}), all("oss")).await;
    run.says("form.size", "fail", "not_refused", "do not rely");
    let run = with("tencent-lke", &sandbox, json!({}), all("cos")).await;
    run.says("put.key", "fail", "not_refused", "do not rely");
}

#[tokio::test]
async fn a_store_that_refuses_fails_or_garbles() {
    let sandbox = sandbox().await;
    let answer = |status: u16, headers: Value| {
        json!({ "target": "oss", "raw": { "status": status, "headers": headers,
            "body": "<Error><Code>AccessDenied</Code><Message>canary</Message></Error>" } })
    };
    let run =
        with("alibaba-chatapp", &sandbox, json!({}), answer(403, json!({ "x-oss-request-id": "R-2" }))).await;
    for check in ["form.upload", "put.upload", "relay.upload"] {
        run.says(check, "fail", "upload_failed", "look the store's code up");
        let seen = run.line(check)["seen"].as_str().expect("text");
        assert!(seen.contains("(AccessDenied, HTTP 403, request R-2)"), "{seen}");
    }
    let run = with("alibaba-chatapp", &sandbox, json!({}), answer(503, json!({}))).await;
    run.says("form.size", "warn", "unclear", "again");
    let garbled = answer(200, json!({ "x-oss-hash-crc64ecma": "1", "etag": "\"x\"" }));
    let run = with("alibaba-chatapp", &sandbox, json!({}), garbled).await;
    run.says("put.upload", "fail", "crc64_differs", "proxy");
    let gone = json!({ "target": "oss", "reset": true });
    let run = with("alibaba-chatapp", &sandbox, json!({}), gone).await;
    run.says("form.type", "warn", "unclear", "again");
    run.says("put.upload", "fail", "upload_failed", "");
}

#[tokio::test]
async fn an_evaluation_that_is_refused() {
    let sandbox = sandbox().await;
    let refused = json!({ "target": "ssapi", "path_contains": "en.sent.score",
        "raw": { "status": 200, "body": r#"{"errId":41030,"error":"canary"}"# } });
    let run = with("alibaba-aicontent", &sandbox, json!({}), refused).await;
    run.says("form.upload", "fail", "upload_failed", "evaluation");
    run.says("relay.upload", "fail", "upload_failed", "evaluation");
}
