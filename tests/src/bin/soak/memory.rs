//! What hostile input costs at most in resident memory, against what each shipped manifest gives a function.

use std::time::Duration;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use upload_grant_tests::{Sandbox, client};

use crate::functions::Function;

/// The manifests that ship, and how each writes a function's memory; the unit is a mebibyte.
const MANIFESTS: [(&str, &str); 10] = [
    ("shared/deploy/cloud-run/service.yaml", "memory: "),
    ("shared/deploy/knative/service.yaml", "memory: "),
    ("shared/deploy/knative/trigger.yaml", "memory: "),
    ("shared/deploy/kubernetes/deployment.yaml", "limits: {cpu: \"1\", memory: "),
    ("shared/deploy/aws/stack.in.yaml", "MemorySize: "),
    ("shared/deploy/huawei-functiongraph/http/s.yaml", "memorySize: "),
    ("shared/deploy/huawei-functiongraph/queue/s.yaml", "memorySize: "),
    ("shared/deploy/tencent-scf/web/serverless.yml", "memorySize: "),
    ("shared/deploy/tencent-scf/queue/serverless.yml", "memorySize: "),
    ("shared/deploy/alibaba-fc/s.yaml", "memorySize: "),
];
const MIB: usize = 1 << 20;
/// What an upload or a delivery may leave unanswered before it counts as an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs each reproduction in a process of its own, prints the peaks, and tells whether the largest fits into the
/// smallest manifest.
pub async fn fits(sandbox: &Sandbox) -> bool {
    let idle = Function::start("tencent-lke", sandbox, &[]).await;
    let mut peaks = vec![("idle", idle.peak())];
    drop(idle);

    let function = Function::start("tencent-lke", sandbox, &[]).await;
    for _ in 0..10 {
        posts(&function, vec![nested()]).await;
    }
    peaks.push(("a message of 224 kB in 120 envelopes, ten times", function.peak()));

    let function = Function::start("tencent-lke", sandbox, &[]).await;
    for length in [14_000, 80_000, 6 * MIB - 2] {
        posts(&function, vec![format!("[{}0]", "0,".repeat(length / 2 - 1))]).await;
    }
    peaks.push(("[0,0,…] of 14 kB to 6 MiB", function.peak()));

    let function = Function::start("tencent-lke", sandbox, &[]).await;
    let file = STANDARD.encode(vec![7; 4 * MIB]);
    let job =
        |at: usize| json!({ "id": format!("m-{at}"), "filename": "a.pdf", "source": { "base64": file } });
    posts(&function, (0..16).map(|at| job(at).to_string()).collect()).await;
    peaks.push(("16 deliveries of 5.6 MB at once", function.peak()));

    let function = Function::start("tencent-lke", sandbox, &[]).await;
    let served = strangers(&function).await;
    peaks.push(("1,030 strangers who send nothing to /complete", function.peak()));

    let function = Function::start("huawei-aicc", sandbox, &[("GRANT_TIMEOUT_SECONDS", "60")]).await;
    relays(&function, 100, 2 * MIB).await;
    peaks.push(("100 relays of 2 MiB at once to aicc", function.peak()));

    let large = [("GRANT_TIMEOUT_SECONDS", "60"), ("GRANT_MAX_BYTES", "16777216")];
    let function = Function::start("huawei-aicc", sandbox, &large).await;
    relays(&function, 40, 16 * MIB).await;
    peaks.push(("40 relays of 16 MiB at once to aicc", function.peak()));

    for (what, kib) in &peaks {
        println!("memory: {:>4} MiB at most: {what}", kib.div_ceil(1024));
    }
    let most = peaks.iter().map(|(_, kib)| kib.div_ceil(1024)).max().unwrap_or_default();
    let fits = MANIFESTS.iter().fold(served, |fits, (file, before)| {
        let given = given(file, before);
        println!("memory: {file} gives {given} MiB, {most} are used");
        fits && most <= given
    });
    println!("memory: {}", if fits { "good" } else { "FAILED" });
    fits
}

/// The least that a manifest gives.
fn given(file: &str, before: &str) -> u64 {
    let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a manifest");
    let number = |rest: &str| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    text.split(before).skip(1).filter_map(number).min().expect("a figure in the manifest")
}

fn nested() -> String {
    let mut nested = format!("[{}0]", "0,".repeat(108_000));
    for _ in 0..120 {
        nested = format!("{{\"specversion\":\"1.0\",\"id\":\"c\",\"type\":\"t\",\"data\":{nested}}}");
    }
    json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": nested }] }).to_string()
}

/// Posts all of `bodies` at once. What is answered is not of interest here.
async fn posts(function: &Function, bodies: Vec<String>) {
    let post =
        |body: String| client().post(format!("{}/events", function.url)).timeout(PATIENCE).body(body).send();
    bodies.into_iter().map(post).collect::<JoinSet<_>>().join_all().await;
}

/// So many strangers who never send their document; whether others are served meanwhile.
async fn strangers(function: &Function) -> bool {
    let address = function.url.trim_start_matches("http://");
    let mut open = Vec::new();
    for _ in 0..1_030 {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let head = "POST /complete HTTP/1.1\r\nhost: localhost\r\ncontent-length: 65000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.expect("half a request");
        open.push(stream);
    }
    let ask = client().post(format!("{}/grants", function.url)).body(r#"{"filename":"a.pdf"}"#);
    let served = ask.timeout(PATIENCE).send().await.is_ok_and(|answer| answer.status() == 200);
    if !served {
        println!("memory: nobody else is served while strangers dawdle");
    }
    served
}

/// Uploads so many files of so many bytes at once.
async fn relays(function: &Function, count: usize, bytes: usize) {
    let file = Bytes::from(vec![7; bytes]);
    let one = async |file: Bytes, url: String| {
        let ask = client().post(url).body(r#"{"filename":"a.jpg","mode":"relay"}"#).timeout(PATIENCE);
        let Ok(answer) = ask.send().await else { return };
        let grant: Value =
            serde_json::from_slice(&answer.bytes().await.unwrap_or_default()).unwrap_or_default();
        let put = client().put(grant["url"].as_str().unwrap_or_default()).body(file);
        let _ = put.timeout(PATIENCE).send().await;
    };
    let url = format!("{}/grants", function.url);
    (0..count).map(|_| one(file.clone(), url.clone())).collect::<JoinSet<_>>().join_all().await;
}
