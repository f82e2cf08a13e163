//! What is in the table: `make test-dynamodb`. The suite of `redis.rs` runs there too.

use std::process::Command;

use serde_json::{Value, json};
use upload_grant_tests::process::Process;
use upload_grant_tests::shared_store::{Place, SharedStore};
use upload_grant_tests::{Answer, client, sandbox, upload};

async fn serving(place: &Place) -> (upload_grant_tests::Sandbox, Process, String) {
    let sandbox = sandbox().await;
    let vars = place.vars();
    let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (process, url) = Process::serving("alibaba-chatapp", &sandbox, &vars).await;
    (sandbox, process, url)
}

async fn post(url: &str, document: &Value) -> Answer {
    Answer::of(client().post(url).body(document.to_string())).await
}

fn job(id: &str, base64: &str) -> Value {
    json!({ "id": id, "filename": "a.pdf", "source": { "base64": base64 } })
}

#[tokio::test]
#[ignore = "needs an implementation of DynamoDB's API: make test-dynamodb"]
async fn powertools_reads_our_records_as_completed() {
    let store = SharedStore::start().await;
    let place = store.place().await;
    let (_sandbox, _process, url) = serving(&place).await;
    assert_eq!(post(&format!("{url}/events"), &job("good", "aGVsbG8=")).await.status, 200);
    let mut bad = job("bad", "aGVsbG8=");
    bad["checksums"] = json!({ "sha256": "0".repeat(64) });
    assert_eq!(post(&format!("{url}/events"), &bad).await.problem(), (422, "checksum_mismatch"));
    let ids = ["good", "bad"].map(|id| format!("upload-grant:job:alibaba-chatapp:{id}"));
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/store-venv/bin/python");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/redis/powertools.py");
    let table = place.address.trim_start_matches("dynamodb://");
    let endpoint = format!("http://127.0.0.1:{}", store.port());
    let read = Command::new(tools).args([script, &endpoint, table]).args(ids).output().expect("python");
    let lines = String::from_utf8_lossy(&read.stdout);
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    println!("{lines}");
    assert_eq!(records.len(), 2, "{}", String::from_utf8_lossy(&read.stderr));
    for record in &records {
        assert_eq!((&record["status"], &record["expired"]), (&json!("COMPLETED"), &json!(false)));
        assert_eq!(record["validation"].as_str().map(str::len), Some(64), "the job's SHA-256");
    }
    assert_eq!((&records[0]["data"]["job_id"], &records[0]["data"]["size"]), (&json!("good"), &json!(5)));
    assert_eq!(
        (&records[1]["data"]["job_id"], &records[1]["data"]["code"]),
        (&json!("bad"), &json!("checksum_mismatch"))
    );
}

/// The table deletes hours late, and may hold anything.
#[tokio::test]
#[ignore = "needs an implementation of DynamoDB's API: make test-dynamodb"]
async fn what_is_over_or_garbage_is_nothing() {
    let store = SharedStore::start().await;
    let place = store.place().await;
    let (sandbox, _process, url) = serving(&place).await;
    let events = format!("{url}/events");
    assert_eq!(post(&events, &job("first", "aGVsbG8=")).await.status, 200);
    let names = place.names().await;
    for kind in ["budget:", "cache:", "job:"] {
        assert!(names.iter().any(|name| name.contains(kind)), "{kind} in {names:?}");
    }
    let past = json!({ "N": "1000000000" });
    let future = json!({ "N": "9000000000" });
    for (round, item) in [
        json!({ "status": { "S": "COMPLETED" }, "data": { "S": "{}" }, "expiration": past }),
        json!({ "status": { "S": "INPROGRESS" }, "owner": { "S": "x" }, "in_progress_expiration": past, "expiration": future }),
        json!({ "status": { "S": "COMPLETED" }, "data": { "S": "no JSON" }, "expiration": future }),
        json!({ "status": { "S": "COMPLETED" }, "data": { "N": "1" }, "expiration": future }),
        json!({ "status": { "S": "EXPIRED" }, "expiration": future }),
        json!({ "data": { "S": "[9000000000000]" }, "expiration": future }),
        json!({ "expiration": { "S": "never" } }),
        json!({}),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("job-{round}");
        let mut all = names.clone();
        let lock = names.iter().find(|name| name.contains("cache:")).expect("a cached credential");
        all.push(lock.replace("cache:", "lock:"));
        all.push(format!("upload-grant:job:alibaba-chatapp:{id}"));
        for name in all {
            let mut item = item.clone();
            item["id"] = json!({ "S": name });
            place.call("PutItem", json!({ "Item": item })).await;
        }
        // Another process, which has no credential of its own.
        let vars = place.vars();
        let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (_other, url) = Process::serving("alibaba-chatapp", &sandbox, &vars).await;
        let objects = sandbox.objects().len();
        let done = post(&format!("{url}/events"), &job(&id, "aGVsbG8=")).await;
        assert_eq!(done.status, 200, "{item}: {}", done.text);
        assert_eq!(sandbox.objects().len(), objects + 1, "{item}");
        assert!(place.has_outcome("alibaba-chatapp", &id).await, "{item}");
    }
}

#[tokio::test]
#[ignore = "needs an implementation of DynamoDB's API: make test-dynamodb"]
async fn a_relay_is_answered_again_by_another_instance() {
    let store = SharedStore::start().await;
    let place = store.place().await;
    let (sandbox, _one, first) = serving(&place).await;
    let vars = place.vars();
    let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (_two, second) = Process::serving("alibaba-chatapp", &sandbox, &vars).await;
    let request = json!({ "filename": "a.pdf", "mode": "relay" });
    let mut grant = post(&format!("{first}/grants"), &request).await.ok();
    let receipt = upload(&grant, b"hello").await.ok();
    grant["url"] = grant["url"].as_str().expect("a URL").replace(&first, &second).into();
    assert_eq!(upload(&grant, b"other").await.ok(), receipt);
    let token = json!({ "token": grant["complete"]["token"] });
    assert_eq!(post(&format!("{second}/complete"), &token).await.ok(), receipt);
}
