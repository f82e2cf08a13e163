//! Queues, topics and notifications on Lambda.

use serde_json::{Value, json};

use crate::{Lambda, contents, event};

fn failed(answer: &Value) -> Vec<&str> {
    let items = answer["batchItemFailures"].as_array().expect("a report");
    items.iter().map(|item| item["itemIdentifier"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn sqs_standard() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let answer = lambda.invoke(&event("sqs")).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(contents(&lambda.sandbox), ["hello", "hello"]);
    // Delivered again, it is answered from the records.
    assert_eq!(lambda.invoke(&event("sqs")).await.unwrap(), answer);
    assert_eq!(lambda.sandbox.objects().len(), 2);
}

#[tokio::test]
async fn sqs_standard_with_a_poisoned_record() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let mut sent = event("sqs");
    sent["Records"][0]["body"] = "not a job".into();
    let answer = lambda.invoke(&sent).await.unwrap();
    assert_eq!(failed(&answer), ["059f36b4-87a3-44ab-83d2-661975830a7d"]);
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
}

#[tokio::test]
async fn sqs_fifo() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let answer = lambda.invoke(&event("sqs-fifo")).await.unwrap();
    assert_eq!(failed(&answer), ["2e1424d4-f796-459a-8184-9c92662be6da"]);
    assert_eq!(lambda.sandbox.objects().len(), 2);
}

#[tokio::test]
async fn sqs_fifo_fails_the_later_records_of_the_group_and_no_others() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    let mut sent = event("sqs-fifo");
    sent["Records"].as_array_mut().unwrap().rotate_left(1); // the poisoned one first
    let answer = lambda.invoke(&sent).await.unwrap();
    let expected = ["2e1424d4-f796-459a-8184-9c92662be6da", "059f36b4-87a3-44ab-83d2-661975830a7d"];
    assert_eq!(failed(&answer), expected);
    assert_eq!(lambda.sandbox.objects().len(), 1);
}

#[tokio::test]
async fn s3_notification() {
    let lambda = Lambda::with_s3("tencent-lke").await;
    assert_eq!(lambda.invoke(&event("s3")).await, Ok(json!({})));
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
}

#[tokio::test]
async fn s3_notification_in_every_envelope_is_the_same_job() {
    let lambda = Lambda::with_s3("tencent-lke").await;
    let none = json!({ "batchItemFailures": [] });
    assert_eq!(lambda.invoke(&event("s3-in-sqs")).await.unwrap(), none);
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
    assert_eq!(lambda.invoke(&event("s3-in-sns-in-sqs")).await.unwrap(), none);
    assert_eq!(lambda.invoke(&event("s3")).await.unwrap(), json!({}));
    assert_eq!(lambda.invoke(&event("eventbridge-s3")).await.unwrap(), json!({}));
    assert_eq!(lambda.sandbox.objects().len(), 1);
}

#[tokio::test]
async fn s3_in_sns_in_sqs() {
    let lambda = Lambda::with_s3("tencent-lke").await;
    let answer = lambda.invoke(&event("s3-in-sns-in-sqs")).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
}

#[tokio::test]
async fn eventbridge() {
    let lambda = Lambda::with_s3("tencent-lke").await;
    assert_eq!(lambda.invoke(&event("eventbridge-s3")).await, Ok(json!({})));
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
    let own = json!({ "version": "0", "id": "17793124", "detail-type": "Upload", "source": "crm", "detail":
        { "filename": "b.pdf", "source": { "base64": "d29ybGQ=" } } });
    assert_eq!(lambda.invoke(&own).await, Ok(json!({})));
    assert_eq!(contents(&lambda.sandbox), ["hello", "world"]);
}

#[tokio::test]
async fn s3_test_event_is_taken() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    assert_eq!(lambda.invoke(&event("s3-test-event")).await, Ok(json!({})));
    let mut in_sqs = event("sqs");
    in_sqs["Records"][0]["body"] = event("s3-test-event").to_string().into();
    assert_eq!(lambda.invoke(&in_sqs).await, Ok(json!({ "batchItemFailures": [] })));
    assert_eq!(lambda.sandbox.objects().len(), 1);
}

#[tokio::test]
async fn sns_fails_as_a_whole() {
    let lambda = Lambda::with_s3("tencent-lke").await;
    assert_eq!(lambda.invoke(&event("sns")).await, Ok(json!({})));
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
    let mut poisoned = event("sns");
    poisoned["Records"][0]["Sns"]["Message"] = "not a job".into();
    let failure = lambda.invoke(&poisoned).await.unwrap_err();
    assert_eq!(failure["errorType"], "invalid_request", "{failure}");
}

#[tokio::test]
async fn cloudevent() {
    let lambda = Lambda::start("tencent-lke", &[]).await;
    assert_eq!(lambda.invoke(&event("cloudevent")).await, Ok(json!({})));
    assert_eq!(contents(&lambda.sandbox), ["hello"]);
}
