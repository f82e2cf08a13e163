//! Tencent SCF and Huawei FunctionGraph: event functions poll, started by the scripts that we ship.

use serde_json::{Value, json};
use upload_grant_tests::Sandbox;

use crate::process::{Process, binary, workspace};
use crate::runtime_api::{Id, Paths, RuntimeApi};
use crate::{event, keyed, settings};

const SCF: Paths = Paths {
    ready: Some("/runtime/init/ready"),
    next: "/runtime/invocation/next",
    answer: "/runtime/invocation/",
    id: Id::None,
    headers: &[("request_id", "ID"), ("memory_limit_in_mb", "256"), ("time_limit_in_ms", "300000")],
};
const FUNCTION_GRAPH: Paths = Paths {
    ready: None,
    next: "/v1/runtime/invocation/request",
    answer: "/v1/runtime/invocation/",
    id: Id::After,
    headers: &[
        ("x-cff-request-id", "ID"),
        ("x-cff-access-key", "a platform's key"),
        ("x-cff-secret-key", "a platform's secret"),
        ("x-cff-invoke-type", "event"),
    ],
};

/// The script `name` of `shared/deploy` with the binary beside it, as the package has them.
pub fn packaged(name: &str, flow: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = workspace().join("shared/deploy").join(name);
    std::fs::copy(&script, folder.path().join(script.file_name().unwrap())).unwrap();
    std::os::unix::fs::symlink(binary(flow), folder.path().join("function")).unwrap();
    folder
}

fn vars(sandbox: &Sandbox, platform: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut vars = sandbox.env("tencent-lke");
    // As a deployer sets them; the start script says which runtime.
    vars.extend(settings("http").into_iter().filter(|(name, _)| name != "GRANT_RUNTIME"));
    vars.extend(platform.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    vars
}

async fn exchange(api: &mut RuntimeApi, sandbox: &Sandbox, queues: &[&str], gateway: &str) {
    for name in queues {
        assert_eq!(api.send(event(name)).await, ("response".to_owned(), json!({})), "{name}");
    }
    // The same two jobs, however they came.
    assert_eq!(sandbox.objects().len(), 2);

    let (word, answer) = api.send(keyed(gateway)).await;
    assert_eq!((&*word, &answer["statusCode"]), ("response", &json!(200)), "{gateway}: {answer}");
    let grant: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(grant["mode"], "put");

    let (word, error) = api.send(json!({ "hello": "world" })).await;
    assert_eq!((&*word, &error["errorType"]), ("error", &json!("invalid_request")), "{error}");

    // Without a report per message the whole delivery fails, and is served when it comes again.
    sandbox.fault(json!({ "target": "lke", "raw": { "status": 503 } }));
    let mut fresh = event(queues[0]);
    replace(&mut fresh, "job-1", "job-9");
    let (word, error) = api.send(fresh.clone()).await;
    assert_eq!((&*word, &error["errorType"]), ("error", &json!("vendor_unavailable")), "{error}");
    sandbox.clear_faults();
    assert_eq!(api.send(fresh).await.0, "response");
    assert_eq!(sandbox.objects().len(), 3);
}

/// Every `from` in the event's texts becomes `to`.
fn replace(event: &mut Value, from: &str, to: &str) {
    *event = serde_json::from_str(&event.to_string().replace(from, to)).unwrap();
}

#[tokio::test]
async fn scf_event_function() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut api = RuntimeApi::start(SCF).await;
    let folder = packaged("tencent-scf/queue/bootstrap", "tencent-lke");
    let (host, port) = api.address.split_once(':').unwrap();
    let platform = [
        ("SCF_RUNTIME_API", host),
        ("SCF_RUNTIME_API_PORT", port),
        ("TENCENTCLOUD_RUNENV", "SCF"),
        ("_SCF_SERVER_PORT", "28902"),
        ("_HANDLER", "index.main_handler"),
    ];
    let _process = Process::start(&folder.path().join("bootstrap"), &vars(&sandbox, &platform));
    assert_eq!(api.answer().await.0, "ready");
    exchange(&mut api, &sandbox, &["ckafka", "cmq"], "scf-url").await;
}

#[tokio::test]
async fn function_graph_event_function() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut api = RuntimeApi::start(FUNCTION_GRAPH).await;
    let folder = packaged("huawei-functiongraph/queue/bootstrap", "tencent-lke");
    let platform = [
        ("RUNTIME_API_ADDR", &*api.address),
        ("RUNTIME_CODE_ROOT", folder.path().to_str().unwrap()),
        ("RUNTIME_PROJECT_ID", "0162c0f220284698b77a3d264376343a"),
        ("RUNTIME_FUNC_NAME", "tencent-lke-jobs"),
        ("RUNTIME_TIMEOUT", "300"),
    ];
    let process = Process::start(&folder.path().join("bootstrap"), &vars(&sandbox, &platform));
    exchange(&mut api, &sandbox, &["huawei-kafka", "smn"], "huawei-apig").await;
    assert!(!process.log().contains("a platform's"));
}
