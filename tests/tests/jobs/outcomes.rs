//! Three outcomes of a message, never confused: a job, nothing to do, not recognized.

use serde_json::{Value, json};

use crate::{Queue, job};

/// `inner` as it is, and in each envelope that a queue may get it in.
fn wrapped(inner: &Value) -> Vec<String> {
    let text = inner.to_string();
    vec![
        text.clone(),
        json!({ "Type": "Notification", "MessageId": "s", "Message": text }).to_string(),
        json!({ "specversion": "1.0", "id": "c", "source": "/", "type": "t", "data": inner }).to_string(),
        json!({ "version": "0", "id": "e", "detail-type": "Forwarded", "source": "crm", "detail": inner })
            .to_string(),
    ]
}

fn records(record: Value) -> Value {
    json!({ "Records": [record] })
}

fn s3_record(source: &str, name: &str, key: &str, size: u64) -> Value {
    let object = json!({ "key": key, "size": size, "sequencer": "1" });
    json!({ "eventSource": source, "eventName": name, "s3": { "bucket": { "name": "b" }, "object": object } })
}

fn event_bridge(source: &str, kind: &str, detail: Value) -> Value {
    json!({ "version": "0", "id": "17793124", "detail-type": kind, "source": source, "detail": detail })
}

#[tokio::test]
async fn what_is_known_and_nothing_to_do_is_acknowledged() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let object = || json!({ "bucket": { "name": "b" }, "object": { "key": "a.pdf", "size": 5 } });
    let mut known: Vec<Value> = [
        "Object Tags Added",
        "Object Tags Deleted",
        "Object Deleted",
        "Object Restore Initiated",
        "Object Restore Completed",
        "Object Restore Expired",
        "Object Storage Class Changed",
        "Object Access Tier Changed",
        "Object ACL Updated",
        "AWS API Call via CloudTrail",
    ]
    .map(|kind| event_bridge("aws.s3", kind, object()))
    .to_vec();
    for kind in [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "ObjectTagging:Put",
        "ObjectTagging:Delete",
        "ObjectRestore:Post",
        "ObjectRestore:Completed",
        "ObjectAcl:Put",
        "LifecycleExpiration:Delete",
        "Replication:OperationFailedReplication",
        "ReducedRedundancyLostObject",
        "IntelligentTiering",
        "TestEvent",
        "ObjectAccessed:Get",
        "ObjectSynced:Create",
    ] {
        known.push(records(s3_record("aws:s3", kind, "a.pdf", 5)));
        known.push(records(s3_record("minio:s3", &format!("s3:{kind}"), "a.pdf", 5)));
        known.push(records(s3_record("ceph:s3", kind, "a.pdf", 5)));
    }
    known.push(json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b" }));
    known.push(event_bridge("aws.events", "Scheduled Event", json!({})));
    known.push(event_bridge("aws.scheduler", "Scheduled Event", json!("{}")));
    // Folders, as consoles make them.
    known.push(records(s3_record("aws:s3", "ObjectCreated:Put", "inbox/2026/", 0)));
    known.push(records(s3_record("minio:s3", "s3:ObjectCreated:Put", "inbox%2F2026%2F", 0)));
    let folder = json!({ "bucket": { "name": "b" }, "object": { "key": "inbox/", "size": 0 } });
    known.push(event_bridge("aws.s3", "Object Created", folder));
    for event in &known {
        for body in wrapped(event) {
            assert!(queue.deliver(&[("m", None, body.clone())]).await.is_empty(), "{body}");
        }
    }
    assert!(queue.sandbox.objects().is_empty());
}

#[tokio::test]
async fn what_is_not_recognized_fails_and_names_its_source() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let cos = json!({ "cos": { "cosBucket": { "name": "b" }, "cosObject": { "key": "/1/b/a.pdf" } },
        "event": { "eventName": "cos:ObjectCreated:Put", "eventSource": "qcs::cos" } });
    for (event, seen) in [
        (records(cos), "cos:ObjectCreated:Put"),
        (records(json!({ "eventSource": "aws:kinesis", "kinesis": { "data": "" } })), "aws:kinesis"),
        (records(json!({ "eventSource": "aws:dynamodb", "dynamodb": {} })), "aws:dynamodb"),
        (records(json!({ "eventSource": "aws:ses", "ses": {} })), "aws:ses"),
        (records(json!({ "eventSource": "aws:codecommit" })), "aws:codecommit"),
        (records(json!({ "eventSource": "aws:sqs", "body": job("j").to_string() })), "aws:sqs"),
        (records(json!({ "EventSource": "aws:sns", "Sns": {} })), "aws:sns"),
        (records(json!({ "cf": { "request": {} } })), "cf"),
        (records(json!({ "eventSource": "OBS", "eventName": "ObjectCreated:Put", "obs": {} })), "OBS"),
        (records(json!({ "eventSource": "aws:s3", "s3": {} })), "aws:s3"),
        (records(json!(7)), "Records"),
        (json!({ "Records": [] }), "0 records"),
        (json!({ "Records": {} }), "Records"),
        (json!({ "events": [{ "eventSource": "acs:oss", "oss": {} }] }), "acs:oss"),
        (json!({ "eventSource": "aws:kafka", "records": {} }), "aws:kafka"),
        (json!({ "eventSource": "aws:mq", "messages": [] }), "aws:mq"),
        (
            event_bridge("aws.ec2", "EC2 Instance State-change Notification", json!({ "state": "x" })),
            "aws.ec2",
        ),
        (event_bridge("aws.autoscaling", "EC2 Instance Launch Successful", json!({})), "aws.autoscaling"),
        (event_bridge("aws.batch", "Batch Job State Change", json!({ "jobId": "1" })), "aws.batch"),
        (json!({ "source": "aws.cloudwatch", "alarmArn": "a" }), "aws.cloudwatch"),
        (json!({ "requestContext": { "connectionId": "c", "eventType": "MESSAGE" } }), "WebSocket"),
        (json!({ "messageVersion": "1.0", "agent": {}, "httpMethod": "GET", "apiPath": "/" }), "Bedrock"),
        (json!({ "awslogs": { "data": "" } }), "awslogs"),
        (json!({}), "an object"),
    ] {
        for body in wrapped(&event) {
            assert_eq!(queue.deliver(&[("m", None, body.clone())]).await, ["m"], "{body}");
        }
        let answer = queue.send(&event).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{event}");
        let detail = answer.json["detail"].as_str().unwrap();
        assert!(detail.contains(seen) && !detail.contains("filename"), "{detail}");
    }
    for body in ["", "not a job", "7", "null", "[]", "[{}]", "\"text\"", "{", "bm90IGEgam9i"] {
        assert_eq!(queue.deliver(&[("m", None, body.to_owned())]).await, ["m"], "{body}");
    }
    assert!(queue.sandbox.objects().is_empty());
}
