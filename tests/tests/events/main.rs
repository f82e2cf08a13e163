//! Every kind of event on every runtime: the real binaries behind mock runtime APIs, fed the stored events.

mod changed;
mod direct;
mod http;
mod lambda_http;
mod lambda_queues;
mod lattice;
mod logs;
mod outcomes;
mod panics;
mod poll;
mod world;

use serde_json::Value;
use upload_grant_tests::Sandbox;
use upload_grant_tests::platform::{LAMBDA, RuntimeApi};
use upload_grant_tests::process::{Process, settings};

/// A stored event.
fn event(name: &str) -> Value {
    let path = format!("{}/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).expect("a stored event")).expect("JSON")
}

/// A function on Lambda.
struct Lambda {
    api: RuntimeApi,
    process: Process,
    sandbox: Sandbox,
}

impl Lambda {
    async fn start(flow: &str, extra: &[(&str, &str)]) -> Self {
        let (api, sandbox) = (RuntimeApi::start(LAMBDA).await, upload_grant_tests::sandbox().await);
        let vars = [settings(flow, &sandbox, extra), api.lambda()].concat();
        let process = Process::of(flow, &vars);
        Self { api, process, sandbox }
    }

    /// With the S3 that the stored notifications mean.
    async fn with_s3(flow: &str) -> Self {
        static OBJECTS: &[upload_grant_tests::s3::Object] = &[upload_grant_tests::s3::FIXTURE];
        let s3 = upload_grant_tests::s3::start(OBJECTS).await;
        let vars = upload_grant_tests::s3::env(&s3);
        let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (&**name, &**value)).collect();
        Self::start(flow, &vars).await
    }

    async fn invoke(&self, event: &Value) -> upload_grant_tests::platform::Outcome {
        self.api.invoke(event).await
    }
}

/// The stored objects' contents, as text.
fn contents(sandbox: &Sandbox) -> Vec<String> {
    let text = |object: upload_grant_tests::Object| {
        String::from_utf8_lossy(&object.data.unwrap_or_default()).into_owned()
    };
    sandbox.objects().into_iter().map(text).collect()
}
