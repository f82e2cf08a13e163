//! Never twice: what a record answers.

use serde_json::json;
use upload_grant_tests::Service;

use crate::{Queue, job};

#[tokio::test]
async fn a_redelivery_is_answered_from_the_record_without_any_vendor_call() {
    let flows = [
        ("alibaba-chatapp", "a.pdf", Service::Cams),
        ("alibaba-workorder", "a.png", Service::Workorder),
        ("tencent-lke", "a.pdf", Service::Lke),
        ("huawei-aicc", "a.txt", Service::Aicc),
    ];
    for (flow, filename, vendor) in flows {
        let queue = Queue::of(flow, &[]).await;
        let mut job = job("job-1");
        job["filename"] = filename.into();
        queue.send(&job).await.ok();
        let calls = queue.sandbox.calls(vendor);
        assert!(calls > 0, "{flow}");
        queue.send(&job).await.ok();
        assert_eq!((queue.sandbox.objects().len(), queue.sandbox.calls(vendor)), (1, calls), "{flow}");
    }
}

#[tokio::test]
async fn a_message_that_comes_twice_in_one_delivery_is_done_once() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let one = job("job-1").to_string();
    assert!(queue.deliver(&[("a", None, one.clone()), ("b", None, one.clone())]).await.is_empty());
    assert_eq!(queue.sandbox.objects().len(), 1);
    // Twins that are none: without an id each is a job of its own, and fails by itself.
    queue.sandbox.fault(json!({ "target": "lke", "times": 1, "raw": { "status": 400 } }));
    let mut nameless = job("");
    nameless.as_object_mut().unwrap().remove("id");
    let nameless = nameless.to_string();
    let failed = queue.deliver(&[("c", None, nameless.clone()), ("d", None, nameless)]).await;
    assert_eq!((failed, queue.sandbox.objects().len()), (vec!["c".to_owned()], 2));
}

#[tokio::test]
async fn another_body_under_a_done_id_is_refused() {
    let queue = Queue::of("tencent-lke", &[]).await;
    queue.send(&job("job-1")).await.ok();
    let mut other = job("job-1");
    other["source"] = json!({ "base64": "d29ybGQ=" });
    let answer = queue.send(&other).await;
    assert_eq!(answer.problem(), (400, "invalid_request"));
    assert_eq!(answer.json["errors"][0]["pointer"], "/id");
    assert_eq!(queue.sandbox.objects().len(), 1);
    queue.send(&job("job-1")).await.ok();
    // The same, as another writer of JSON puts it.
    let same = r#"{ "source": {"base64": "aGVsbG8="}, "filename" : "a.pdf", "id": "job-1" }"#;
    assert!(queue.deliver(&[("m", None, same.to_owned())]).await.is_empty());
}

#[tokio::test]
async fn without_an_id_the_message_names_the_job() {
    let queue = Queue::of("tencent-lke", &[]).await;
    let mut nameless = job("");
    nameless.as_object_mut().unwrap().remove("id");
    let body = nameless.to_string();
    for _ in 0..2 {
        assert!(queue.deliver(&[("m-1", None, body.clone()), ("m-2", None, body.clone())]).await.is_empty());
    }
    assert_eq!(queue.sandbox.objects().len(), 2);
}

#[tokio::test]
async fn an_oss_object_that_is_there_already_is_the_jobs_own() {
    let queue = Queue::of("alibaba-chatapp", &[]).await;
    queue.send(&job("job-1")).await.ok();
    // Another instance, which knows nothing of it.
    let vars = queue.sandbox.env("alibaba-chatapp");
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (&**name, &**value)).collect();
    let other = upload_grant_tests::Function::of(
        "alibaba-chatapp",
        &queue.sandbox,
        &[&vars[..], &[("GRANT_EVENTS", "trusted")]].concat(),
    )
    .await;
    let other = Queue { function: other, sandbox: queue.sandbox.clone() };
    other.send(&job("job-1")).await.ok();
    let objects = queue.sandbox.objects();
    assert_eq!((objects.len(), objects[0].size), (1, 5));
}

#[tokio::test]
async fn what_failed_for_now_is_done_the_next_time() {
    let queue = Queue::of("tencent-lke", &[]).await;
    queue.sandbox.fault(json!({ "target": "cos", "raw": { "status": 503 }, "times": 1 }));
    let answer = queue.send(&job("job-1")).await;
    assert_eq!((answer.problem(), &answer.json["retryable"]), ((502, "upload_failed"), &json!(true)));
    queue.send(&job("job-1")).await.ok();
    assert_eq!(queue.sandbox.objects().len(), 1);
}
