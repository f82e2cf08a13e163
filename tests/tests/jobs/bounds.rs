//! How much a delivery may hold, and how deep.

use serde_json::{Value, json};
use upload_grant_tests::Answer;
use upload_grant_tests::stub::{Stub, status};

use crate::{Queue, WEBHOOK_SECRET, job};

fn sqs(id: &str, body: &str) -> Value {
    json!({ "messageId": id, "body": body, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:x:1:q" })
}

async fn post(queue: &Queue, body: impl Into<String>) -> Answer {
    Answer::of(queue.function.post("/events").body(body.into())).await
}

#[tokio::test]
async fn three_envelopes_are_opened_and_no_more() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let kinds: [fn(Value) -> Value; 4] = [
        |inner| json!({ "specversion": "1.0", "id": "c", "source": "/", "type": "t", "data": inner }),
        |inner| json!({ "Type": "Notification", "MessageId": "s", "Message": inner.to_string() }),
        |inner| json!({ "version": "0", "id": "e", "detail-type": "x", "source": "crm", "detail": inner }),
        |inner| json!({ "specversion": "1.0", "id": "c", "type": "mns:x", "data": { "messageBody": inner.to_string() } }),
    ];
    for (at, kind) in kinds.iter().enumerate() {
        let mut message = job(&format!("job-{at}"));
        for depth in 0..6 {
            let failed = queue.deliver(&[("m", None, message.to_string())]).await;
            assert_eq!(failed.is_empty(), depth <= 3, "{at} {depth}");
            message = kind(message);
        }
    }
    // The platform's own record is not counted: here it is the CloudEvent that `send` makes.
    let mixed = kinds[1](kinds[2](kinds[0](job("mixed"))));
    queue.send(&mixed).await.ok();
    assert_eq!(queue.send(&kinds[0](mixed)).await.problem(), (400, "invalid_request"));
    // Nor is EventBridge where it is what delivers.
    let own = kinds[2](kinds[1](kinds[0](kinds[3](job("bridge")))));
    assert_eq!(post(&queue, own.to_string()).await.status, 200);
    assert_eq!(post(&queue, kinds[2](own).to_string()).await.status, 400);
}

#[tokio::test]
async fn a_thousand_messages_and_no_more() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let event =
        |index: usize| json!({ "specversion": "1.0", "id": format!("m-{index}"), "type": "t", "data": 7 });
    let array = |count: usize| Value::Array((0..count).map(event).collect()).to_string();
    assert_eq!(post(&queue, array(1_000)).await.problem(), (400, "invalid_request"));
    assert_eq!(post(&queue, array(1_001)).await.problem(), (413, "too_large"));
    let records = |count: usize| {
        let records: Vec<Value> = (0..count).map(|index| sqs(&format!("m-{index}"), "x")).collect();
        json!({ "Records": records }).to_string()
    };
    let report = post(&queue, records(1_000)).await.ok();
    assert_eq!(report["batchItemFailures"].as_array().unwrap().len(), 1_000);
    assert_eq!(post(&queue, records(1_001)).await.problem(), (413, "too_large"));
    let created = json!({ "eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete", "s3": {} });
    let many = |count: usize| json!({ "Records": vec![created.clone(); count] }).to_string();
    assert!(queue.deliver(&[("m", None, many(1_000))]).await.is_empty());
    assert_eq!(queue.deliver(&[("m", None, many(1_001))]).await, ["m"]);
}

#[tokio::test]
async fn an_array_with_anything_but_objects_is_no_delivery() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let good = json!({ "specversion": "1.0", "id": "m", "type": "t", "data": job("job-1") });
    for body in [
        json!([0]),
        json!([0, 0, 0]),
        json!([good, 0]),
        json!([good, "x"]),
        json!([good, null]),
        json!([[good]]),
        json!([good, good.to_string()]),
        json!([]),
        json!([true]),
        json!([1.5, {}]),
    ] {
        assert_eq!(post(&queue, body.to_string()).await.problem(), (400, "invalid_request"), "{body}");
    }
    assert_eq!(post(&queue, format!("[{}0]", "0,".repeat(40_000))).await.problem().0, 400);
    assert!(queue.sandbox.objects().is_empty());
    // A mark that some writers put in front is none of the JSON.
    assert_eq!(post(&queue, format!("\u{feff}{}", json!([good]))).await.status, 200);
    assert_eq!(queue.sandbox.objects().len(), 1);
}

#[tokio::test]
async fn rubbish_is_told_once_in_a_delivery_and_stays_with_the_queue() {
    let hook = Stub::start(|_| status(204)).await;
    let url = hook.url("/");
    let settings = [("GRANT_NOTIFY_URL", &*url), ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET)];
    let queue = Queue::of("tencent-lke", &settings).await;
    let good = json!({ "specversion": "1.0", "id": "m", "type": "t", "data": job("job-1") });
    let mut all = vec![json!({ "x": 1 }); 300];
    all.push(good);
    assert_eq!(post(&queue, Value::Array(all).to_string()).await.problem(), (400, "invalid_request"));
    let kinds: Vec<String> =
        hook.seen().iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect();
    assert_eq!(kinds.iter().filter(|body| body.contains("upload.failed")).count(), 1, "{kinds:?}");
    assert_eq!(queue.sandbox.objects().len(), 1);
    // What is no job is never acknowledged, whoever was told of it.
    let ids: Vec<String> = (0..5).map(|index| format!("r-{index}")).collect();
    let records: Vec<_> = ids.iter().map(|id| (id.as_str(), None, "not a job".to_owned())).collect();
    let failed = queue.deliver(&records).await;
    assert_eq!((failed.len(), hook.seen().len()), (5, 3));
}

#[tokio::test]
async fn a_message_id_that_cannot_be_shown_is_shown_nowhere() {
    let hook = Stub::start(|_| status(500)).await;
    let url = hook.url("/");
    let settings = [("GRANT_NOTIFY_URL", &*url), ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET)];
    let queue = Queue::of("tencent-lke", &settings).await;
    let mut nameless = job("");
    nameless.as_object_mut().unwrap().remove("id");
    let event =
        |id: &str| json!({ "specversion": "1.0", "id": id, "type": "t", "data": nameless }).to_string();
    for id in ["x".repeat(513), "x".repeat(3 << 20), "b\nvictim-1".into(), "\u{0}".into(), "\u{85}".into()] {
        assert_eq!(post(&queue, event(&id)).await.problem(), (400, "invalid_request"));
        let sns = json!({ "Type": "Notification", "MessageId": id, "Message": nameless.to_string() });
        assert_eq!(queue.deliver(&[("m", None, sns.to_string())]).await, ["m"]);
        assert_eq!(queue.deliver(&[(&id, None, nameless.to_string())]).await, [id]);
    }
    assert!(queue.sandbox.objects().is_empty());
    for seen in hook.seen() {
        assert!(seen.body.len() < 2_000 && !String::from_utf8_lossy(&seen.body).contains("victim"));
    }
    let queue = Queue::of("tencent-lke", &[]).await;
    assert_eq!(post(&queue, event(&"x".repeat(512))).await.status, 200);
    assert_eq!(queue.sandbox.objects().len(), 1);
}

#[tokio::test]
async fn a_job_of_very_many_values_is_none() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let mut many = job("job-1");
    many["rest"] = json!(vec![0; 20_000]);
    assert_eq!(queue.deliver(&[("m", None, many.to_string())]).await, ["m"]);
    many["rest"] = json!(vec![0; 5_000]);
    assert!(queue.deliver(&[("m", None, many.to_string())]).await.is_empty());
    // Too deep for JSON is no job either, and no overflow.
    for depth in [100, 5_000, 100_000] {
        let deep = format!("{{\"filename\":\"a.pdf\",\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(queue.deliver(&[("m", None, deep)]).await, ["m"], "{depth}");
    }
}

/// A job's own id is bounded as its message's is.
#[tokio::test]
async fn a_jobs_own_id_may_have_512_bytes() {
    let queue = Queue::of("tencent-lke", &[]).await;
    for (length, stays) in [(256, false), (257, false), (512, false), (513, true)] {
        let failed = queue.deliver(&[("m", None, job(&"i".repeat(length)).to_string())]).await;
        assert_eq!(!failed.is_empty(), stays, "{length}");
    }
    assert_eq!(queue.deliver(&[("m", None, job("a\nb").to_string())]).await, ["m"]);
}

/// As SNS posts it to a subscribed address.
#[tokio::test]
async fn a_notification_of_sns_may_come_alone() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let mut inner = job("");
    inner.as_object_mut().unwrap().shift_remove("id");
    let sns =
        json!({ "Type": "Notification", "MessageId": "m-1", "TopicArn": "t", "Message": inner.to_string() });
    for _ in 0..2 {
        assert_eq!(post(&queue, sns.to_string()).await.status, 200);
    }
    assert_eq!(queue.sandbox.objects().len(), 1, "its id is the message's");
    // A question whether to subscribe is none.
    let question = json!({ "Type": "SubscriptionConfirmation", "MessageId": "m-2", "Message": "x", "SubscribeURL": "https://x" });
    assert_eq!(post(&queue, question.to_string()).await.problem(), (400, "invalid_request"));
}
