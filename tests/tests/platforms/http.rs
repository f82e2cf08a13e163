//! Platforms that forward plain HTTP. Port 0 where a platform would name one: the function says what it got.

use serde_json::{Value, json};
use upload_grant_tests::process::Process;
use upload_grant_tests::{Answer, Sandbox, client, upload};

use crate::poll::packaged;
use crate::{KEY, binary, event, settings, start, wrote};

struct Function {
    url: String,
    process: Process,
}

impl Function {
    async fn start(
        program: &std::path::Path,
        sandbox: &Sandbox,
        flow: &str,
        platform: &[(&str, &str)],
    ) -> Self {
        let mut vars = sandbox.env(flow);
        vars.extend(settings("http"));
        vars.extend(platform.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        vars.retain(|(_, value)| !value.is_empty());
        let process = start(program, &vars);
        Self { url: process.url().await, process }
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let request = client().post(format!("{}{path}", self.url)).body(body.to_owned());
        Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Asks for a grant as a caller does, and uploads under it.
    async fn upload(&self, path: &str, filename: &str, headers: &[(&str, &str)], sandbox: &Sandbox) {
        let ask = json!({ "filename": filename, "size": 5 }).to_string();
        let caller = [headers, &[("x-api-key", KEY), ("content-type", "application/json")]].concat();
        let grant = self.post(path, &caller, &ask).await.ok();
        assert!(upload(&grant, b"hello").await.status < 300);
        assert!(sandbox.object(grant["key"].as_str().unwrap()).is_some());
        let refused = self.post(path, headers, &ask).await;
        assert_eq!(refused.problem(), (401, "unauthenticated"));
    }
}

#[tokio::test]
async fn function_compute() {
    let sandbox = Sandbox::start().await.unwrap();
    let platform = [
        ("FC_FUNCTION_NAME", "alibaba-chatapp"),
        ("FC_REGION", "ap-southeast-1"),
        ("FC_FUNC_CODE_PATH", "/code"),
        ("FC_SERVER_PORT", "0"),
    ];
    let function = Function::start(&binary("alibaba-chatapp"), &sandbox, "alibaba-chatapp", &platform).await;
    let ours = [("x-fc-request-id", "1-65f0-abc"), ("x-fc-access-key-secret", "a role's secret")];
    let http = [&ours[..], &[("x-fc-control-path", "/http-invoke")]].concat();
    function.upload("/grants", "a.png", &http, &sandbox).await;

    for lifecycle in ["/initialize", "/pre-stop"] {
        let headers = [("x-fc-control-path", lifecycle)];
        assert_eq!(function.post(lifecycle, &headers, "").await.status, 200);
    }

    // Queues: an array of events, as objects or as texts, on `/invoke`; the twins are recognized.
    let invoke =
        [&ours[..], &[("x-fc-control-path", "/invoke"), ("content-type", "application/octet-stream")]]
            .concat();
    for name in ["fc-mns-objects", "fc-mns-strings"] {
        let done = function.post("/invoke", &invoke, &event(name).to_string()).await;
        assert_eq!((done.status, done.header("x-fc-status")), (200, "200"), "{name}: {}", done.text);
    }
    assert_eq!(sandbox.objects().len(), 3);
    let failed = function.post("/invoke", &invoke, r#"{"hello":"world"}"#).await;
    assert_eq!((failed.status, failed.header("x-fc-status")), (500, "404"));
    // Without the platform's word it is a path like any other.
    let job = event("fc-mns-objects").to_string();
    assert_eq!(function.post("/invoke", &http, &job).await.status, 404);
    assert_eq!(function.post("/invoke", &[], &job).await.status, 404);
    assert!(!wrote(&function.process, "a role's"));
}

#[tokio::test]
async fn nobody_but_function_compute_invokes() {
    let sandbox = Sandbox::start().await.unwrap();
    let function =
        Function::start(&binary("alibaba-chatapp"), &sandbox, "alibaba-chatapp", &[("PORT", "0")]).await;
    let forged = [("x-fc-control-path", "/invoke"), ("x-api-key", KEY)];
    let answer = function.post("/invoke", &forged, &event("fc-mns-objects").to_string()).await;
    assert_eq!(answer.problem(), (404, "not_found"));
    assert_eq!(sandbox.objects().len(), 0);
}

#[tokio::test]
async fn scf_web_function() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = packaged("tencent-scf/web/scf_bootstrap", "tencent-lke");
    let platform = [("TENCENTCLOUD_RUNENV", "SCF"), ("GRANT_LISTEN", "0.0.0.0:0"), ("GRANT_RUNTIME", "")];
    let program = folder.path().join("scf_bootstrap");
    let function = Function::start(&program, &sandbox, "tencent-lke", &platform).await;
    let headers = [("x-scf-request-id", "6d4f1d8e"), ("x-scf-remote-addr", "203.0.113.7")];
    function.upload("/grants", "a.pdf", &headers, &sandbox).await;
}

#[tokio::test]
async fn function_graph_http_function() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = packaged("huawei-functiongraph/http/bootstrap", "tencent-lke");
    let root = folder.path().to_str().unwrap();
    // Its own runtime API may be named here too: the script decides.
    let platform = [
        ("RUNTIME_CODE_ROOT", root),
        ("RUNTIME_PROJECT_ID", "0162c0f2"),
        ("RUNTIME_API_ADDR", "127.0.0.1:9"),
        ("GRANT_LISTEN", "0.0.0.0:0"),
        ("GRANT_RUNTIME", ""),
    ];
    let function =
        Function::start(&folder.path().join("bootstrap"), &sandbox, "tencent-lke", &platform).await;
    let headers = [("x-cff-request-id", "11cdcdcf"), ("x-cff-secret-key", "a platform's secret")];
    function.upload("/grants", "a.pdf", &headers, &sandbox).await;
    assert!(!wrote(&function.process, "a platform's"));
}

#[tokio::test]
async fn azure_custom_handler() {
    let sandbox = Sandbox::start().await.unwrap();
    let platform = [("FUNCTIONS_CUSTOMHANDLER_PORT", "0"), ("GRANT_LISTEN", "127.0.0.1")];
    let function = Function::start(&binary("tencent-lke"), &sandbox, "tencent-lke", &platform).await;
    let headers = [("x-azure-functions-invocationid", "7c307f6a-cf68-4e65-8be0-4c77405a1b2c")];
    for path in ["/api/grants", "/grants"] {
        function.upload(path, "a.pdf", &headers, &sandbox).await;
    }
}

/// It would see what is sent, and stand between us and the addresses that were checked.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let sandbox = Sandbox::start().await.unwrap();
    let nowhere = "http://127.0.0.1:1";
    let platform = [("PORT", "0"), ("http_proxy", nowhere), ("HTTP_PROXY", nowhere), ("ALL_PROXY", nowhere)];
    let function = Function::start(&binary("tencent-lke"), &sandbox, "tencent-lke", &platform).await;
    function.upload("/grants", "a.pdf", &[], &sandbox).await;
}

#[tokio::test]
async fn knative_service() {
    let sandbox = Sandbox::start().await.unwrap();
    let platform = [("PORT", "0"), ("K_SERVICE", "tencent-lke"), ("K_REVISION", "tencent-lke-00001")];
    let function = Function::start(&binary("tencent-lke"), &sandbox, "tencent-lke", &platform).await;
    function.upload("/grants", "a.pdf", &[], &sandbox).await;
    // Events are shut unless opened.
    let refused = deliver(&function, &event("knative-structured")).await;
    assert_eq!(sandbox.objects().len(), 1, "{}", refused.text);
    assert!(refused.status >= 400);
    assert!(function.process.stop());
}

#[tokio::test]
async fn knative_events() {
    let sandbox = Sandbox::start().await.unwrap();
    let platform = [("PORT", "0"), ("K_SERVICE", "tencent-lke-jobs"), ("GRANT_EVENTS", "trusted")];
    let function = Function::start(&binary("tencent-lke"), &sandbox, "tencent-lke", &platform).await;
    // The same two jobs in every mode.
    for (name, objects) in [("knative-binary", 1), ("knative-structured", 1), ("knative-batch", 2)] {
        let answer = deliver(&function, &event(name)).await;
        assert_eq!((answer.status, sandbox.objects().len()), (200, objects), "{name}: {}", answer.text);
    }
    // A refusal has the broker deliver it again.
    sandbox.fault(json!({ "target": "lke", "raw": { "status": 503 } }));
    let mut fresh = event("knative-structured");
    fresh["body"] = fresh["body"].as_str().unwrap().replace("job-1", "job-9").into();
    assert_eq!(deliver(&function, &fresh).await.problem(), (503, "vendor_unavailable"));
    sandbox.clear_faults();
    assert_eq!(deliver(&function, &fresh).await.status, 200);
    assert_eq!(sandbox.objects().len(), 3);
}

/// Sends a stored HTTP request.
async fn deliver(function: &Function, stored: &Value) -> Answer {
    let headers = stored["headers"].as_object().unwrap().iter();
    let headers: Vec<(&str, &str)> = headers
        .filter(|(name, _)| *name != "host" && *name != "accept-encoding")
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    function.post(stored["path"].as_str().unwrap(), &headers, stored["body"].as_str().unwrap()).await
}

#[tokio::test]
async fn a_server_has_a_worker_for_each_processor() {
    let sandbox = Sandbox::start().await.unwrap();
    let function = Function::start(&binary("tencent-lke"), &sandbox, "tencent-lke", &[]).await;
    let processors = std::thread::available_parallelism().unwrap().get();
    // Where there is one only, the main thread does it all.
    let workers = if processors > 1 { processors } else { 0 };
    assert_eq!(function.process.threads(), 1 + workers);
}
