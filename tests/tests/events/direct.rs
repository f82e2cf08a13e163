//! Direct invocations: a bare document in, a bare document or a function error out.

use serde_json::json;

use crate::{Lambda, contents, event};

#[tokio::test]
async fn a_grant_request_is_answered_by_the_bare_grant() {
    // The platform's own permissions guard it: no authorizer, no caller.
    let lambda = Lambda::start("tencent-lke", &[("GRANT_AUTH", "gateway")]).await;
    let grant = lambda.invoke(&event("direct")).await.unwrap();
    assert_eq!((&grant["version"], &grant["flow"]), (&json!(1), &json!("tencent-lke")));
    assert!(grant["url"].as_str().unwrap().starts_with("http"), "{grant}");
    assert!(grant.get("statusCode").is_none());
}

#[tokio::test]
async fn a_problem_is_a_function_error_of_its_code() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    for (request, code) in [
        (json!({ "filename": "a/b.pdf" }), "invalid_filename"),
        (json!({ "filename": "a.exe" }), "unsupported_type"),
        (json!({ "filename": "a.pdf", "size": 999_999_999_999_u64 }), "too_large"),
    ] {
        let failure = lambda.invoke(&request).await.unwrap_err();
        assert_eq!(failure["errorType"], code, "{failure}");
        assert!(!failure["errorMessage"].as_str().unwrap().is_empty());
    }
    lambda.sandbox.fault(json!({ "target": "lke", "raw": { "status": 403 } }));
    let failure = lambda.invoke(&event("direct")).await.unwrap_err();
    assert_eq!(failure["errorType"], "vendor_auth_failed");
}

#[tokio::test]
async fn an_upload_job_is_answered_by_its_receipt() {
    let lambda = Lambda::start("alibaba-chatapp", &[]).await;
    let job = json!({ "filename": "a.pdf", "source": { "base64": "aGVsbG8=" } });
    let receipt = lambda.invoke(&job).await.unwrap();
    assert_eq!((&receipt["verified"], &receipt["size"]), (&json!("function"), &json!(5)));
    // Without an id of its own it is named by the invocation, which retries keep.
    assert!(receipt["job_id"].as_str().unwrap().starts_with("8476a536-"), "{receipt}");
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
    let failure = lambda.invoke(&json!({ "filename": "a.pdf", "source": {} })).await.unwrap_err();
    assert_eq!(failure["errorType"], "invalid_request");
}

#[tokio::test]
async fn an_unknown_event_is_told_what_was_seen() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    for (sent, seen) in [
        (json!({ "Hello": 1, "World": 2 }), "an object with the members Hello, World"),
        (json!("text"), "neither an object nor an array"),
        (json!({ "Records": [{ "eventSource": "aws:dynamodb" }] }), "Records"),
    ] {
        let failure = lambda.invoke(&sent).await.unwrap_err();
        assert_eq!(failure["errorType"], "invalid_request");
        assert!(failure["errorMessage"].as_str().unwrap().contains(seen), "{failure}");
    }
    // Next event, as ever.
    assert!(lambda.invoke(&event("direct")).await.is_ok());
}
