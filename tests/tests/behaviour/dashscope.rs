//! DashScope: one form for many files, and what is said of it is what its policy binds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use upload_grant_sandbox::facts;
use upload_grant_tests::{Answer, Function, Sandbox, Service, client, sandbox, upload};

const FLOW: &str = "alibaba-dashscope";
/// A live answer, recorded by another client's authors; its signature and its directory are made up.
const LIVE: &str = include_str!("../../replies/alibaba-dashscope/policy.json");

async fn start(sandbox: &Sandbox, extra: &[(&str, &str)]) -> Function {
    Function::of(FLOW, sandbox, extra).await
}

async fn answered(body: &Value, extra: &[(&str, &str)]) -> Answer {
    let sandbox = sandbox().await;
    sandbox.fault(json!({ "target": "dashscope", "raw": { "status": 200, "body": body.to_string() } }));
    start(&sandbox, extra).await.ask(&json!({ "filename": "a.png" })).await
}

/// The live answer with another policy in it.
fn live(change: impl FnOnce(&mut Value)) -> Value {
    let mut answer: Value = serde_json::from_str(LIVE).expect("JSON");
    let text = STANDARD.decode(answer["data"]["policy"].as_str().expect("text")).expect("base64");
    let mut policy: Value = serde_json::from_slice(&text).expect("JSON");
    policy["expiration"] = "2099-07-12T12:10:24.488Z".into();
    change(&mut policy);
    answer["data"]["policy"] = STANDARD.encode(policy.to_string()).into();
    answer
}

#[tokio::test]
async fn what_is_enforced_is_what_the_policy_binds() {
    for (overwrite, field, enforced) in [
        ("text", Some("true"), json!(["size", "no-overwrite", "expiry"])),
        ("bool", Some("true"), json!(["size", "no-overwrite", "expiry"])),
        ("hidden", Some("true"), json!(["size", "no-overwrite", "expiry"])),
        ("absent", None, json!(["size", "expiry"])),
    ] {
        let sandbox = sandbox().await;
        sandbox.settings(json!({ "dashscope_overwrite": overwrite }));
        let function = start(&sandbox, &[]).await;
        let grant = function.ask(&json!({ "filename": "a.png", "size": 5 })).await.ok();
        assert_eq!(grant["limits"]["enforced"], enforced, "{overwrite}");
        assert_eq!(
            grant["fields"].get("x-oss-forbid-overwrite").and_then(Value::as_str),
            field,
            "{overwrite}"
        );
        let names: Vec<&str> =
            grant["fields"].as_object().expect("fields").keys().map(String::as_str).collect();
        let all = [
            "OSSAccessKeyId",
            "Signature",
            "policy",
            "key",
            "x-oss-object-acl",
            "x-oss-forbid-overwrite",
            "success_action_status",
            "x-oss-content-type",
        ];
        let expected = all.into_iter().filter(|name| field.is_some() || *name != "x-oss-forbid-overwrite");
        assert_eq!(names, expected.collect::<Vec<_>>(), "{overwrite}");
        assert_eq!(upload(&grant, b"hello").await.status, 200, "{overwrite}");
        let twice = upload(&grant, b"hello").await.status;
        assert_eq!(twice, if field.is_some() { 409 } else { 200 }, "{overwrite}");
    }
}

#[tokio::test]
async fn one_policy_serves_every_file_of_a_model_until_it_ends() {
    let sandbox = sandbox().await;
    let function =
        start(&sandbox, &[("GRANT_POLICY", r#"{"groups":[{"params":{"model":{"caller":true}}}]}"#)]).await;
    let mut keys = std::collections::BTreeSet::new();
    let mut dirs = std::collections::BTreeSet::new();
    for n in 0..50 {
        let name = format!("{n}.whatever{n}");
        let mode = if n % 10 == 0 { "relay" } else { "form" };
        let grant = function.ask(&json!({ "filename": name, "size": 5, "mode": mode })).await.ok();
        let stored = upload(&grant, b"hello").await;
        assert_eq!(stored.status, 200, "{}", stored.text);
        if mode == "form" {
            let key = grant["key"].as_str().expect("a key").to_owned();
            dirs.insert(key.rsplit_once('/').expect("a directory").0.to_owned());
            keys.insert(key);
        }
    }
    assert_eq!((keys.len(), dirs.len(), sandbox.objects().len()), (45, 1, 50));
    assert_eq!(sandbox.calls(Service::Dashscope), 1);
    let other = json!({ "filename": "a.png", "params": { "model": "qwen-vl-plus" } });
    let grant = function.ask(&other).await.ok();
    assert!(!dirs.iter().any(|dir| grant["key"].as_str().expect("a key").starts_with(dir)));
    assert_eq!(sandbox.calls(Service::Dashscope), 2);
    assert_eq!(grant["expires_at"].as_str().map(str::len), Some(20));

    // A minute before its end a form serves nobody any more.
    for (life, calls) in [(300, 1), (61, 1), (59, 3)] {
        let sandbox = upload_grant_tests::sandbox().await;
        sandbox.fault(json!({ "target": "dashscope", "expired_tokens": life }));
        let function = start(&sandbox, &[]).await;
        for _ in 0..3 {
            function.ask(&json!({ "filename": "a.png" })).await.ok();
        }
        assert_eq!(sandbox.calls(Service::Dashscope), calls, "{life}");
    }
}

#[tokio::test]
async fn a_live_answer_is_read() {
    let grant = answered(&live(|_| ()), &[("OSS_ENDPOINT", "")]).await.ok();
    assert_eq!(grant["url"], "https://dashscope-file-mgr.oss-cn-beijing.aliyuncs.com/");
    assert_eq!(grant["object"]["region"], "cn-beijing");
    assert_eq!(
        (&grant["expires_at"], &grant["limits"]["max_bytes"]),
        (&json!("2099-07-12T12:10:24Z"), &json!(1 << 30))
    );
    assert!(grant["key"].as_str().expect("a key").starts_with("dashscope-instant/"), "{grant}");
    assert!(!grant["key"].as_str().expect("a key").contains("//"), "{grant}");
    // Its own end is past.
    let ended: Value = serde_json::from_str(LIVE).expect("JSON");
    assert_eq!(answered(&ended, &[]).await.problem(), (502, "vendor_bad_response"));
}

#[tokio::test]
async fn limits_come_from_the_answer() {
    let conditions = |keep: fn(&str) -> bool| {
        move |policy: &mut Value| {
            policy["conditions"].as_array_mut().expect("a list").retain(|one| keep(&one.to_string()));
        }
    };
    let most = |change: Value| answered_owned(change);
    let no_range = live(conditions(|one| !one.contains("content-length-range")));
    let grant = most(no_range.clone()).await.ok();
    assert_eq!(
        (&grant["limits"]["max_bytes"], &grant["limits"]["enforced"]),
        (&json!(1 << 30), &json!(["no-overwrite", "expiry"]))
    );
    let mut smaller = no_range;
    smaller["data"]["max_file_size_mb"] = 20.into();
    assert_eq!(most(smaller).await.ok()["limits"]["max_bytes"], 20 << 20);
    // Without a directory in the policy it is the answer's.
    let grant = most(live(conditions(|one| !one.contains("starts-with")))).await.ok();
    assert!(grant["key"].as_str().expect("a key").starts_with("dashscope-instant/"));

    let sandbox = sandbox().await;
    let narrow = live(|policy| policy["conditions"][0][2] = 9.into()).to_string();
    sandbox.fault(json!({ "target": "dashscope", "raw": { "status": 200, "body": narrow } }));
    let function = start(&sandbox, &[]).await;
    assert_eq!(function.ask(&json!({ "filename": "a", "size": 9 })).await.ok()["limits"]["max_bytes"], 9);
    let large = function.ask(&json!({ "filename": "a", "size": 10 })).await;
    assert_eq!((large.problem(), &large.json["errors"][0]["pointer"]), ((413, "too_large"), &json!("/size")));
}

async fn answered_owned(body: Value) -> Answer {
    answered(&body, &[]).await
}

#[tokio::test]
async fn an_answer_that_leads_elsewhere_or_says_too_little_is_refused() {
    for member in ["policy", "signature", "upload_dir", "upload_host", "oss_access_key_id"] {
        for value in [None, Some(json!(5)), Some(json!({}))] {
            let mut answer = live(|_| ());
            let data = answer["data"].as_object_mut().expect("an object");
            match value {
                None => data.remove(member),
                Some(value) => data.insert(member.to_owned(), value),
            };
            assert_eq!(answered(&answer, &[]).await.problem(), (502, "vendor_bad_response"), "{answer}");
        }
    }
    for host in [
        "https://evil.example",
        "https://b.evil.example",
        "https://b.oss-cn-beijing.aliyuncs.com.evil.example",
        "https://x@b.oss-cn-beijing.aliyuncs.com",
        "",
    ] {
        let mut answer = live(|_| ());
        answer["data"]["upload_host"] = host.into();
        let refused = answered(&answer, &[("OSS_ENDPOINT", "")]).await;
        assert_eq!(refused.problem(), (502, "vendor_bad_response"), "{host}");
    }
    for dir in ["../up", "/rooted", "a/./b", "a${filename}"] {
        let answer = live(|policy| policy["conditions"][1][2] = dir.into());
        assert_eq!(answered(&answer, &[]).await.problem(), (502, "vendor_bad_response"), "{dir}");
    }
    for policy in ["", "!", "e30=", "bnVsbA=="] {
        let mut answer = live(|_| ());
        answer["data"]["policy"] = policy.into();
        assert_eq!(answered(&answer, &[]).await.problem(), (502, "vendor_bad_response"), "{policy}");
    }
}

/// The model call takes what the receipt hands off, as it is, and only with the header.
#[tokio::test]
async fn the_handoff_is_what_a_model_call_takes() {
    let sandbox = sandbox().await;
    let function = start(&sandbox, &[]).await;
    for mode in ["form", "relay"] {
        let grant = function.ask(&json!({ "filename": "a.png", "mode": mode })).await.ok();
        let mut receipt = upload(&grant, b"hello").await;
        if mode == "form" {
            let done = json!({ "token": grant["complete"]["token"], "size": 5 });
            receipt = Answer::of(function.post("/complete").body(done.to_string())).await;
        }
        let params = receipt.ok()["handoff"]["params"].clone();
        assert_eq!(params["headers"], json!({ "X-DashScope-OssResourceResolve": "enable" }));
        let url = params["url"].as_str().expect("a URL");
        let key = url.strip_prefix("oss://").expect("the scheme");
        assert!(sandbox.object(key).is_some(), "{url}");
        let body = json!({ "model": facts::DASHSCOPE_MODEL,
            "input": { "messages": [{ "role": "user", "content": [{ "image": url }] }] } });
        for (header, status) in [("enable", 200), ("", 400)] {
            let path = "/api/v1/services/aigc/multimodal-generation/generation";
            let call = client().post(format!("{}{path}", sandbox.url(Service::Dashscope)));
            let call =
                call.bearer_auth(facts::DASHSCOPE_API_KEY).header("X-DashScope-OssResourceResolve", header);
            assert_eq!(Answer::of(call.body(body.to_string())).await.status, status, "{mode}");
        }
    }
}

/// The store took the bytes and the answer was lost: the ticket's second use succeeds.
#[tokio::test]
async fn an_upload_whose_answer_was_lost_is_found_there() {
    let sandbox = sandbox().await;
    let function = start(&sandbox, &[]).await;
    let grant = function.ask(&json!({ "filename": "a.png", "size": 5, "mode": "relay" })).await.ok();
    sandbox.fault(json!({ "target": "oss", "after": true, "reset": true, "times": 1 }));
    let lost = upload(&grant, b"hello").await;
    let again = upload(&grant, b"hello").await.ok();
    assert_eq!((again["size"].as_u64(), sandbox.objects().len()), (Some(5), 1), "{lost:?}", lost = lost.text);
}

#[tokio::test]
async fn the_vendors_codes_are_what_they_mean() {
    for (status, code, expected) in [
        (401, "InvalidApiKey", (502, "vendor_auth_failed")),
        (403, "Model.AccessDenied", (502, "vendor_auth_failed")),
        (403, "AccessDenied.Unpurchased", (502, "vendor_not_subscribed")),
        (400, "Arrearage", (502, "vendor_not_subscribed")),
        (404, "ModelNotFound", (422, "vendor_rejected")),
        (400, "InvalidParameter", (422, "vendor_rejected")),
        (429, "Throttling.RateQuota", (429, "vendor_throttled")),
        (400, "Throttling", (429, "vendor_throttled")),
        (500, "InternalError", (503, "vendor_unavailable")),
        (200, "InvalidApiKey", (502, "vendor_auth_failed")),
    ] {
        let sandbox = sandbox().await;
        let body = json!({ "code": code, "message": "canary", "request_id": "r-1" }).to_string();
        sandbox.fault(json!({ "target": "dashscope", "raw": { "status": status, "body": body } }));
        let answer = start(&sandbox, &[]).await.ask(&json!({ "filename": "a.png" })).await;
        assert_eq!(answer.problem(), expected, "{code}");
        assert_eq!(
            (&answer.json["vendor"]["code"], &answer.json["vendor"]["request_id"]),
            (&json!(code), &json!("r-1"))
        );
        assert!(!answer.text.contains("canary"));
    }
    let sandbox = sandbox().await;
    let refused = start(&sandbox, &[("DASHSCOPE_API_KEY", "sk-other")])
        .await
        .ask(&json!({ "filename": "a.png" }))
        .await;
    assert_eq!(refused.problem(), (502, "vendor_auth_failed"));
    let forbidden =
        start(&sandbox, &[]).await.ask(&json!({ "filename": "a", "params": { "model": "x" } })).await;
    assert_eq!(
        (forbidden.problem(), &forbidden.json["errors"][0]["pointer"]),
        ((403, "forbidden"), &json!("/params/model"))
    );
}
