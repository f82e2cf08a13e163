//! What becomes of an event, told by its answer and its line: a job, nothing to do, not recognized.

use serde_json::{Value, json};
use upload_grant_tests::platform::Outcome;

use crate::{Lambda, contents, event};

fn bridge(source: &str, kind: &str) -> Value {
    json!({ "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": kind, "source": source,
        "account": "123456789012", "time": "2026-11-21T08:00:00Z", "region": "us-east-1", "resources": [],
        "detail": {} })
}

#[tokio::test]
async fn timers_are_pings() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let mut scheduler = bridge("aws.scheduler", "Scheduled Event");
    scheduler["detail"] = "{}".into();
    for ping in [bridge("aws.events", "Scheduled Event"), scheduler, bridge("aws.s3", "Object Deleted")] {
        assert_eq!(lambda.invoke(&ping).await, Outcome::Ok(json!({})), "{ping}");
    }
    let line = lambda.process.line(|line| line["seen"] == "Scheduled Event of aws.events").await;
    assert_eq!((&line["route"], &line["code"]), (&json!("nothing"), &json!("ok")));
}

#[tokio::test]
async fn what_is_not_known_names_its_source() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    for (sent, seen) in [
        (bridge("aws.ec2", "EC2 Instance State-change Notification"), "aws.ec2"),
        (json!({ "Records": [{ "eventSource": "aws:kinesis", "kinesis": {} }] }), "aws:kinesis"),
        (json!({ "Records": [{ "eventSource": "aws:dynamodb" }] }), "aws:dynamodb"),
        (
            json!({ "Records": [{ "cos": {}, "event": { "eventName": "cos:ObjectCreated:Put" } }] }),
            "cos:ObjectCreated",
        ),
        (json!({ "eventSource": "aws:kafka", "records": {} }), "aws:kafka"),
        (json!({ "Records": [] }), "Records"),
        (json!([]), "an empty array"),
        (json!([1]), "an array"),
    ] {
        let failure = lambda.invoke(&sent).await.unwrap_err();
        assert_eq!(failure["errorType"], "invalid_request", "{failure}");
        let message = failure["errorMessage"].as_str().unwrap();
        assert!(message.contains(seen) && !message.contains("filename"), "{message}");
        let line =
            lambda.process.line(|line| line["seen"].as_str().is_some_and(|text| text.contains(seen))).await;
        assert_eq!((&line["route"], &line["code"]), (&json!("unknown"), &json!("invalid_request")), "{line}");
    }
}

#[tokio::test]
async fn each_message_of_a_batch_has_its_outcome_and_its_line() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let cos = json!({ "Records": [{ "cos": {}, "event": { "eventName": "cos:ObjectCreated:Put" } }] });
    let kinesis = json!({ "Records": [{ "eventSource": "aws:kinesis" }] });
    let removed =
        json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete", "s3": {} }] });
    let job = json!({ "id": "job-1", "filename": "a.pdf", "source": { "base64": "aGVsbG8=" } });
    let bodies =
        [cos.to_string(), removed.to_string(), kinesis.to_string(), job.to_string(), "not a job".into()];
    let mut sent = event("sqs");
    let record = sent["Records"][0].clone();
    sent["Records"] = bodies
        .iter()
        .enumerate()
        .map(|(index, body)| {
            let mut record = record.clone();
            (record["messageId"], record["body"]) = (format!("m-{index}").into(), body.as_str().into());
            record
        })
        .collect();
    let failed =
        json!([{ "itemIdentifier": "m-0" }, { "itemIdentifier": "m-2" }, { "itemIdentifier": "m-4" }]);
    assert_eq!(lambda.invoke(&sent).await, Ok(json!({ "batchItemFailures": failed })));
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
    for (seen, route, acknowledged) in [
        ("cos:ObjectCreated:Put", "job", false),
        ("aws:kinesis", "job", false),
        ("no JSON object", "job", false),
        ("ObjectRemoved:Delete", "nothing", true),
    ] {
        let is = |line: &Value| line["seen"].as_str().is_some_and(|text| text.contains(seen));
        let line = lambda.process.line(is).await;
        assert_eq!((&line["route"], &line["acknowledged"]), (&json!(route), &json!(acknowledged)), "{line}");
        let code = if acknowledged { "ok" } else { "invalid_request" };
        assert_eq!(line["code"], code, "{line}");
        assert_eq!(lambda.process.lines().iter().filter(|line| is(line)).count(), 1);
    }
}

#[tokio::test]
async fn records_beyond_a_thousand_fail_unread() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let mut sent = event("sqs");
    let (first, second) = (sent["Records"][0].clone(), sent["Records"][1].clone());
    let test = event("s3-test-event").to_string();
    let mut records: Vec<Value> = (0..1_000)
        .map(|index| {
            let mut record = first.clone();
            (record["messageId"], record["body"]) = (format!("m-{index}").into(), test.as_str().into());
            record
        })
        .collect();
    records.push(second.clone());
    sent["Records"] = records.into();
    let failed = json!([{ "itemIdentifier": second["messageId"] }]);
    assert_eq!(lambda.invoke(&sent).await, Ok(json!({ "batchItemFailures": failed })));
    assert!(lambda.sandbox.objects().is_empty());
}
