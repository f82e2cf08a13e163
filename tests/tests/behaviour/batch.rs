//! `{"files": […]}`: the grants of several files in one request.

use serde_json::{Value, json};
use upload_grant_tests::{FLOWS, Function, Service, sandbox, upload};

async fn grants(function: &Function, files: Value) -> Vec<Value> {
    let answer = function.ask(&json!({ "files": files })).await.ok();
    answer["grants"].as_array().expect("a list of grants").clone()
}

#[tokio::test]
async fn each_flow_grants_a_list_and_every_grant_takes_its_file() {
    for flow in FLOWS {
        let sandbox = sandbox().await;
        let function = Function::of(flow.name, &sandbox, &[]).await;
        let file: Value = serde_json::from_str(&flow.request()).unwrap();
        let files = vec![file; 3];
        let granted = grants(&function, json!(files)).await;
        let ids: std::collections::BTreeSet<&str> =
            granted.iter().map(|grant| grant["id"].as_str().unwrap()).collect();
        assert_eq!((granted.len(), ids.len()), (3, 3), "{}", flow.name);
        for grant in &granted {
            assert!(upload(grant, flow.bytes).await.status < 300, "{}", flow.name);
        }
    }
}

#[tokio::test]
async fn a_bad_file_is_a_problem_in_its_place_with_pointers_into_itself() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let files = json!([
        { "filename": "a.png" },
        { "filename": "a/b.png" },
        { "filename": "a.exe" },
        { "filename": "a.png", "size": 99_999_999 },
        { "filename": "b.png", "mode": "put" },
    ]);
    let answers = grants(&function, files).await;
    let seen: Vec<(&str, &str)> = answers
        .iter()
        .map(|answer| {
            let pointer = answer["errors"][0]["pointer"].as_str().unwrap_or_default();
            (answer["code"].as_str().or(answer["mode"].as_str()).unwrap(), pointer)
        })
        .collect();
    assert_eq!(seen[0], ("form", ""));
    assert_eq!(seen[1], ("invalid_filename", "/filename"));
    assert_eq!(seen[2].0, "unsupported_type");
    assert_eq!(seen[3], ("too_large", "/size"));
    assert_eq!(seen[4], ("put", ""));
    assert_eq!((&answers[1]["flow"], &answers[1]["status"]), (&json!("alibaba-chatapp"), &json!(400)));
    assert!(answers[1]["request_id"].is_string(), "{}", answers[1]);
    assert_eq!(sandbox.calls(Service::Cams), 1);
}

#[tokio::test]
async fn a_list_that_is_none_is_refused_as_a_whole() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let many: Vec<Value> = (0..21).map(|_| json!({ "filename": "a.png" })).collect();
    for files in [json!([]), json!({}), json!("a.png"), json!(["a.png"]), json!([null]), json!(many)] {
        let answer = function.ask(&json!({ "files": files })).await;
        assert_eq!(answer.problem(), (400, "invalid_request"));
        assert_eq!(answer.json["errors"][0]["pointer"], "/files", "{files}");
    }
    // A file that is named beside it is what counts.
    let one = function.ask(&json!({ "filename": "a.png", "files": [] })).await.ok();
    assert_eq!(one["mode"], "form");
}

#[tokio::test]
async fn each_file_counts_for_the_rate_as_a_request_does() {
    let sandbox = sandbox().await;
    let policy = r#"{"groups":[{"per_minute":3}]}"#;
    let function = Function::of("alibaba-chatapp", &sandbox, &[("GRANT_POLICY", policy)]).await;
    let files: Vec<Value> = (0..5).map(|_| json!({ "filename": "a.png" })).collect();
    let codes: Vec<Value> =
        grants(&function, json!(files)).await.iter().map(|answer| answer["code"].clone()).collect();
    let limited = json!("rate_limited");
    assert_eq!(codes, [Value::Null, Value::Null, Value::Null, limited.clone(), limited]);
    assert_eq!(function.ask(&json!({ "filename": "a.png" })).await.problem(), (429, "rate_limited"));
}

/// Vendor calls of half a second's distance: not all of twenty have their turn in the time of one request.
#[tokio::test]
async fn a_list_has_the_time_of_one_request() {
    let sandbox = sandbox().await;
    let settings = [("GRANT_VENDOR_RPS", "2"), ("GRANT_TIMEOUT_SECONDS", "2")];
    let function = Function::of("tencent-lke", &sandbox, &settings).await;
    let files: Vec<Value> = (0..20).map(|_| json!({ "filename": "a.md", "size": 5 })).collect();
    let answers = grants(&function, json!(files)).await;
    assert_eq!(answers.len(), 20);
    let late = answers.iter().filter(|answer| answer["code"].is_string());
    assert!(late.clone().count() >= 10, "{answers:?}");
    for answer in late {
        assert!(answer["retryable"] == true && answer["retry_after"].is_number(), "{answer}");
    }
}
