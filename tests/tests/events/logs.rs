//! What the binaries write: one JSON line per request or message, and on Lambda its metrics.

use serde_json::{Value, json};
use upload_grant_tests::process::Process;
use upload_grant_tests::stub::{Stub, status};
use upload_grant_tests::{Answer, client, sandbox};

use crate::{Lambda, event};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn with<'a>(lines: &'a [Value], name: &str, value: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line[name] == value).collect()
}

#[tokio::test]
async fn one_line_per_request() {
    let sandbox = sandbox().await;
    let (process, url) = Process::serving("alibaba-chatapp", &sandbox, &[]).await;
    let ask = || client().post(format!("{url}/grants")).body(json!({ "filename": "a.pdf" }).to_string());
    let first = Answer::of(ask().header("traceparent", TRACEPARENT).header("x-request-id", "r-1")).await.ok();
    Answer::of(ask().header("traceparent", "garbage").header("x-request-id", "r-2")).await.ok();
    let refused = client().post(format!("{url}/grants")).body("{}").header("x-request-id", "r-3");
    assert_eq!(Answer::of(refused).await.status, 400);
    process.line(|line| line["request_id"] == "r-3").await;
    let lines = process.lines();
    let [one] = with(&lines, "request_id", "r-1")[..] else { unreachable!("{lines:#?}") };
    for (name, value) in [
        ("level", json!("INFO")),
        ("flow", json!("alibaba-chatapp")),
        ("route", json!("grants")),
        ("method", json!("POST")),
        ("mode", json!("form")),
        ("code", json!("ok")),
        ("status", json!(200)),
        ("cache", json!("miss")),
        ("cold", json!(true)),
        ("trace_id", json!(TRACE_ID)),
        ("vendor_calls", json!(1)),
        ("grant_id", first["id"].clone()),
        ("vendor_request_id", first["vendor"]["request_id"].clone()),
    ] {
        assert_eq!(one[name], value, "{name} in {one}");
    }
    assert!(one["ms"].is_u64() && one["vendor_request_id"].is_string(), "{one}");
    let [two] = with(&lines, "request_id", "r-2")[..] else { unreachable!("{lines:#?}") };
    assert_eq!(
        (&two["cache"], &two["cold"], &two["vendor_calls"]),
        (&json!("hit"), &json!(false), &json!(0))
    );
    assert!(two.get("trace_id").is_none(), "{two}");
    let [three] = with(&lines, "request_id", "r-3")[..] else { unreachable!("{lines:#?}") };
    assert_eq!((&three["code"], &three["status"]), (&json!("invalid_request"), &json!(400)));
    // Metrics are for Lambda.
    assert!(!lines.iter().any(|line| line.get("_aws").is_some()));
}

#[tokio::test]
async fn one_line_per_message() {
    let sandbox = sandbox().await;
    let (process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let send = client().post(format!("{url}/events")).body(event("fc-mns-objects").to_string());
    Answer::of(send.header("x-request-id", "r-1").header("traceparent", TRACEPARENT)).await.ok();
    process.line(|line| line["route"] == "events").await;
    let lines = process.lines();
    for id in ["job-1", "job-2"] {
        let [job] = with(&lines, "job_id", id)[..] else { unreachable!("{lines:#?}") };
        for (name, value) in [
            ("request_id", json!("r-1")),
            ("trace_id", json!(TRACE_ID)),
            ("route", json!("job")),
            ("code", json!("ok")),
            ("mode", json!("put")),
            ("acknowledged", json!(true)),
            ("vendor_calls", json!(1)),
        ] {
            assert_eq!(job[name], value, "{name} in {job}");
        }
        assert!(job["vendor_request_id"].is_string() && job["cold"].is_boolean(), "{job}");
    }
}

#[tokio::test]
async fn the_trace_goes_on_to_the_vendor() {
    let sandbox = sandbox().await;
    let vendor = Stub::start(|_| status(503)).await;
    let url = vendor.url("");
    let function = upload_grant_tests::Function::of("tencent-lke", &sandbox, &[("LKE_ENDPOINT", &url)]).await;
    let ask = || function.post("/grants").body(json!({ "filename": "a.pdf" }).to_string());
    Answer::of(ask().header("traceparent", TRACEPARENT)).await;
    let seen = vendor.seen();
    assert!(!seen.is_empty() && seen.iter().all(|one| one.header("traceparent") == TRACEPARENT));
    Answer::of(ask().header("traceparent", "00-x-y-z")).await;
    assert!(vendor.seen()[seen.len()..].iter().all(|one| one.headers.get("traceparent").is_none()));
}

#[tokio::test]
async fn on_lambda_every_line_has_its_metrics() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    lambda.invoke(&event("alb")).await.unwrap();
    lambda.invoke(&event("direct")).await.unwrap();
    lambda.invoke(&json!({ "what": 1 })).await.unwrap_err();
    lambda.invoke(&event("sqs-fifo")).await.unwrap();
    lambda.process.line(|line| line["job_id"] == "job-3").await;
    let told = |lines: &[Value]| lines.iter().filter(|line| line.get("_aws").is_some()).count();
    let lines = lambda.process.lines();
    let routes = |name: &str| with(&lines, "route", name).len();
    assert_eq!(
        (routes("grants"), routes("direct"), routes("unknown"), routes("job")),
        (1, 1, 1, 3),
        "{lines:#?}"
    );
    // Every invocation is named in its lines.
    assert!(
        lines.iter().filter(|line| line.get("route").is_some()).all(|line| line["request_id"].is_string())
    );
    lambda.invoke(&json!({ "what": 1 })).await.unwrap_err();
    lambda.process.line(|line| line["route"] == "unknown" && line["cold"] == false).await;
    let lines = lambda.process.lines();
    assert!(told(&lines) >= 6, "{lines:#?}");
    let metrics: Vec<&Value> = lines.iter().filter(|line| line.get("_aws").is_some()).collect();
    let directive = &metrics[0]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "UploadGrants");
    assert_eq!(directive["Dimensions"], json!([["flow"]]));
    for metric in directive["Metrics"].as_array().unwrap() {
        let name = metric["Name"].as_str().unwrap();
        assert!(metrics.iter().all(|one| one[name].is_u64()), "{name}");
    }
    assert!(metrics[0]["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(
        (&metrics[0]["Requests"], &metrics[0]["VendorCalls"], &metrics[0]["Errors"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let errors: u64 = metrics[..6].iter().filter_map(|one| one["Errors"].as_u64()).sum();
    // The poisoned message; an event nobody knows is its sender's mistake.
    assert_eq!(errors, 1, "{metrics:#?}");
}
