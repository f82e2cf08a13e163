//! How often the vendor is called: credentials are shared where the vendor allows it, and never where not.

use serde_json::json;
use tokio::task::JoinSet;
use upload_grant_tests::{Answer, Function, Sandbox, Service, sandbox, upload};

const KEY: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[tokio::test]
async fn keys_of_a_space_serve_all_its_grants() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    for mode in ["form", "put", "relay", "form"] {
        let grant = function.ask(&json!({ "filename": "a.png", "mode": mode })).await.ok();
        assert!(upload(&grant, b"hello").await.status < 300, "{mode}");
    }
    assert_eq!(sandbox.calls(Service::Cams), 1);
    let other = Function::of("alibaba-chatapp", &sandbox, &[("CAMS_CUST_SPACE_ID", "cams-other")]).await;
    other.ask(&json!({ "filename": "a.png" })).await.ok();
    assert_eq!(sandbox.calls(Service::Cams), 2);
}

#[tokio::test]
async fn keys_that_do_not_cover_the_grant_are_fetched_anew() {
    for (life, ttl, calls) in [
        (3600, "300", 1),
        (330, "300", 1),
        // Their whole life is shorter than a grant's: they serve while a minute is left.
        (100, "300", 1),
        (59, "300", 3),
        (3600, "3500", 1),
        (3600, "3600", 1),
    ] {
        let sandbox = sandbox().await;
        sandbox.fault(json!({ "target": "cams", "expired_tokens": life }));
        let function = Function::of("alibaba-chatapp", &sandbox, &[("GRANT_TTL_SECONDS", ttl)]).await;
        for _ in 0..3 {
            function.ask(&json!({ "filename": "a.png" })).await.ok();
        }
        assert_eq!(sandbox.calls(Service::Cams), calls, "{life} {ttl}");
    }
}

#[tokio::test]
async fn a_ticket_form_is_reused_and_a_signed_url_is_not() {
    for (env, calls) in [(&[][..], 1), (&[("WORKORDER_API", "2021-06-10")], 3)] {
        let sandbox = sandbox().await;
        let function = Function::of("alibaba-workorder", &sandbox, env).await;
        for _ in 0..3 {
            let grant = function.ask(&json!({ "filename": "a.pdf" })).await.ok();
            assert_eq!(upload(&grant, b"hello").await.status, 200);
        }
        assert_eq!((sandbox.calls(Service::Workorder), sandbox.objects().len()), (calls, 3));
    }
}

#[tokio::test]
async fn lke_keys_are_for_one_file() {
    let sandbox = sandbox().await;
    let function = Function::of("tencent-lke", &sandbox, &[]).await;
    for calls in 1..4 {
        function.ask(&json!({ "filename": "a.pdf" })).await.ok();
        assert_eq!(sandbox.calls(Service::Lke), calls);
    }
}

#[tokio::test]
async fn a_warrant_is_for_one_user() {
    let sandbox = sandbox().await;
    let keys =
        format!("shop:{KEY},bank:{}", "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7");
    let extra = [("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", &*keys)];
    let function = Function::of("alibaba-aicontent", &sandbox, &extra).await;
    let mut warrants = Vec::new();
    for (key, calls) in [("hello", 1), ("hello", 1), ("world", 2), ("hello", 2), ("world", 2)] {
        let ask = function.post("/grants").header("x-api-key", key).body(r#"{"filename":"a.wav"}"#);
        let grant = Answer::of(ask).await.ok();
        warrants.push((grant["vendor"]["user_id"].clone(), grant["vendor"]["warrant_id"].clone()));
        assert_eq!(sandbox.calls(Service::Aicontent), calls);
    }
    assert_eq!((&warrants[0], &warrants[2]), (&warrants[3], &warrants[4]));
    assert_ne!(warrants[0], warrants[2]);
}

#[tokio::test]
async fn a_warrant_is_for_one_address() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-aicontent", &sandbox, &[("GRANT_TRUST_PROXY", "true")]).await;
    for (address, calls) in [
        ("192.0.2.1", 1),
        ("192.0.2.2", 2),
        ("192.0.2.1", 2),
        // A device in an IPv6 network takes new addresses within its /64.
        ("2001:db8:0:1::1", 3),
        ("2001:db8:0:1:ffff::2", 3),
        ("2001:db8:0:2::1", 4),
        ("::ffff:192.0.2.1", 4),
        ("::ffff:192.0.2.3", 5),
    ] {
        let ask = function.post("/grants").header("x-forwarded-for", address);
        Answer::of(ask.body(r#"{"filename":"a.wav"}"#)).await.ok();
        assert_eq!(sandbox.calls(Service::Aicontent), calls, "{address}");
    }
}

/// Calls of `tokenByAkSk`, `applyToken`, `uploadFileStream`.
fn aicc_calls(sandbox: &Sandbox) -> [u64; 3] {
    ["tokenByAkSk", "applyToken", "uploadFileStream"]
        .map(|action| sandbox.action_calls(Service::Aicc, action))
}

async fn aicc_upload(function: &Function) -> Answer {
    let grant = function.ask(&json!({ "filename": "a.jpg" })).await.ok();
    upload(&grant, b"hello").await
}

#[tokio::test]
async fn aicc_tokens_serve_several_uploads() {
    let sandbox = sandbox().await;
    let function = Function::of("huawei-aicc", &sandbox, &[]).await;
    for _ in 0..3 {
        aicc_upload(&function).await.ok();
    }
    assert_eq!(aicc_calls(&sandbox), [1, 1, 3]);
}

#[tokio::test]
async fn a_token_in_the_answer_replaces_the_old_one() {
    let sandbox = sandbox().await;
    sandbox.settings(json!({ "aicc_rotate": true }));
    let function = Function::of("huawei-aicc", &sandbox, &[]).await;
    for _ in 0..3 {
        aicc_upload(&function).await.ok();
    }
    assert_eq!(aicc_calls(&sandbox), [1, 1, 3]);
}

#[tokio::test]
async fn an_ended_token_costs_one_round_more_and_no_second() {
    let raw = |status: u16| json!({ "status": status, "body": include_str!("../../replies/huawei-aicc/auth-fail.json") });
    for status in [401, 403] {
        let sandbox = sandbox().await;
        let function = Function::of("huawei-aicc", &sandbox, &[]).await;
        aicc_upload(&function).await.ok();
        let fault = |times: u64| json!({ "target": "aicc", "path_contains": "uploadFileStream", "times": times, "raw": raw(status) });
        sandbox.fault(fault(1));
        aicc_upload(&function).await.ok();
        assert_eq!(aicc_calls(&sandbox), [2, 2, 3], "{status}");
        sandbox.fault(fault(2));
        assert_eq!(aicc_upload(&function).await.problem(), (502, "vendor_auth_failed"));
        assert_eq!(aicc_calls(&sandbox), [3, 3, 5], "{status}");
    }
}

#[tokio::test]
async fn an_ended_bearer_is_noticed_when_applying() {
    let sandbox = sandbox().await;
    sandbox.fault(
        json!({ "target": "aicc", "path_contains": "tokenByAkSk", "times": 1, "expired_tokens": true }),
    );
    let function = Function::of("huawei-aicc", &sandbox, &[]).await;
    aicc_upload(&function).await.ok();
    assert_eq!(aicc_calls(&sandbox), [2, 2, 1]);
}

#[tokio::test]
async fn fifty_callers_that_miss_share_one_call() {
    for (flow, filename, service) in [
        ("alibaba-chatapp", "a.png", Service::Cams),
        ("alibaba-workorder", "a.pdf", Service::Workorder),
        ("alibaba-aicontent", "a.wav", Service::Aicontent),
    ] {
        let sandbox = sandbox().await;
        sandbox.fault(json!({ "target": service.name(), "latency_ms": 100 }));
        let function = std::sync::Arc::new(Function::of(flow, &sandbox, &[]).await);
        let mut asks = JoinSet::new();
        for _ in 0..50 {
            let function = function.clone();
            asks.spawn(async move { function.ask(&json!({ "filename": filename })).await.ok() });
        }
        let grants = asks.join_all().await;
        assert_eq!((grants.len(), sandbox.calls(service)), (50, 1), "{flow}");
    }
    let sandbox = sandbox().await;
    sandbox.fault(json!({ "target": "aicc", "latency_ms": 50 }));
    let function = std::sync::Arc::new(Function::of("huawei-aicc", &sandbox, &[]).await);
    let mut uploads = JoinSet::new();
    for _ in 0..50 {
        let function = function.clone();
        uploads.spawn(async move { aicc_upload(&function).await.ok() });
    }
    assert_eq!((uploads.join_all().await.len(), aicc_calls(&sandbox)), (50, [1, 1, 50]));
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let sandbox = sandbox().await;
    let body = include_str!("../../replies/alibaba-chatapp/unsubscribed.json");
    sandbox.fault(json!({ "target": "cams", "times": 1, "raw": { "status": 400, "body": body } }));
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let request = json!({ "filename": "a.png" });
    assert_eq!(function.ask(&request).await.problem(), (502, "vendor_not_subscribed"));
    assert_eq!(function.ask(&request).await.status, 200);
}
