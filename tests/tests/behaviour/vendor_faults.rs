//! What goes wrong on the way to a vendor: strange bodies, broken connections, throttling, clocks and nonces.

use serde_json::{Value, json};
use tokio::task::JoinSet;
use upload_grant_tests::{Function, Service, sandbox, service, upload};

use super::vendor_errors::{AUTH, BAD, Case, DIRECT, SKEW, SUCCESSOR, THROTTLED, UNAVAILABLE, attempt, run};

type Env = &'static [(&'static str, &'static str)];

const HTML: &str = "<html><body><h1>502 Bad Gateway</h1>LEAK</body></html>";
const XML: &str = "<?xml version='1.0' encoding='UTF-8'?>\n<Error><RequestId>A57FBFD7</RequestId>\
    <Message>LEAK</Message><HostId>h</HostId><Code>CODE</Code></Error>";

/// Every way to ask a vendor, with the path that is asked.
const WAYS: [(&str, Env, Option<&str>); 8] = [
    ("alibaba-chatapp", &[], None),
    ("alibaba-workorder", &[], None),
    ("alibaba-workorder", SUCCESSOR, None),
    ("tencent-lke", &[], None),
    ("alibaba-aicontent", &[], None),
    ("alibaba-aicontent", DIRECT, None),
    ("huawei-aicc", &[], Some("tokenByAkSk")),
    ("huawei-aicc", &[], Some("applyToken")),
];

#[tokio::test]
async fn bodies_that_are_no_answer() {
    let raw = |status: u16, body: &str| json!({ "raw": { "status": status, "body": body } });
    let mut cases = Vec::new();
    for (flow, env, path) in WAYS {
        for (fault, expected, calls) in [
            (raw(200, ""), BAD, 1),
            (raw(200, HTML), BAD, 1),
            (raw(200, "LEAK"), BAD, 1),
            (raw(200, "null"), BAD, 1),
            (raw(200, "[]"), BAD, 1),
            (raw(200, "{}"), BAD, 1),
            (raw(200, "{\"Response\":"), BAD, 1),
            (raw(302, ""), BAD, 1),
            (raw(404, HTML), BAD, 1),
            (raw(502, HTML), UNAVAILABLE, 3),
            (raw(503, ""), UNAVAILABLE, 3),
            (raw(429, HTML), THROTTLED, 3),
            (json!({ "huge": 50_000_000 }), BAD, 1),
            (json!({ "reset": true }), UNAVAILABLE, 3),
            (json!({ "truncate": true }), UNAVAILABLE, 3),
        ] {
            let mut fault = fault;
            if let Some(path) = path {
                fault["path_contains"] = path.into();
            }
            cases.push(Case { flow, env, fault, expected, calls });
        }
    }
    for flow in ["alibaba-chatapp", "alibaba-workorder", "alibaba-aicontent"] {
        for (code, expected, calls) in [("Throttling.User", THROTTLED, 3), ("SignatureDoesNotMatch", AUTH, 1)]
        {
            let fault = raw(400, &XML.replace("CODE", code));
            cases.push(Case { flow, env: &[], fault, expected, calls });
        }
    }
    run(cases).await;
}

#[tokio::test]
async fn one_failure_is_tried_again() {
    let limited = include_str!("../../replies/alibaba-chatapp/limited.json");
    let mut all = JoinSet::new();
    for (flow, env, path) in WAYS {
        for mut fault in [
            json!({ "reset": true }),
            json!({ "raw": { "status": 503, "body": HTML } }),
            json!({ "raw": { "status": 429, "body": limited, "headers": { "x-acs-retry-after": "50" } } }),
        ] {
            all.spawn(async move {
                let sandbox = sandbox().await;
                let vendor = if env == DIRECT { Service::Ssapi } else { service(flow) };
                fault["target"] = vendor.name().into();
                fault["times"] = 1.into();
                fault["path_contains"] = path.into();
                sandbox.fault(fault.clone());
                let answer = attempt(&Function::of(flow, &sandbox, env).await, flow).await;
                assert_eq!(answer.status, 200, "{flow} {fault}: {}", answer.text);
                let calls = path.map_or(sandbox.calls(vendor), |path| sandbox.action_calls(vendor, path));
                assert_eq!(calls, 2, "{flow} {fault}");
            });
        }
    }
    all.join_all().await;
}

#[tokio::test]
async fn the_vendors_hint_is_passed_on() {
    for (headers, retry_after, header) in [
        (json!({ "x-acs-retry-after": "2500" }), 2.5, "3"),
        (json!({ "retry-after": "7" }), 7.0, "7"),
        (json!({ "x-acs-retry-after": "0" }), 1.0, "1"),
        (json!({}), 1.0, "1"),
    ] {
        let sandbox = sandbox().await;
        let body = include_str!("../../replies/alibaba-chatapp/limited.json");
        sandbox
            .fault(json!({ "target": "cams", "raw": { "status": 400, "headers": headers, "body": body } }));
        // Too little time to wait for it: the caller is told instead.
        let function = Function::of("alibaba-chatapp", &sandbox, &[("GRANT_TIMEOUT_SECONDS", "2")]).await;
        let answer = attempt(&function, "alibaba-chatapp").await;
        assert_eq!(answer.problem(), (429, "vendor_throttled"));
        assert_eq!(answer.json["retry_after"], retry_after, "{headers}");
        assert_eq!(answer.header("retry-after"), header, "{headers}");
        let says = json!({
            "code": "System.LimitControl", "request_id": "A57FBFD7-FC9A-54FE-A876-4D5E19577186", "http_status": 400,
        });
        assert_eq!(answer.json["vendor"], says);
    }
}

#[tokio::test]
async fn only_codes_that_look_like_codes_are_passed_on() {
    for code in ["has spaces in it", "<b>", "", &"x".repeat(81)] {
        let sandbox = sandbox().await;
        let body = json!({ "Code": code, "RequestId": "id with <b>", "Message": "m" }).to_string();
        sandbox.fault(json!({ "target": "cams", "raw": { "status": 400, "body": body } }));
        let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
        let answer = attempt(&function, "alibaba-chatapp").await;
        assert_eq!(answer.json["vendor"], json!({ "http_status": 400 }), "{code}");
    }
}

#[tokio::test]
async fn a_used_nonce_is_replaced_at_once() {
    for flow in ["alibaba-chatapp", "alibaba-workorder", "alibaba-aicontent"] {
        let sandbox = sandbox().await;
        let body = json!({ "Code": "SignatureNonceUsed" }).to_string();
        let name = service(flow).name();
        sandbox.fault(json!({ "target": name, "times": 1, "raw": { "status": 400, "body": body } }));
        // The first signature was seen by the vendor, so the sandbox refuses its nonce too.
        sandbox.fault(json!({ "target": name, "times": 1, "after": true }));
        let answer = attempt(&Function::of(flow, &sandbox, &[]).await, flow).await;
        assert_eq!(answer.status, 200, "{flow}: {}", answer.text);
        assert_eq!(sandbox.calls(service(flow)), 2);
    }
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once_and_remembered() {
    let urls = json!({ "lke_upload_url": "only" });
    for (flow, env, vendor, store, expires, cached) in [
        ("alibaba-chatapp", &[][..], json!({}), "oss", 300, true),
        ("alibaba-workorder", &[], json!({}), "oss", 120, true),
        ("alibaba-workorder", SUCCESSOR, json!({}), "oss", 600, false),
        ("tencent-lke", &[], json!({}), "cos", 300, false),
        ("tencent-lke", &[], urls, "cos", 600, false),
        ("alibaba-aicontent", &[], json!({}), "ssapi", 300, true),
    ] {
        for skew in [3600, -3600] {
            let sandbox = sandbox().await;
            sandbox.settings(vendor.clone());
            for target in [service(flow).name(), store] {
                sandbox.fault(json!({ "target": target, "skew_seconds": skew }));
            }
            let function = Function::of(flow, &sandbox, env).await;
            let grant = attempt(&function, flow).await.ok();
            assert_eq!(sandbox.calls(service(flow)), 2, "{flow} {skew}");
            // The seconds left are the same by either clock; a second of the vendor's may have passed.
            let left = grant["expires"].as_i64().expect("seconds");
            assert!((expires - 2..expires + 30).contains(&left), "{flow} {skew}: {grant:#}");
            let answer = upload(&grant, b"hello").await;
            assert!(
                answer.status < 300 && answer.json.get("errId").is_none(),
                "{flow} {skew}: {}",
                answer.text
            );
            attempt(&function, flow).await.ok();
            assert_eq!(sandbox.calls(service(flow)), 2 + u64::from(!cached), "{flow} {skew}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_jumps_is_a_retryable_problem() {
    let sandbox = sandbox().await;
    sandbox.fault(json!({ "target": "lke", "times": 1, "skew_seconds": 3600 }));
    sandbox.fault(json!({ "target": "lke", "skip": 1, "skew_seconds": -3600 }));
    let answer = attempt(&Function::of("tencent-lke", &sandbox, &[]).await, "tencent-lke").await;
    assert_eq!(answer.problem(), (SKEW.1, SKEW.0));
    assert_eq!(sandbox.calls(Service::Lke), 2);
}

#[tokio::test]
async fn a_silent_vendor_is_a_timeout() {
    let sandbox = sandbox().await;
    sandbox.fault(json!({ "target": "cams", "latency_ms": 600_000 }));
    let function = Function::of("alibaba-chatapp", &sandbox, &[("GRANT_TIMEOUT_SECONDS", "1")]).await;
    let answer = attempt(&function, "alibaba-chatapp").await;
    assert_eq!(answer.problem(), (504, "vendor_timeout"));
    assert_eq!(answer.json["vendor"], Value::Null);
}
