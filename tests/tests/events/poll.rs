//! The polling runtime APIs of SCF and FunctionGraph, with what their triggers send.

use serde_json::json;
use upload_grant_tests::Sandbox;
use upload_grant_tests::platform::{FUNCTION_GRAPH, Protocol, RuntimeApi, SCF};
use upload_grant_tests::process::{Process, settings};

use crate::{contents, event};

struct Polled {
    api: RuntimeApi,
    sandbox: Sandbox,
    _process: Process,
}

async fn start(protocol: Protocol, platform: impl Fn(&RuntimeApi) -> Vec<(&'static str, String)>) -> Polled {
    let (api, sandbox) = (RuntimeApi::start(protocol).await, upload_grant_tests::sandbox().await);
    let mut vars = settings("tencent-lke", &sandbox, &[]);
    vars.extend(platform(&api).into_iter().map(|(name, value)| (name.to_owned(), value)));
    let process = Process::of("tencent-lke", &vars);
    Polled { api, sandbox, _process: process }
}

async fn scf() -> Polled {
    let scf = start(SCF, |api| {
        let (host, port) = api.address.split_once(':').expect("a port");
        vec![
            ("SCF_RUNTIME_API", host.to_owned()),
            ("SCF_RUNTIME_API_PORT", port.to_owned()),
            ("TENCENTCLOUD_RUNENV", "SCF".to_owned()),
        ]
    })
    .await;
    scf.api.ready().await;
    scf
}

async fn functiongraph() -> Polled {
    start(FUNCTION_GRAPH, |api| {
        vec![("RUNTIME_API_ADDR", api.address.clone()), ("RUNTIME_PROJECT_ID", "p".to_owned())]
    })
    .await
}

#[tokio::test]
async fn scf_ckafka_and_cmq() {
    let scf = scf().await;
    assert_eq!(scf.api.invoke(&event("ckafka")).await, Ok(json!({})));
    assert_eq!(contents(&scf.sandbox), ["hello", "hello"]);
    // The same job once more, through another queue: its record answers.
    assert_eq!(scf.api.invoke(&event("cmq")).await, Ok(json!({})));
    assert_eq!(scf.sandbox.objects().len(), 2);
}

#[tokio::test]
async fn scf_cmq() {
    let scf = scf().await;
    assert_eq!(scf.api.invoke(&event("cmq")).await, Ok(json!({})));
    assert_eq!(contents(&scf.sandbox), ["hello"]);
}

#[tokio::test]
async fn scf_function_url() {
    let scf = scf().await;
    let answer = scf.api.invoke(&event("scf-url")).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert!(answer["headers"].is_object() && answer["body"].as_str().unwrap().contains("tencent-lke"));
}

#[tokio::test]
async fn scf_has_no_partial_failure_so_one_fails_the_delivery() {
    let scf = scf().await;
    let mut sent = event("ckafka");
    sent["Records"][0]["Ckafka"]["msgBody"] = "not a job".into();
    assert_eq!(scf.api.invoke(&sent).await.unwrap_err()["errorType"], "invalid_request");
    // Its neighbour was done all the same, and is not done again.
    assert_eq!(scf.sandbox.objects().len(), 1);
    scf.api.invoke(&sent).await.unwrap_err();
    assert_eq!(scf.sandbox.objects().len(), 1);
}

#[tokio::test]
async fn functiongraph_kafka() {
    let graph = functiongraph().await;
    assert_eq!(graph.api.invoke(&event("huawei-kafka")).await, Ok(json!({})));
    assert_eq!(contents(&graph.sandbox), ["hello", "hello"]);
}

#[tokio::test]
async fn functiongraph_kafka_without_an_id_is_named_by_its_text() {
    let graph = functiongraph().await;
    let mut sent = event("huawei-kafka");
    let job = json!({ "filename": "a.pdf", "source": { "base64": "aGVsbG8=" } }).to_string();
    sent["records"][0]["messages"] = json!([job]);
    assert_eq!(graph.api.invoke(&sent).await, Ok(json!({})));
    assert_eq!(graph.api.invoke(&sent).await, Ok(json!({})));
    assert_eq!(contents(&graph.sandbox), ["hello"]);
}

#[tokio::test]
async fn functiongraph_smn() {
    let graph = functiongraph().await;
    assert_eq!(graph.api.invoke(&event("smn")).await, Ok(json!({})));
    assert_eq!(contents(&graph.sandbox), ["hello"]);
    let mut sent = event("smn");
    sent["record"][0]["smn"]["message"] = "not a job".into();
    assert_eq!(graph.api.invoke(&sent).await.unwrap_err()["errorType"], "invalid_request");
}

#[tokio::test]
async fn functiongraph_apig() {
    let graph = functiongraph().await;
    let answer = graph.api.invoke(&event("huawei-apig")).await.unwrap();
    assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(200), &json!(false)), "{answer}");
}
