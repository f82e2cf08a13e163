//! AWS Lambda: the runtime API, and every event that answers differently.

use serde_json::{Value, json};
use upload_grant_tests::{Sandbox, Service};

use crate::process::{FLOWS, Process, binary};
use crate::runtime_api::{Id, Paths, RuntimeApi};
use crate::{event, keyed, settings};

const PATHS: Paths = Paths {
    ready: None,
    next: "/2018-06-01/runtime/invocation/next",
    answer: "/2018-06-01/runtime/invocation/",
    id: Id::Before,
    headers: &[
        ("lambda-runtime-aws-request-id", "ID"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:f"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0"),
    ],
};

async fn start(flow: &str, sandbox: &Sandbox, auth: &str) -> (RuntimeApi, Process) {
    let api = RuntimeApi::start(PATHS).await;
    let mut vars = sandbox.env(flow);
    vars.extend(settings("lambda"));
    vars.push(("GRANT_AUTH".to_owned(), auth.to_owned()));
    vars.extend(
        [
            ("AWS_LAMBDA_RUNTIME_API", &*api.address),
            ("AWS_LAMBDA_FUNCTION_NAME", flow),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    (api, Process::start(&binary(flow), &vars))
}

fn document(answer: &Value) -> Value {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn each_function_answers_as_itself() {
    let sandbox = Sandbox::start().await.unwrap();
    for flow in FLOWS {
        let (mut api, _process) = start(flow, &sandbox, "gateway").await;
        let mut ask = event("http-v2");
        ask["requestContext"]["http"]["method"] = json!("GET");
        ask["rawPath"] = json!(format!("/{flow}/healthz"));
        let (word, answer) = api.send(ask).await;
        assert_eq!((&*word, &answer["statusCode"]), ("response", &json!(200)), "{answer}");
        let health = document(&answer);
        assert_eq!((&health["flow"], &health["missing"]), (&json!(flow), &json!([])));
    }
}

#[tokio::test]
async fn gateways_vouch_for_their_callers() {
    let sandbox = Sandbox::start().await.unwrap();
    let (mut api, _process) = start("tencent-lke", &sandbox, "gateway").await;
    for (name, authorizer) in [
        ("http-v2", "/requestContext/authorizer"),
        ("function-url", "/requestContext/authorizer"),
        ("rest-v1", "/requestContext/authorizer"),
    ] {
        let mut ask = event(name);
        let answer = api.send(ask.clone()).await;
        grant(name, &answer);
        // The emulator takes no payload 2.0 without cookies, and nobody else wants them.
        assert_eq!(answer.1.get("cookies").is_some(), ask["version"] == "2.0", "{name}");
        // Without the authorizer's word nobody is anybody.
        *ask.pointer_mut(authorizer).unwrap() = Value::Null;
        let (_, answer) = api.send(ask).await;
        assert_eq!(
            (&answer["statusCode"], &document(&answer)["code"]),
            (&json!(401), &json!("unauthenticated"))
        );
    }
}

#[tokio::test]
async fn load_balancers_get_their_own_shape() {
    let sandbox = Sandbox::start().await.unwrap();
    let (mut api, _process) = start("tencent-lke", &sandbox, "api-key").await;
    for (name, has, has_not) in
        [("alb", "headers", "multiValueHeaders"), ("alb-multi", "multiValueHeaders", "headers")]
    {
        let answer = api.send(keyed(name)).await;
        grant(name, &answer);
        assert_eq!(answer.1["statusDescription"], "200 OK", "{name}");
        assert!(answer.1[has].is_object() && answer.1.get(has_not).is_none(), "{name}: {}", answer.1);
        let (_, answer) = api.send(event(name)).await;
        assert_eq!(answer["statusDescription"], "401 Unauthorized", "{name}: {answer}");
    }
}

fn grant(name: &str, (word, answer): &(String, Value)) {
    assert_eq!((&**word, &answer["statusCode"]), ("response", &json!(200)), "{name}: {answer}");
    let grant = document(answer);
    assert_eq!((&grant["flow"], &grant["mode"]), (&json!("tencent-lke"), &json!("put")), "{name}");
}

#[tokio::test]
async fn queues_are_served_and_one_bad_event_stops_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let (mut api, process) = start("tencent-lke", &sandbox, "gateway").await;
    let none_failed = || ("response".to_owned(), json!({ "batchItemFailures": [] }));
    assert_eq!(api.send(event("sqs")).await, none_failed());
    assert_eq!(sandbox.objects().len(), 2);

    // What no one knows is an error by name; the next event is served, and nothing is stored twice.
    let (word, error) = api.send(json!({ "hello": "world" })).await;
    assert_eq!((&*word, &error["errorType"]), ("error", &json!("invalid_request")), "{error}");
    assert!(error["errorMessage"].as_str().unwrap().contains("hello"), "{error}");
    assert_eq!(api.send(event("sqs")).await, none_failed());
    assert_eq!((sandbox.objects().len(), sandbox.action_calls(Service::Cos, "PUT")), (2, 2));

    // FIFO: the poisoned record, and what is behind it in its group: nothing here.
    let failed =
        json!({ "batchItemFailures": [{ "itemIdentifier": event("sqs-fifo")["Records"][1]["messageId"] }] });
    assert_eq!(api.send(event("sqs-fifo")).await, ("response".to_owned(), failed));

    assert_eq!(api.send(event("s3-test-event")).await.0, "response");
    let (word, grant) = api.send(event("direct")).await;
    assert_eq!((&*word, &grant["mode"]), ("response", &json!("put")), "{grant}");
    let secrets = sandbox.env("tencent-lke");
    let secret = secrets.iter().find(|(name, _)| name == "TENCENTCLOUD_SECRET_KEY").unwrap();
    assert!(!process.log().contains(&secret.1));
}
