//! `LKE_FINISH=savedoc`: a job is done when the vendor's document is.

use serde_json::{Value, json};
use upload_grant_tests::Service;
use upload_grant_tests::stub::{Stub, status};

use crate::{Queue, WEBHOOK_SECRET, job};

const FINISH: (&str, &str) = ("LKE_FINISH", "savedoc");

/// How many uploads and `SaveDoc`s there were.
fn calls(queue: &Queue) -> (usize, u64) {
    (queue.sandbox.objects().len(), queue.sandbox.action_calls(Service::Lke, "SaveDoc"))
}

/// Does a job, and takes its receipt from where it is told.
async fn receipt(queue: &Queue, hook: &Stub, mut job: Value) -> Value {
    job["notify"] = json!({ "url": hook.url("/hook") });
    queue.send(&job).await.ok();
    let message: Value = serde_json::from_slice(&hook.seen().pop().expect("a message").body).expect("JSON");
    assert_eq!(message["type"], "upload.completed");
    message["data"].clone()
}

async fn telling(hook: &Stub) -> Queue {
    let hosts = ("GRANT_NOTIFY_HOSTS", hook.host.as_str());
    Queue::of("tencent-lke", &[FINISH, hosts, ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET)]).await
}

#[tokio::test]
async fn a_job_ends_with_its_document() {
    let hook = Stub::start(|_| status(204)).await;
    let queue = telling(&hook).await;
    let told = receipt(&queue, &hook, job("job-1")).await;
    assert_eq!(told["document"]["status"], 10, "{told:#}");
    assert!(told["document"]["id"].as_str().is_some_and(|id| id.len() == 19), "{told:#}");
    assert_eq!(told["handoff"]["actions"], json!(["SaveDoc"]));
    assert_eq!(calls(&queue), (1, 1));
    // Delivered again, it is done.
    let mut again = job("job-1");
    again["notify"] = json!({ "url": hook.url("/hook") });
    queue.send(&again).await.ok();
    assert_eq!((calls(&queue), hook.seen().len()), ((1, 1), 1));
    // The same bytes in another job are the document that is there.
    let twin = receipt(&queue, &hook, job("job-2")).await;
    assert_eq!(twin["document"]["id"], told["document"]["id"]);
    // A chat's file becomes no document.
    let mut chat = job("job-3");
    chat["params"] = json!({ "type_key": "realtime" });
    assert!(receipt(&queue, &hook, chat).await.get("document").is_none());
    assert_eq!(calls(&queue), (3, 2));
}

#[tokio::test]
async fn what_is_not_done_in_time_is_picked_up_where_it_stands() {
    let queue = Queue::of("tencent-lke", &[FINISH, ("GRANT_TIMEOUT_SECONDS", "3")]).await;
    queue.sandbox.settings(json!({ "lke_parsing": 1000 }));
    let records = [("m-1", None, job("job-1").to_string())];
    assert_eq!(queue.deliver(&records).await, ["m-1"], "it is reported");
    assert_eq!(calls(&queue), (1, 1));
    assert_eq!(queue.deliver(&records).await, ["m-1"], "it is still parsing");
    queue.sandbox.settings(json!({ "lke_parsing": 0 }));
    assert!(queue.deliver(&records).await.is_empty());
    assert_eq!(calls(&queue), (1, 1), "no second upload, no second document");
}

#[tokio::test]
async fn a_lost_answer_of_save_doc_costs_no_second_document() {
    let hook = Stub::start(|_| status(204)).await;
    let queue = telling(&hook).await;
    // The credential passes; then the document is made, and nobody hears of it.
    let lost = json!({ "target": "lke", "skip": 1, "after": true, "raw": { "status": 503, "body": "" } });
    queue.sandbox.fault(lost);
    let mut one = job("job-1");
    one["notify"] = json!({ "url": hook.url("/hook") });
    let answer = queue.send(&one).await;
    assert_eq!(answer.problem(), (503, "vendor_unavailable"), "{}", answer.text);
    queue.sandbox.clear_faults();
    let told = receipt(&queue, &hook, job("job-1")).await;
    assert_eq!((queue.sandbox.objects().len(), &told["document"]["status"]), (1, &json!(10)));
    // A refusal is the job's own failure.
    let refused =
        json!({ "Response": { "Error": { "Code": "InvalidParameter", "Message": "m" }, "RequestId": "r" } });
    let raw = json!({ "status": 200, "body": refused.to_string() });
    queue.sandbox.fault(json!({ "target": "lke", "skip": 1, "times": 1, "raw": raw }));
    assert_eq!(queue.send(&job("job-2")).await.problem(), (422, "vendor_rejected"));
}

#[tokio::test]
async fn a_document_that_fails_is_a_job_that_failed() {
    let queue = Queue::of("tencent-lke", &[FINISH]).await;
    queue.sandbox.settings(json!({ "lke_status": 18, "lke_parsing": 0 }));
    let answer = queue.send(&job("job-1")).await;
    assert_eq!(answer.problem(), (422, "vendor_rejected"), "{}", answer.text);
    assert!(answer.text.contains("status 18"), "{}", answer.text);
}

#[tokio::test]
async fn by_default_a_job_ends_with_the_upload() {
    let queue = Queue::of("tencent-lke", &[]).await;
    queue.send(&job("job-1")).await.ok();
    assert_eq!(calls(&queue), (1, 0));
}
