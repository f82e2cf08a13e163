//! Tencent SCF and Huawei FunctionGraph: event functions poll, started by the scripts that we ship.

use serde_json::{Value, json};
use upload_grant_tests::Sandbox;
use upload_grant_tests::platform::{FUNCTION_GRAPH, RuntimeApi, SCF};

use crate::{binary, event, keyed, settings, start, workspace, wrote};

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

async fn exchange(api: &RuntimeApi, sandbox: &Sandbox, queues: &[&str], gateway: &str) {
    for name in queues {
        assert_eq!(api.invoke(&event(name)).await, Ok(json!({})), "{name}");
    }
    // The same two jobs, however they came.
    assert_eq!(sandbox.objects().len(), 2);

    let answer = api.invoke(&keyed(gateway)).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{gateway}: {answer}");
    let grant: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(grant["mode"], "put");

    let error = api.invoke(&json!({ "hello": "world" })).await.unwrap_err();
    assert_eq!(error["errorType"], "invalid_request", "{error}");

    // Without a report per message the whole delivery fails, and is served when it comes again.
    sandbox.fault(json!({ "target": "lke", "raw": { "status": 503 } }));
    let mut fresh = event(queues[0]);
    replace(&mut fresh, "job-1", "job-9");
    let error = api.invoke(&fresh).await.unwrap_err();
    assert_eq!(error["errorType"], "vendor_unavailable", "{error}");
    sandbox.clear_faults();
    assert!(api.invoke(&fresh).await.is_ok());
    assert_eq!(sandbox.objects().len(), 3);

    // A job without an id is called by its invocation's: the same text once more is another job.
    let direct = json!({ "filename": "a.pdf", "source": { "base64": "aGVsbG8=" } });
    let receipts = [api.invoke(&direct).await.unwrap(), api.invoke(&direct).await.unwrap()];
    assert_ne!(receipts[0]["job_id"], receipts[1]["job_id"]);
    assert_eq!(sandbox.objects().len(), 5);
}

/// Every `from` in the event's texts becomes `to`.
fn replace(event: &mut Value, from: &str, to: &str) {
    *event = serde_json::from_str(&event.to_string().replace(from, to)).unwrap();
}

#[tokio::test]
async fn scf_event_function() {
    let sandbox = Sandbox::start().await.unwrap();
    let api = RuntimeApi::start(SCF).await;
    let folder = packaged("tencent-scf/queue/bootstrap", "tencent-lke");
    let (host, port) = api.address.split_once(':').unwrap();
    let platform = [
        ("SCF_RUNTIME_API", host),
        ("SCF_RUNTIME_API_PORT", port),
        ("TENCENTCLOUD_RUNENV", "SCF"),
        ("_SCF_SERVER_PORT", "28902"),
        ("_HANDLER", "index.main_handler"),
    ];
    let _process = start(&folder.path().join("bootstrap"), &vars(&sandbox, &platform));
    api.ready().await;
    exchange(&api, &sandbox, &["ckafka", "cmq"], "scf-url").await;
}

#[tokio::test]
async fn function_graph_event_function() {
    let sandbox = Sandbox::start().await.unwrap();
    let api = RuntimeApi::start(FUNCTION_GRAPH).await;
    let folder = packaged("huawei-functiongraph/queue/bootstrap", "tencent-lke");
    let platform = [
        ("RUNTIME_API_ADDR", &*api.address),
        ("RUNTIME_CODE_ROOT", folder.path().to_str().unwrap()),
        ("RUNTIME_PROJECT_ID", "0162c0f220284698b77a3d264376343a"),
        ("RUNTIME_FUNC_NAME", "tencent-lke-jobs"),
        ("RUNTIME_TIMEOUT", "300"),
    ];
    let process = start(&folder.path().join("bootstrap"), &vars(&sandbox, &platform));
    exchange(&api, &sandbox, &["huawei-kafka", "smn"], "huawei-apig").await;
    assert!(!wrote(&process, "a platform's"));
}
