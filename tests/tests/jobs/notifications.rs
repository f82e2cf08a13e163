//! Notifications of object stores: whose they are, which of them are jobs, and what their files are called.

use serde_json::{Value, json};
use upload_grant_tests::s3::{self, Object};
use upload_grant_tests::stub::Stub;

use crate::Queue;

const fn object(key: &'static str, bytes: &'static [u8]) -> Object {
    Object { bucket: "source-bucket", key, version: None, bytes }
}

static OBJECTS: &[Object] = &[
    object("inbox/a b.pdf", b"hello"),
    object("inbox/scan", b"%PDF-1.7"),
    object("inbox/scan.2026-01", b"%PDF-1.7"),
    object("inbox/scan.old", b"%PDF-1.7"),
    object("inbox/unknown", b"hello"),
    object("inbox/a\\b\t\u{7f}.pdf", b"hello"),
    object("inbox/folder.pdf/", b"hello"),
];

async fn queue() -> (Queue, Stub) {
    let store = s3::start(OBJECTS).await;
    let vars = s3::env(&store);
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (&**name, &**value)).collect();
    (Queue::of("tencent-lke", &vars).await, store)
}

fn record(source: &str, name: &str, key: &str, size: u64) -> Value {
    let object = json!({ "key": key, "size": size, "versionId": "", "sequencer": "1" });
    let s3 = json!({ "s3SchemaVersion": "1.0", "bucket": { "name": "source-bucket" }, "object": object });
    json!({ "eventSource": source, "eventName": name, "s3": s3 })
}

fn body(records: &[Value]) -> String {
    json!({ "Records": records }).to_string()
}

#[tokio::test]
async fn of_aws_and_of_stores_like_it_they_are_jobs() {
    for (source, name) in [
        ("aws:s3", "ObjectCreated:Put"),
        ("aws:s3", "ObjectCreated:CompleteMultipartUpload"),
        ("minio:s3", "s3:ObjectCreated:Put"),
        ("minio:s3", "s3:ObjectCreated:Copy"),
        ("ceph:s3", "ObjectCreated:Put"),
        ("ceph:s3", "s3:ObjectCreated:Post"),
        ("garage:s3", "s3:ObjectCreated:Put"),
    ] {
        let (queue, _store) = queue().await;
        let one = body(&[record(source, name, "inbox/a+b.pdf", 5)]);
        assert!(queue.deliver(&[("m", None, one)]).await.is_empty(), "{source} {name}");
        assert_eq!(queue.sandbox.objects().len(), 1, "{source} {name}");
        // The rules for buckets are as ever.
        let mut other = record(source, name, "inbox/a+b.pdf", 5);
        other["s3"]["bucket"]["name"] = "other-bucket".into();
        assert_eq!(queue.deliver(&[("m", None, body(&[other]))]).await, ["m"]);
    }
}

#[tokio::test]
async fn a_folder_is_nothing_to_do_and_its_neighbours_are_done() {
    let (queue, _store) = queue().await;
    let all = [
        record("aws:s3", "ObjectCreated:Put", "inbox/2026/", 0),
        record("aws:s3", "ObjectRemoved:Delete", "inbox/gone.pdf", 5),
        record("aws:s3", "ObjectCreated:Put", "inbox/a+b.pdf", 5),
    ];
    assert!(queue.deliver(&[("m", None, body(&all))]).await.is_empty());
    assert_eq!(queue.sandbox.objects().len(), 1);
    // With bytes in it, it is a file.
    let file = record("aws:s3", "ObjectCreated:Put", "inbox/folder.pdf/", 5);
    assert!(queue.deliver(&[("m", None, body(&[file]))]).await.is_empty());
    assert_eq!(queue.sandbox.objects().len(), 2);
}

#[tokio::test]
async fn where_the_key_says_no_type_the_object_does() {
    let (queue, _store) = queue().await;
    for key in ["inbox/scan", "inbox/scan.2026-01", "inbox/scan.old"] {
        let one = body(&[record("aws:s3", "ObjectCreated:Put", key, 8)]);
        assert!(queue.deliver(&[("m", None, one)]).await.is_empty(), "{key}");
        let stored = queue.sandbox.objects();
        let stored = stored.iter().filter(|object| object.content_type.as_deref() == Some("application/pdf"));
        assert!(stored.clone().all(|object| object.key.ends_with(".pdf")), "{key}");
    }
    assert_eq!(queue.sandbox.objects().len(), 3);
    // And if that says nothing either, it is refused.
    let one = body(&[record("aws:s3", "ObjectCreated:Put", "inbox/unknown", 5)]);
    assert_eq!(queue.deliver(&[("m", None, one)]).await, ["m"]);
}

#[tokio::test]
async fn what_no_file_can_be_called_is_replaced_in_its_name() {
    let (queue, _store) = queue().await;
    let one = body(&[record("aws:s3", "ObjectCreated:Put", "inbox/a%5Cb%09%7F.pdf", 5)]);
    assert!(queue.deliver(&[("m", None, one)]).await.is_empty());
    assert_eq!(queue.sandbox.objects().len(), 1);
}
