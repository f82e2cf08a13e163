//! `GRANT_METRICS=true`: what Prometheus reads. Counters are of the process, so this file has one test.

use serde_json::json;
use upload_grant_tests::{Answer, Function, sandbox};

#[tokio::test]
async fn metrics_count_requests_and_are_shut_by_default() {
    let sandbox = sandbox().await;
    let shut = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    assert_eq!(Answer::of(shut.get("/metrics")).await.problem(), (404, "not_found"));
    let lambda = [("GRANT_METRICS", "true"), ("GRANT_RUNTIME", "lambda"), ("GRANT_INSECURE", "true")];
    let lambda = Function::of("alibaba-chatapp", &sandbox, &lambda).await;
    assert_eq!(Answer::of(lambda.get("/metrics")).await.problem(), (404, "not_found"));

    let function = Function::of("alibaba-chatapp", &sandbox, &[("GRANT_METRICS", "true")]).await;
    for name in ["a.png", "b.png", "c.exe"] {
        function.ask(&json!({ "filename": name })).await;
    }
    let answer = Answer::of(function.get("/prod/metrics")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    for line in [
        r#"upload_grant_requests_total{code="ok",flow="alibaba-chatapp",route="grants"} 2"#,
        r#"upload_grant_requests_total{code="unsupported_type",flow="alibaba-chatapp",route="grants"} 1"#,
        r#"upload_grant_vendor_calls_total{flow="alibaba-chatapp"} 1"#,
        r#"upload_grant_credentials_total{flow="alibaba-chatapp",result="hit"} 1"#,
        r#"upload_grant_credentials_total{flow="alibaba-chatapp",result="miss"} 1"#,
        r#"upload_grant_duration_seconds_count{flow="alibaba-chatapp",route="grants"} 3"#,
    ] {
        assert!(answer.text.lines().any(|found| found == line), "{line}\n{}", answer.text);
    }
}
