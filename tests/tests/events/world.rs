//! What other programs get as events: the shapes of public samples, each with what it is to us. None may panic,
//! hang or be taken for something else.
//!
//! The shapes are those of the samples of `aws_lambda_events` 1.2.1, `lambda_http` 1.3.2 and `aws-sam-cli` 1.170.0,
//! their values left out but for those that tell what they are.

use std::time::Duration;

use serde_json::Value;
use upload_grant_runtime::event::{Event, classify, read_http};
use upload_grant_tests::{Answer, Function, sandbox};

use crate::event;

fn outcome(event: &str) -> String {
    match read_http(event) {
        Some(Ok(request)) => return format!("http {:?}", request.shape),
        Some(Err(problem)) => return format!("no request: {problem}"),
        None => {}
    }
    match classify(event) {
        Ok(Event::Messages(delivery)) => format!("messages {}", delivery.messages.len()),
        Ok(Event::Request(_) | Event::Job(_)) => "direct".to_owned(),
        Ok(Event::Nothing(_)) => "nothing".to_owned(),
        Err(problem) => problem.detail,
    }
}

#[tokio::test]
async fn every_sample_is_what_it_is() {
    let sandbox = sandbox().await;
    let open = [("GRANT_EVENTS", "trusted"), ("GRANT_INSECURE", "true"), ("FC_FUNCTION_NAME", "f")];
    let function = Function::of("tencent-lke", &sandbox, &open).await;
    let samples = event("world");
    let samples = samples.as_array().unwrap();
    assert!(samples.len() > 100, "{}", samples.len());
    for sample in samples {
        let (name, expected) = (&sample["name"], sample["outcome"].as_str().unwrap());
        let text = sample["event"].to_string();
        let outcome = outcome(&text);
        match expected.strip_prefix("unknown") {
            Some(source) => {
                assert!(outcome.starts_with("this event is not known"), "{name}: {outcome}");
                assert!(
                    outcome.contains(source.trim()) && !outcome.contains("filename"),
                    "{name}: {outcome}"
                );
            }
            None => assert_eq!(outcome, expected, "{name}"),
        }
        // By every door that takes events.
        let events = function.post("/events").body(text.clone());
        let invoke = function.post("/invoke").header("x-fc-control-path", "/invoke").body(text);
        for request in [events, invoke] {
            let answer = tokio::time::timeout(Duration::from_secs(30), Answer::of(request)).await;
            let answer = answer.expect("an answer in time");
            assert!(answer.status < 600 && answer.json["code"] != "internal", "{name}: {}", answer.text);
            let is_job = matches!(&answer.json["location"], Value::String(_));
            assert!(!is_job, "{name}: {}", answer.text);
        }
    }
    assert!(sandbox.objects().is_empty());
}
