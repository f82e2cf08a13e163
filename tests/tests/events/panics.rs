//! A panic in one event is one event's problem. The flow that panics is this file's own: the runtimes are the real ones.

use std::process::Command;

use serde_json::json;
use upload_grant::model::grant::Grant;
use upload_grant::model::media::{Accepted, Others, Types};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant_runtime::cli::doctor::{Diagnose, Profile, Report};
use upload_grant_runtime::flow::{Context, Flow, Spec, UploadContext, UploadRequest};
use upload_grant_runtime::platform::Env;
use upload_grant_tests::platform::{FUNCTION_GRAPH, LAMBDA, RuntimeApi};
use upload_grant_tests::process::Process;

use crate::event;

/// Panics over `panic.pdf`, and refuses everything else.
struct Panics;

impl Flow for Panics {
    const SPEC: Spec = Spec {
        name: "panics",
        types: Types {
            listed: &[Accepted { content_type: "application/pdf", extensions: &["pdf"], max_bytes: 1000 }],
            others: Others::Refused,
        },
        modes: &[Mode::Put, Mode::Relay],
        ..Spec::DEFAULT
    };

    fn from_env(_: &mut Env) -> Self {
        Self
    }

    async fn grant(&self, _: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        assert_ne!(upload.filename, "panic.pdf", "a secret that must not be told");
        Err(Problem::new(Code::VendorRejected, "alive"))
    }

    fn handoff(&self, _: &Receipt, _: &UploadContext<'_>) -> Option<Handoff> {
        None
    }
}

impl Diagnose for Panics {
    fn profile(&self) -> Profile {
        Profile::default()
    }

    async fn diagnose(&self, _: &Context, _: &UploadRequest, _: &mut Report) -> Result<(), Problem> {
        Ok(())
    }
}

#[test]
#[ignore = "the process that the tests below start"]
fn process() {
    if std::env::var_os("GRANT_RUNTIME").is_some() {
        upload_grant_runtime::serve::run_with::<Panics>(std::iter::empty());
    }
}

fn start(vars: &[(&str, &str)]) -> Process {
    let mut program = Command::new(std::env::current_exe().expect("this program"));
    program.args(["--exact", "panics::process", "--ignored", "--nocapture"]);
    let mut vars: Vec<(String, String)> =
        vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    vars.extend(
        [("GRANT_AUTH", "none"), ("GRANT_INSECURE", "true")].map(|(n, v)| (n.to_owned(), v.to_owned())),
    );
    Process::start(program, &vars)
}

async fn survives(api: &RuntimeApi, process: &Process) {
    let failure = api.invoke(&json!({ "filename": "panic.pdf" })).await.unwrap_err();
    assert_eq!(failure["errorType"], "internal", "{failure}");
    assert!(!failure.to_string().contains("secret"), "{failure}");
    let failure = api.invoke(&json!({ "filename": "a.pdf" })).await.unwrap_err();
    assert_eq!(failure["errorType"], "vendor_rejected");
    // Behind a gateway it is an answer.
    let mut http = event("scf-url");
    http["body"] = json!({ "filename": "panic.pdf" }).to_string().into();
    assert_eq!(api.invoke(&http).await.unwrap()["statusCode"], 500);
    // In a batch it fails its own record. The other one is no job, which nobody is told of.
    let mut sqs = event("sqs");
    sqs["Records"][0]["body"] =
        json!({ "filename": "panic.pdf", "source": { "base64": "aGVsbG8=" } }).to_string().into();
    sqs["Records"][1]["body"] = "not a job".into();
    let answer = api.invoke(&sqs).await.unwrap();
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 2);
    process.line(|line| line["route"] == "job" && line["code"] == "internal").await;
    process.line(|line| line["route"] == "job" && line["code"] == "invalid_request").await;
    let lines = process.lines();
    assert!(!lines.iter().any(|line| line.to_string().contains("secret")), "{lines:#?}");
}

#[tokio::test]
async fn on_lambda_the_next_event_still_works() {
    let api = RuntimeApi::start(LAMBDA).await;
    let vars = api.lambda();
    let mut vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (&**name, &**value)).collect();
    vars.push(("GRANT_RUNTIME", "lambda"));
    survives(&api, &start(&vars)).await;
}

#[tokio::test]
async fn in_the_poll_loop_the_next_event_still_works() {
    let api = RuntimeApi::start(FUNCTION_GRAPH).await;
    let process = start(&[("GRANT_RUNTIME", "poll"), ("RUNTIME_API_ADDR", &api.address)]);
    survives(&api, &process).await;
}
