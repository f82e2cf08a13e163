//! Events over HTTP: CloudEvents at `/` and `/events`, Function Compute's `/invoke`, and the role keys in headers.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use upload_grant_sandbox::facts;
use upload_grant_tests::{Answer, Function, Sandbox, sandbox};

use crate::{contents, event};

/// A stored request.
fn request(function: &Function, name: &str) -> RequestBuilder {
    let stored = event(name);
    let url = format!("{}{}", function.url, stored["path"].as_str().unwrap());
    let headers = stored["headers"].as_object().unwrap().iter().filter(|(name, _)| *name != "host");
    let body = stored["body"].as_str().unwrap().to_owned();
    headers.fold(function.client.post(url).body(body), |request, (name, value)| {
        request.header(name, value.as_str().unwrap())
    })
}

async fn start(extra: &[(&str, &str)]) -> (Function, Sandbox) {
    let sandbox = sandbox().await;
    let extra = &[&[INSECURE], extra].concat();
    (Function::of("tencent-lke", &sandbox, extra).await, sandbox)
}

/// On a platform `GRANT_AUTH=none` listens to everyone.
const INSECURE: (&str, &str) = ("GRANT_INSECURE", "true");
const TRUSTED: (&str, &str) = ("GRANT_EVENTS", "trusted");

#[tokio::test]
async fn cloudevents_binary_structured_and_batch() {
    for (name, objects) in [("knative-binary", 1), ("knative-structured", 1), ("knative-batch", 2)] {
        let (function, sandbox) = start(&[TRUSTED]).await;
        let answer = Answer::of(request(&function, name)).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        assert_eq!(contents(&sandbox), vec!["hello"; objects], "{name}");
        // What fails is any other answer, and is delivered again.
        sandbox.reset();
        let (function, sandbox) = start(&[TRUSTED]).await;
        sandbox.fault(json!({ "target": "lke", "raw": { "status": 403 } }));
        let answer = Answer::of(request(&function, name)).await;
        assert_eq!(answer.problem(), (502, "vendor_auth_failed"), "{name}");
    }
}

#[tokio::test]
async fn events_are_shut_unless_opened() {
    let (function, sandbox) = start(&[]).await;
    let answer = Answer::of(function.post("/events").body(event("cloudevent").to_string())).await;
    assert_eq!(answer.problem(), (404, "not_found"));
    // At the bare alias a CloudEvent is then a request like any other, and no good one.
    for name in ["knative-structured", "knative-batch"] {
        assert_eq!(Answer::of(request(&function, name)).await.problem().0, 400, "{name}");
    }
    assert_eq!((sandbox.objects().len(), sandbox.calls(upload_grant_tests::Service::Cos)), (0, 0));
}

#[tokio::test]
async fn callers_need_the_right() {
    let key = upload_grant_tests::s3::hex(&<sha2::Sha256 as sha2::Digest>::digest(b"the-key-of-crm"));
    let keys = format!("crm:{key}");
    let policy = |rights: &[&str]| json!({ "groups": [{ "rights": rights }] }).to_string();
    let with = |rights: &[&str]| {
        let policy = policy(rights);
        let keys = keys.clone();
        async move {
            start(&[
                ("GRANT_AUTH", "api-key"),
                ("GRANT_API_KEYS", &keys),
                ("GRANT_EVENTS", "caller"),
                ("GRANT_POLICY", &policy),
            ])
            .await
        }
    };
    let (function, sandbox) = with(&["unsized"]).await;
    let body = event("cloudevent").to_string();
    let send = |function: &Function, key: Option<&str>| {
        let request = function.post("/events").body(body.clone());
        Answer::of(match key {
            Some(key) => request.header("x-api-key", key),
            None => request,
        })
    };
    assert_eq!(send(&function, None).await.problem(), (401, "unauthenticated"));
    assert_eq!(send(&function, Some("the-key-of-crm")).await.problem(), (403, "forbidden"));
    assert_eq!(sandbox.objects().len(), 0);
    let (function, sandbox) = with(&["unsized", "events"]).await;
    assert_eq!(send(&function, Some("the-key-of-nobody")).await.problem(), (401, "unauthenticated"));
    assert_eq!(send(&function, Some("the-key-of-crm")).await.status, 200);
    assert_eq!(contents(&sandbox), ["hello"]);
}

#[tokio::test]
async fn a_queue_may_deliver_over_http_with_its_own_report() {
    let (function, sandbox) = start(&[TRUSTED]).await;
    let mut sent = event("sqs");
    sent["Records"][1]["body"] = "not a job".into();
    let answer = Answer::of(function.post("/events").body(sent.to_string())).await.ok();
    let failed = json!([{ "itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da" }]);
    assert_eq!(answer, json!({ "batchItemFailures": failed }));
    assert_eq!(contents(&sandbox), ["hello"]);
}

async fn fc_invoke(function: &Function, body: &Value) -> Answer {
    let request = function.client.post(format!("{}/invoke", function.url));
    let request = request.header("x-fc-control-path", "/invoke").header("x-fc-request-id", "1-abc-def");
    Answer::of(request.header("content-type", "application/octet-stream").body(body.to_string())).await
}

const FC: (&str, &str) = ("FC_FUNCTION_NAME", "tencent-lke");

#[tokio::test]
async fn fc_queues_as_objects_and_as_strings() {
    for (name, objects) in
        [("fc-mns-objects", 2), ("fc-mns-strings", 2), ("fc-kafka", 1), ("fc-rocketmq", 1), ("cloudevent", 1)]
    {
        let (function, sandbox) = start(&[FC]).await;
        let answer = fc_invoke(&function, &event(name)).await;
        assert_eq!((answer.status, answer.header("x-fc-status")), (200, "200"), "{name}: {}", answer.text);
        assert_eq!(contents(&sandbox), vec!["hello"; objects], "{name}");
    }
}

#[tokio::test]
async fn fc_hears_of_a_failure_in_status_and_header() {
    let (function, sandbox) = start(&[FC]).await;
    let mut sent = event("fc-mns-objects");
    sent[0]["data"]["messageBody"] = "not a job".into();
    let answer = fc_invoke(&function, &sent).await;
    assert_eq!((answer.status, answer.header("x-fc-status")), (500, "404"), "{}", answer.text);
    // All or nothing: the neighbour is done, and its record answers the next time.
    assert_eq!(contents(&sandbox), ["hello"]);
    fc_invoke(&function, &sent).await;
    assert_eq!(sandbox.objects().len(), 1);
}

#[tokio::test]
async fn fc_direct_invocations() {
    let (function, sandbox) = start(&[FC]).await;
    assert_eq!(fc_invoke(&function, &event("direct")).await.ok()["flow"], "tencent-lke");
    let job = json!({ "filename": "a.pdf", "source": { "base64": "aGVsbG8=" } });
    assert_eq!(fc_invoke(&function, &job).await.ok()["job_id"], "1-abc-def");
    assert_eq!(contents(&sandbox), ["hello"]);
    assert_eq!(fc_invoke(&function, &json!({ "triggerTime": "", "triggerName": "t" })).await.status, 200);
    let answer = fc_invoke(&function, &json!({ "what": 1 })).await;
    assert_eq!((answer.status, answer.header("x-fc-status")), (500, "404"));
}

#[tokio::test]
async fn invoke_is_no_route_without_the_platform_and_its_word() {
    // On another platform the control header is a client's invention.
    let (function, sandbox) = start(&[]).await;
    assert_eq!(fc_invoke(&function, &event("cloudevent")).await.problem(), (404, "not_found"));
    // On this one, a request without it came from a client.
    let (on_fc, on_fc_sandbox) = start(&[FC]).await;
    let answer = Answer::of(on_fc.post("/invoke").body(event("cloudevent").to_string())).await;
    assert_eq!(answer.problem(), (404, "not_found"));
    let elsewhere = on_fc.post("/elsewhere").header("x-fc-control-path", "/invoke");
    assert_eq!(Answer::of(elsewhere.body(event("cloudevent").to_string())).await.problem().0, 404);
    assert_eq!((sandbox.objects().len(), on_fc_sandbox.objects().len()), (0, 0));
}

#[tokio::test]
async fn role_keys_come_with_the_requests_of_function_compute() {
    let sandbox = sandbox().await;
    // The environment's were good when the instance started.
    let stale = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.stale"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "stale")];
    let token = ("ALIBABA_CLOUD_SECURITY_TOKEN", "stale");
    let role = [INSECURE, stale[0], stale[1], token, ("FC_FUNCTION_NAME", "f")];
    let function = Function::of("alibaba-chatapp", &sandbox, &role).await;
    let ask = || function.post("/grants").body(json!({ "filename": "a.pdf" }).to_string());
    assert_ne!(Answer::of(ask()).await.status, 200);
    let with_keys = ask()
        .header("x-fc-access-key-id", facts::ALIBABA_STS_ID)
        .header("x-fc-access-key-secret", facts::ALIBABA_STS_SECRET)
        .header("x-fc-security-token", facts::ALIBABA_STS_TOKEN);
    let answer = Answer::of(with_keys).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(!answer.text.contains(facts::ALIBABA_STS_SECRET));
    // Without a token they are the operator's, and stay.
    let own = Function::of("alibaba-chatapp", &sandbox, &[INSECURE, ("FC_FUNCTION_NAME", "f")]).await;
    let forged = own.post("/grants").body(json!({ "filename": "a.pdf" }).to_string());
    let forged = forged
        .header("x-fc-access-key-id", "STS.forged")
        .header("x-fc-access-key-secret", "forged")
        .header("x-fc-security-token", "forged");
    assert_eq!(Answer::of(forged).await.status, 200);
    assert_eq!(own.ask(&json!({ "filename": "a.pdf" })).await.status, 200);
    // Without any, a header is no configuration.
    let none = [
        INSECURE,
        ("FC_FUNCTION_NAME", "f"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
    ];
    let none = Function::of("alibaba-chatapp", &sandbox, &none).await;
    let with_keys = none
        .post("/grants")
        .body(json!({ "filename": "a.pdf" }).to_string())
        .header("x-fc-access-key-id", facts::ALIBABA_STS_ID)
        .header("x-fc-access-key-secret", facts::ALIBABA_STS_SECRET)
        .header("x-fc-security-token", facts::ALIBABA_STS_TOKEN);
    assert_eq!(Answer::of(with_keys).await.problem(), (500, "config_missing"));
}

#[tokio::test]
async fn role_keys_come_with_the_requests_of_scf_and_nowhere_else() {
    let sandbox = sandbox().await;
    for (platform, works) in [("SCF", true), ("", false)] {
        let role = [
            INSECURE,
            ("TENCENTCLOUD_SECRET_ID", ""),
            ("TENCENTCLOUD_SECRET_KEY", ""),
            ("TENCENTCLOUD_SECRETID", "AKIDstale"),
            ("TENCENTCLOUD_SECRETKEY", "stale"),
            ("TENCENTCLOUD_SESSIONTOKEN", "stale"),
            ("TENCENTCLOUD_RUNENV", platform),
        ];
        let function = Function::of("tencent-lke", &sandbox, &role).await;
        let ask = function
            .post("/grants")
            .body(json!({ "filename": "a.pdf" }).to_string())
            .header("x-scf-secret-id", facts::TENCENT_ROLE_ID)
            .header("x-scf-secret-key", facts::TENCENT_ROLE_KEY)
            .header("x-scf-session-token", facts::TENCENT_ROLE_TOKEN);
        assert_eq!(Answer::of(ask).await.status == 200, works, "{platform}");
    }
}
