//! What is in the table: `make test-dynamodb`. The suite of `redis.rs` runs there too.

use std::process::Command;

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use upload_grant_tests::platform::{LAMBDA, RuntimeApi};
use upload_grant_tests::process::Process;
use upload_grant_tests::shared_store::{Place, SharedStore, TOOLS};
use upload_grant_tests::stub::Stub;
use upload_grant_tests::{Answer, SECRET, Service, client, sandbox, upload};

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
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/redis/powertools.py");
    let table = place.address.trim_start_matches("dynamodb://");
    let endpoint = format!("http://127.0.0.1:{}", store.port());
    let read = Command::new(format!("{TOOLS}/store-venv/bin/python"))
        .args([script, &endpoint, table])
        .args(ids)
        .output()
        .expect("python");
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

/// What template.yaml comes to, as `tests/deploy/environment.py` prints it.
fn template(arguments: &[&str]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/environment.py");
    let python = format!("{TOOLS}/store-venv/bin/python");
    let done = Command::new(python).arg(script).args(arguments).output().expect("python");
    serde_json::from_slice(&done.stdout).unwrap_or_else(|_| unreachable!("{:?}", done.stderr))
}

/// Table and variables are the template's, with only the services' addresses changed. LKE has no way of its own to
/// refuse a second object.
#[tokio::test]
#[ignore = "needs an implementation of DynamoDB's API: make test-dynamodb"]
async fn two_instances_as_the_template_deploys_them_upload_once() {
    const TABLE: &str = "stack-Records-1ABCDEFGHIJKL";
    let secret = |name: &str| format!("arn:aws:secretsmanager:us-east-1:111122223333:secret:{name}-AbCdEf");
    let sandbox = sandbox().await;
    let theirs = sandbox.env("tencent-lke");
    let known = |name: &str| {
        let found = theirs.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone()).expect("the sandbox's own")
    };
    let bot = known("LKE_BOT_BIZ_ID");
    let given = [
        format!("LkeSecret={}", secret("lke")),
        format!("MadeSecret={}", secret("made")),
        format!("Records={TABLE}"),
        format!("LkeBotBizId={bot}"),
    ];
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let environment = template(&[&given[..], &["--function", "tencent-lke"]].concat());
    let mut table = template(&[&given[..], &["--resource", "Records"]].concat());
    assert_eq!(environment["GRANT_STORE"], format!("dynamodb://{TABLE}"));
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], "expiration");
    // CloudFormation has calls of their own for these.
    for apart in ["TimeToLiveSpecification", "PointInTimeRecoverySpecification", "SSESpecification"] {
        assert!(table.as_object_mut().and_then(|table| table.remove(apart)).is_some(), "{apart}");
    }
    let store = SharedStore::start().await;
    let place = store.table(TABLE, table).await;
    let keys = json!({
        "TENCENT_SECRET_ID": known("TENCENTCLOUD_SECRET_ID"),
        "TENCENT_SECRET_KEY": known("TENCENTCLOUD_SECRET_KEY"),
    });
    let secrets = Stub::start(move |seen| {
        let is_keys = String::from_utf8_lossy(&seen.body).contains(":secret:lke-");
        let text = if is_keys { keys.to_string() } else { SECRET.to_owned() };
        Response::new(Body::from(json!({ "SecretString": text }).to_string()))
    })
    .await;

    let mut instances = Vec::new();
    for _ in 0..2 {
        let api = RuntimeApi::start(LAMBDA).await;
        let deployed = environment.as_object().expect("variables").iter();
        let mut vars: Vec<(String, String)> =
            deployed.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())).collect();
        let is_address = |(name, _): &&(String, String)| name.ends_with("_ENDPOINT");
        vars.extend(theirs.iter().filter(is_address).cloned());
        // Lambda itself adds region and keys.
        let lambdas = place.vars().into_iter().filter(|(name, _)| name.starts_with("AWS_"));
        vars.extend(lambdas.chain(api.lambda()));
        vars.push(("AWS_ENDPOINT_URL_SECRETS_MANAGER".into(), secrets.url("")));
        instances.push((Process::of("tencent-lke", &vars), api));
    }
    let mut event: Value = serde_json::from_str(include_str!("../events/sqs.json")).expect("an event");
    event["Records"].as_array_mut().expect("records").truncate(1);
    let id = event["Records"][0]["messageId"].clone();
    // The upload lasts long enough for the other to arrive in the middle of it.
    sandbox.fault(json!({ "target": "*", "latency_ms": 300 }));
    let (one, two) = tokio::join!(instances[0].1.invoke(&event), instances[1].1.invoke(&event));
    let mut failed = [one, two].map(|answer| answer.expect("a report")["batchItemFailures"].clone());
    failed.sort_by_key(|failed| failed.to_string().len());
    // Whoever came second either met the work under way, or its receipt.
    let running = json!([{ "itemIdentifier": id }]);
    assert!(failed[0] == json!([]) && (failed[1] == json!([]) || failed[1] == running), "{failed:?}");
    assert_eq!((sandbox.objects().len(), sandbox.action_calls(Service::Cos, "PUT")), (1, 1));
    for (_, api) in &instances {
        assert_eq!(api.invoke(&event).await, Ok(json!({ "batchItemFailures": [] })));
    }
    assert_eq!((sandbox.objects().len(), sandbox.action_calls(Service::Cos, "PUT")), (1, 1));
}
