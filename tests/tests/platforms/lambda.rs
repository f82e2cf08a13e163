//! AWS Lambda: the runtime API, and every event that answers differently.

use serde_json::{Value, json};
use upload_grant_tests::platform::{LAMBDA, Outcome, RuntimeApi};
use upload_grant_tests::process::Process;
use upload_grant_tests::{Sandbox, Service};

use crate::{FLOWS, binary, event, keyed, settings, wrote};

async fn start(flow: &str, sandbox: &Sandbox, auth: &str) -> (RuntimeApi, Process) {
    let api = RuntimeApi::start(LAMBDA).await;
    let mut vars = [sandbox.env(flow), settings("lambda"), api.lambda()].concat();
    vars.extend(
        [("GRANT_AUTH", auth), ("AWS_LAMBDA_FUNCTION_NAME", flow), ("LAMBDA_TASK_ROOT", "/var/task")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    // A container image's CMD comes as an argument, and means nothing here.
    let mut program = std::process::Command::new(binary(flow));
    program.arg("bootstrap.handler");
    let process = Process::start(program, &vars);
    (api, process)
}

fn document(answer: &Value) -> Value {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn each_function_answers_as_itself() {
    let sandbox = Sandbox::start().await.unwrap();
    for flow in FLOWS.iter().map(|flow| flow.name) {
        let (api, _process) = start(flow, &sandbox, "gateway").await;
        let mut ask = event("http-v2");
        ask["requestContext"]["http"]["method"] = json!("GET");
        ask["rawPath"] = json!(format!("/{flow}/healthz"));
        let answer = api.invoke(&ask).await.unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let health = document(&answer);
        assert_eq!((&health["flow"], &health["missing"]), (&json!(flow), &json!([])));
    }
}

/// Lambda has one event at a time: a second thread would cost its start, and do nothing.
#[tokio::test]
async fn one_thread_is_all_there_is() {
    let sandbox = Sandbox::start().await.unwrap();
    let (api, process) = start("tencent-lke", &sandbox, "gateway").await;
    grant("http-v2", api.invoke(&event("http-v2")).await);
    assert_eq!(process.threads(), 1);
}

#[tokio::test]
async fn gateways_vouch_for_their_callers() {
    let sandbox = Sandbox::start().await.unwrap();
    let (api, _process) = start("tencent-lke", &sandbox, "gateway").await;
    for (name, authorizer) in [
        ("http-v2", "/requestContext/authorizer"),
        ("function-url", "/requestContext/authorizer"),
        ("rest-v1", "/requestContext/authorizer"),
    ] {
        let mut ask = event(name);
        let answer = grant(name, api.invoke(&ask).await);
        // The emulator takes no payload 2.0 without cookies, and nobody else wants them.
        assert_eq!(answer.get("cookies").is_some(), ask["version"] == "2.0", "{name}");
        // Without the authorizer's word nobody is anybody.
        *ask.pointer_mut(authorizer).unwrap() = Value::Null;
        let answer = api.invoke(&ask).await.unwrap();
        assert_eq!(
            (&answer["statusCode"], &document(&answer)["code"]),
            (&json!(401), &json!("unauthenticated"))
        );
    }
}

#[tokio::test]
async fn load_balancers_get_their_own_shape() {
    let sandbox = Sandbox::start().await.unwrap();
    let (api, _process) = start("tencent-lke", &sandbox, "api-key").await;
    for (name, has, has_not) in
        [("alb", "headers", "multiValueHeaders"), ("alb-multi", "multiValueHeaders", "headers")]
    {
        let answer = grant(name, api.invoke(&keyed(name)).await);
        assert_eq!(answer["statusDescription"], "200 OK", "{name}");
        assert!(answer[has].is_object() && answer.get(has_not).is_none(), "{name}: {answer}");
        let answer = api.invoke(&event(name)).await.unwrap();
        assert_eq!(answer["statusDescription"], "401 Unauthorized", "{name}: {answer}");
    }
}

/// The gateway's answer, which holds a grant.
fn grant(name: &str, outcome: Outcome) -> Value {
    let answer = outcome.unwrap();
    assert_eq!(answer["statusCode"], 200, "{name}: {answer}");
    let grant = document(&answer);
    assert_eq!((&grant["flow"], &grant["mode"]), (&json!("tencent-lke"), &json!("put")), "{name}");
    answer
}

#[tokio::test]
async fn queues_are_served_and_one_bad_event_stops_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let (api, process) = start("tencent-lke", &sandbox, "gateway").await;
    let none_failed = || Ok(json!({ "batchItemFailures": [] }));
    assert_eq!(api.invoke(&event("sqs")).await, none_failed());
    assert_eq!(sandbox.objects().len(), 2);

    // What no one knows is an error by name; the next event is served, and nothing is stored twice.
    let error = api.invoke(&json!({ "hello": "world" })).await.unwrap_err();
    assert_eq!(error["errorType"], "invalid_request", "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("hello"), "{error}");
    assert_eq!(api.invoke(&event("sqs")).await, none_failed());
    assert_eq!((sandbox.objects().len(), sandbox.action_calls(Service::Cos, "PUT")), (2, 2));

    // FIFO: the poisoned record, and what is behind it in its group: nothing here.
    let failed =
        json!({ "batchItemFailures": [{ "itemIdentifier": event("sqs-fifo")["Records"][1]["messageId"] }] });
    assert_eq!(api.invoke(&event("sqs-fifo")).await, Ok(failed));

    assert!(api.invoke(&event("s3-test-event")).await.is_ok());
    let grant = api.invoke(&event("direct")).await.unwrap();
    assert_eq!(grant["mode"], "put", "{grant}");
    let secrets = sandbox.env("tencent-lke");
    let secret = secrets.iter().find(|(name, _)| name == "TENCENTCLOUD_SECRET_KEY").unwrap();
    assert!(!wrote(&process, &secret.1));
}
