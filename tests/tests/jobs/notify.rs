//! Who is told of an outcome, how it is signed, and what counts as told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use upload_grant_tests::s3::hmac;
use upload_grant_tests::stub::{Seen, Stub, status};

use crate::{Queue, WEBHOOK_KEY, WEBHOOK_SECRET, job};

/// A queue whose jobs may name `stub` as their notify address.
async fn telling(flow: &str, stub: &Stub) -> Queue {
    Queue::of(flow, &[("GRANT_NOTIFY_HOSTS", &stub.host), ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET)]).await
}

fn told(stub: &Stub, mut job: Value) -> String {
    job["notify"] = json!({ "url": stub.url("/hook") });
    job.to_string()
}

/// The message, if it is signed by the scheme.
fn verified(seen: &Seen) -> Value {
    let (id, timestamp) = (seen.header("webhook-id"), seen.header("webhook-timestamp"));
    assert!(id.starts_with("msg_") && timestamp.parse::<i64>().unwrap() > 1_700_000_000);
    let content = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &seen.body].concat();
    let signature = format!("v1,{}", STANDARD.encode(hmac(WEBHOOK_KEY, &content)));
    assert_eq!(seen.header("webhook-signature"), signature);
    serde_json::from_slice(&seen.body).unwrap()
}

#[tokio::test]
async fn a_receipt_is_told_and_signed() {
    let hook = Stub::start(|_| status(204)).await;
    let queue = telling("tencent-lke", &hook).await;
    assert!(queue.deliver(&[("m", None, told(&hook, job("job-1")))]).await.is_empty());
    let message = verified(&hook.seen()[0]);
    assert_eq!(message["type"], "upload.completed");
    assert!(message["timestamp"].is_string());
    let receipt = &message["data"];
    assert_eq!((&receipt["job_id"], &receipt["verified"]), (&json!("job-1"), &json!("function")));
    // SaveDoc can be called with this as it is.
    let object = &queue.sandbox.objects()[0];
    let params = &receipt["handoff"]["params"];
    assert_eq!(receipt["handoff"]["actions"], json!(["SaveDoc"]));
    for (name, value) in [
        ("BotBizId", upload_grant_sandbox::facts::BOT_BIZ_ID.to_owned()),
        ("FileName", "a.pdf".to_owned()),
        ("FileType", "pdf".to_owned()),
        ("CosUrl", format!("/{}", object.key)),
        ("ETag", object.etag.clone()),
        ("CosHash", object.crc64.to_string()),
        ("Size", "5".to_owned()),
        ("Opt", "2".to_owned()),
    ] {
        assert_eq!(params[name], value, "{name} in {params}");
    }
    // Delivered again, it is neither done nor told again.
    assert!(queue.deliver(&[("m", None, told(&hook, job("job-1")))]).await.is_empty());
    assert_eq!((hook.seen().len(), queue.sandbox.objects().len()), (1, 1));
}

#[tokio::test]
async fn parameters_of_a_job_reach_the_vendor() {
    let hook = Stub::start(|_| status(204)).await;
    let queue = telling("tencent-lke", &hook).await;
    let mut realtime = json!({ "id": "r", "filename": "a.png", "source": { "base64": "aGVsbG8=" } });
    realtime["params"] = json!({ "type_key": "realtime" });
    assert!(queue.deliver(&[("m", None, told(&hook, realtime))]).await.is_empty());
    let receipt = &verified(&hook.seen()[0])["data"];
    let markdown = format!("![]({})", receipt["location"].as_str().unwrap());
    assert_eq!(receipt["handoff"]["params"]["content"], markdown);
    assert_eq!(queue.sandbox.objects()[0].bucket, upload_grant_sandbox::facts::LKE_REALTIME_BUCKET);
}

#[tokio::test]
async fn a_lasting_failure_is_acknowledged_once_it_was_told() {
    let hook = Stub::start(|_| status(200)).await;
    let queue = telling("tencent-lke", &hook).await;
    let wrong = |id: &str| json!({ "id": id, "filename": "a.exe", "source": { "base64": "aGVsbG8=" } });
    // Told to nobody, it stays: the queue's own dead letters will have it.
    assert_eq!(queue.deliver(&[("m", None, wrong("silent").to_string())]).await, ["m"]);
    assert!(queue.deliver(&[("m", None, told(&hook, wrong("told")))]).await.is_empty());
    let message = verified(&hook.seen()[0]);
    assert_eq!(
        (&message["type"], &message["data"]["code"]),
        (&json!("upload.failed"), &json!("unsupported_type"))
    );
    assert_eq!(
        (&message["data"]["job_id"], &message["data"]["flow"]),
        (&json!("told"), &json!("tencent-lke"))
    );
    // One that cannot even be read tells its own sender too, and each under an id of its own.
    let unreadable = |id: &str| told(&hook, json!({ "id": id, "filename": 7 }));
    assert!(
        queue.deliver(&[("m", None, unreadable("u-1")), ("n", None, unreadable("u-2"))]).await.is_empty()
    );
    let ids: Vec<String> = hook.seen()[1..].iter().map(|seen| seen.header("webhook-id").to_owned()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

#[tokio::test]
async fn if_telling_fails_only_the_telling_is_repeated() {
    let hook = Stub::start(|seen| status(if seen.index < 3 { 500 } else { 200 })).await;
    let queue = telling("tencent-lke", &hook).await;
    let body = told(&hook, job("job-1"));
    assert_eq!(queue.deliver(&[("m", None, body.clone())]).await, ["m"]);
    let calls = queue.sandbox.calls(upload_grant_tests::Service::Lke);
    assert!(queue.deliver(&[("m", None, body.clone())]).await.is_empty());
    assert!(queue.deliver(&[("m", None, body)]).await.is_empty());
    let seen = hook.seen();
    assert_eq!(seen.len(), 4, "three attempts, one more, and none for what was told");
    let ids: Vec<&str> = seen.iter().map(|seen| seen.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let data: Vec<Value> = seen.iter().map(|seen| verified(seen)["data"].clone()).collect();
    assert!(data.iter().all(|one| *one == data[0]));
    assert_eq!(
        (queue.sandbox.objects().len(), queue.sandbox.calls(upload_grant_tests::Service::Lke)),
        (1, calls)
    );
}

#[tokio::test]
async fn an_address_that_hangs_is_not_waited_for_longer_than_a_request_may_take() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let settings = [
        ("GRANT_NOTIFY_HOSTS", &*host),
        ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("GRANT_TIMEOUT_SECONDS", "1"),
    ];
    let queue = Queue::of("tencent-lke", &settings).await;
    let mut job = job("job-1");
    job["notify"] = json!({ "url": format!("http://{host}/") });
    let mut taken = Vec::new();
    let records = [("m", None, job.to_string())];
    let delivered = queue.deliver(&records);
    tokio::pin!(delivered);
    let failed = loop {
        tokio::select! {
            failed = &mut delivered => break failed,
            connection = listener.accept() => taken.push(connection.unwrap()),
        }
    };
    // The first attempt has used up the time of all three.
    assert_eq!((failed.len(), taken.len()), (1, 1));
}

#[tokio::test]
async fn deployment_faults_fill_the_dead_letters_whoever_is_told() {
    let hook = Stub::start(|_| status(200)).await;
    let queue = telling("tencent-lke", &hook).await;
    queue.sandbox.fault(json!({ "target": "lke", "raw": { "status": 403 } }));
    assert_eq!(queue.deliver(&[("m", None, told(&hook, job("rotated")))]).await, ["m"]);
    queue.sandbox.clear_faults();
    // Mended, the very same message goes through.
    assert!(queue.deliver(&[("m", None, told(&hook, job("rotated")))]).await.is_empty());
    let settings = [
        ("GRANT_NOTIFY_HOSTS", &*hook.host),
        ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("LKE_BOT_BIZ_ID", ""),
    ];
    let unconfigured = Queue::of("tencent-lke", &settings).await;
    assert_eq!(unconfigured.send(&job("j")).await.problem(), (500, "config_missing"));
    let seen = hook.seen();
    assert!(seen.iter().all(|seen| verified(seen)["type"] == "upload.completed"), "{seen:?}");
}

#[tokio::test]
async fn only_listed_notify_addresses_are_told() {
    let hook = Stub::start(|_| status(200)).await;
    let settings =
        [("GRANT_NOTIFY_HOSTS", "hooks.example.com,localhost"), ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET)];
    let queue = Queue::of("tencent-lke", &settings).await;
    for (id, url) in [("1", hook.url("/")), ("2", "https://10.0.0.1/".into())] {
        let mut job = job(id);
        job["notify"] = json!({ "url": url });
        let refused = queue.send(&job).await;
        assert_eq!(refused.problem(), (400, "invalid_request"), "{url}");
        assert_eq!(refused.json["errors"][0]["pointer"], "/notify/url");
        assert_eq!(queue.deliver(&[("m", None, job.to_string())]).await, ["m"], "{url}");
    }
    // Before anything is uploaded whose outcome nobody could be told.
    assert_eq!(queue.sandbox.calls(upload_grant_tests::Service::Lke), 0);
    // That a listed name leads into a private network is seen only when it is to be told.
    let mut private = job("3");
    private["notify"] = json!({ "url": "https://localhost/" });
    assert_eq!(queue.deliver(&[("m", None, private.to_string())]).await, ["m"]);
    assert!(hook.seen().is_empty());
    // The operator's own address needs no list.
    let url = hook.url("/own");
    let settings = [("GRANT_NOTIFY_URL", &*url), ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET)];
    let queue = Queue::of("tencent-lke", &settings).await;
    assert!(queue.deliver(&[("m", None, job("1").to_string())]).await.is_empty());
    assert_eq!(verified(&hook.seen()[0])["type"], "upload.completed");
}

#[tokio::test]
async fn a_receiver_hears_whose_job_it_was() {
    let hook = Stub::start(|_| status(204)).await;
    let hash =
        |key: &str| upload_grant_tests::s3::hex(&<sha2::Sha256 as sha2::Digest>::digest(key.as_bytes()));
    let keys = format!("crm:{},shop:{}", hash("the-key-of-crm"), hash("the-key-of-shop"));
    let policy = json!({ "groups": [{ "rights": ["unsized", "events"] }] }).to_string();
    let settings = [
        ("GRANT_EVENTS", "caller"),
        ("GRANT_AUTH", "api-key"),
        ("GRANT_API_KEYS", &*keys),
        ("GRANT_POLICY", &*policy),
        ("GRANT_NOTIFY_HOSTS", &*hook.host),
        ("GRANT_WEBHOOK_SECRET", WEBHOOK_SECRET),
    ];
    let queue = Queue::of("tencent-lke", &settings).await;
    let send = |key: &'static str, job: Value| {
        let event = json!({ "specversion": "1.0", "id": "m", "source": "/", "type": "job",
            "data": serde_json::from_str::<Value>(&told(&hook, job)).unwrap() });
        queue.function.post("/events").header("x-api-key", key).body(event.to_string())
    };
    for (key, name) in [("the-key-of-crm", "crm"), ("the-key-of-shop", "shop")] {
        for (job, kind) in [
            (job("job-1"), "upload.completed"),
            (
                json!({ "id": "job-2", "filename": "a.exe", "source": { "base64": "aGVsbG8=" } }),
                "upload.failed",
            ),
            (json!({ "id": "job-3", "filename": 7 }), "upload.failed"),
        ] {
            upload_grant_tests::Answer::of(send(key, job)).await;
            let message = verified(hook.seen().last().unwrap());
            assert_eq!((&message["type"], &message["data"]["caller"]), (&json!(kind), &json!(name)));
        }
    }
    // Told once, it is not told again, and the record keeps whose it was.
    assert_eq!(hook.seen().len(), 6);
    upload_grant_tests::Answer::of(send("the-key-of-crm", job("job-1"))).await.ok();
    assert_eq!(hook.seen().len(), 6);
    // The platform's own queues have no caller.
    let queue = telling("tencent-lke", &hook).await;
    assert!(queue.deliver(&[("m", None, told(&hook, job("job-1")))]).await.is_empty());
    assert!(verified(hook.seen().last().unwrap())["data"].get("caller").is_none());
}
