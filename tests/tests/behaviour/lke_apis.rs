//! tencent-lke over both of the vendor's APIs, in both shapes of their answers.

use serde_json::{Value, json};
use upload_grant_tests::{Function, Service, sandbox, upload};

const ADP: (&str, &str) = ("LKE_API", "2026-05-20");
const ANYONE: (&str, &str) =
    ("GRANT_POLICY", r#"{"groups":[{"params":{"bot_biz_id":{"caller":true},"type_key":{"caller":true}}}]}"#);

#[tokio::test]
async fn a_file_is_stored_under_either() {
    let sandbox = sandbox().await;
    for env in [&[][..], &[ADP], &[ADP, ("LKE_REGION", "none")], &[ADP, ("LKE_BOT_BIZ_ID", "0")]] {
        let function = Function::of("tencent-lke", &sandbox, env).await;
        // As text the newer answer has the path alone, and no URL.
        for (shape, urls) in
            [("object", "none"), ("object", "only"), ("object", "with-credentials"), ("text", "none")]
        {
            sandbox.settings(json!({ "lke_storage_path": shape, "lke_upload_url": urls }));
            for mode in ["put", "relay"] {
                let grant = function.ask(&json!({ "filename": "a.pdf", "size": 5, "mode": mode })).await.ok();
                assert_eq!(upload(&grant, b"hello").await.status, 200, "{env:?} {shape} {urls} {grant:#}");
            }
        }
    }
}

#[tokio::test]
async fn either_shape_is_read_under_either() {
    let sandbox = sandbox().await;
    let flat = include_str!("../../replies/tencent-lke/upload.json").replace("1717063483", "4102444800");
    let flat: Value = serde_json::from_str(&flat).expect("JSON");
    let path = flat["Response"]["UploadPath"].clone();
    let mut nested = flat.clone();
    let members = nested["Response"].as_object_mut().expect("an object");
    members.remove("UploadPath");
    members.insert("StoragePath".into(), json!({ "UploadPath": path, "FilePath": null }));
    let mut text = nested.clone();
    text["Response"]["StoragePath"] = path.clone();
    for env in [&[][..], &[ADP]] {
        let function = Function::of("tencent-lke", &sandbox, env).await;
        for body in [&flat, &nested, &text] {
            sandbox.fault(
                json!({ "target": "lke", "times": 1, "raw": { "status": 200, "body": body.to_string() } }),
            );
            let grant = function.ask(&json!({ "filename": "a.md" })).await.ok();
            assert_eq!(grant["vendor"]["upload_path"], path, "{env:?} {body}");
        }
        for nothing in [json!({}), json!(""), Value::Null, json!({ "FilePath": "/corp/1/doc/" })] {
            let mut text = text.clone();
            text["Response"]["StoragePath"] = nothing;
            sandbox.fault(
                json!({ "target": "lke", "times": 1, "raw": { "status": 200, "body": text.to_string() } }),
            );
            let answer = function.ask(&json!({ "filename": "a.md" })).await;
            assert_eq!(answer.problem(), (502, "vendor_bad_response"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_application_has_two_names() {
    let sandbox = sandbox().await;
    let function = Function::of("tencent-lke", &sandbox, &[ADP, ANYONE]).await;
    for params in [
        json!({ "app_id": "77" }),
        json!({ "bot_biz_id": "77" }),
        json!({ "app_id": "77", "bot_biz_id": "77" }),
    ] {
        let grant = function.ask(&json!({ "filename": "a.pdf", "params": params })).await.ok();
        assert!(grant["key"].as_str().expect("a key").contains("/77/"), "{grant:#}");
    }
    // A policy may say either name, whichever the caller sends.
    for name in ["app_id", "bot_biz_id"] {
        let policy = json!({ "groups": [{ "params": { name: { "caller": ["77"] } } }] }).to_string();
        let function = Function::of("tencent-lke", &sandbox, &[ADP, ("GRANT_POLICY", &policy)]).await;
        for sent in ["app_id", "bot_biz_id"] {
            let asked =
                async |id: &str| function.ask(&json!({ "filename": "a.pdf", "params": { sent: id } })).await;
            assert!(asked("77").await.ok()["key"].as_str().expect("a key").contains("/77/"));
            assert_eq!(asked("78").await.problem(), (403, "forbidden"), "{name} {sent}");
        }
    }
    let calls = sandbox.calls(Service::Lke);
    for (params, pointer) in [
        (json!({ "app_id": "77", "bot_biz_id": "78" }), "/params/app_id"),
        (json!({ "app_id": 77 }), "/params/bot_biz_id"),
    ] {
        let answer = function.ask(&json!({ "filename": "a.pdf", "params": params })).await;
        assert_eq!(answer.problem(), (400, "invalid_request"));
        assert_eq!(answer.json["errors"][0]["pointer"], pointer);
    }
    // What the policy says of the parameter holds for its other name.
    let function = Function::of("tencent-lke", &sandbox, &[]).await;
    let answer = function.ask(&json!({ "filename": "a.pdf", "params": { "app_id": "77" } })).await;
    assert_eq!(answer.problem(), (403, "forbidden"));
    for session in ["s", "a session", &"s".repeat(65)] {
        let params = json!({ "type_key": "realtime", "session_id": session });
        let answer = function.ask(&json!({ "filename": "a.pdf", "params": params })).await;
        assert_eq!(answer.json["errors"][0]["pointer"], "/params/session_id", "{}", answer.text);
    }
    assert_eq!(sandbox.calls(Service::Lke), calls, "all before any vendor call");
}
