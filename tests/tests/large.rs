//! A gigabyte through a queue job, in memory that does not grow with it. `make test-large`.

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use upload_grant_tests::process::Process;
use upload_grant_tests::stub::Stub;
use upload_grant_tests::{Answer, client, sandbox};

const CHUNK: usize = 64 * 1024;
const CHUNKS: u32 = 16 * 1024;
const SIZE: u64 = 1 << 30;
const LIMIT: u64 = 64 << 20;

/// A chunk unlike every other.
fn chunk(index: u32) -> Bytes {
    let mut bytes = vec![0x5a; CHUNK];
    bytes[..4].copy_from_slice(&index.to_be_bytes());
    Bytes::from(bytes)
}

async fn one_gigabyte(flow: &str, filename: &str) {
    let mut sha256 = Sha256::new();
    (0..CHUNKS).for_each(|index| sha256.update(chunk(index)));
    let sha256 = upload_grant_tests::s3::hex(&sha256.finalize());
    let source = Stub::start(|_| {
        let chunks = stream::iter((0..CHUNKS).map(|index| Ok::<_, std::io::Error>(chunk(index))));
        Response::builder()
            .header("content-length", SIZE)
            .body(Body::from_stream(chunks))
            .expect("a response")
    })
    .await;
    let sandbox = sandbox().await;
    let extra = [("GRANT_SOURCE_HOSTS", &*source.host), ("GRANT_MAX_BYTES", "2147483648")];
    let (process, url) = Process::serving(flow, &sandbox, &extra).await;
    let job = json!({
        "id": "large", "filename": filename, "size": SIZE, "checksums": { "sha256": sha256 },
        "source": { "url": source.url("/large") },
    });
    let started = std::time::Instant::now();
    let answer = Answer::of(client().post(format!("{url}/events")).body(job.to_string())).await;
    answer.ok();
    let peak = process.peak_memory();
    println!(
        "{flow}: {SIZE} bytes in {:.1} s, at most {:.1} MiB resident",
        started.elapsed().as_secs_f64(),
        f64::from(u32::try_from(peak >> 10).unwrap_or(u32::MAX)) / 1024.0
    );
    let object = &sandbox.objects()[0];
    assert_eq!((object.size, &object.sha256), (SIZE, &sha256));
    assert!(peak < LIMIT, "{peak} bytes resident");
}

#[tokio::test]
#[ignore = "a gigabyte takes its time: make test-large"]
async fn one_gigabyte_into_oss() {
    one_gigabyte("alibaba-chatapp", "large.pdf").await;
}

#[tokio::test]
#[ignore = "a gigabyte takes its time: make test-large"]
async fn one_gigabyte_into_cos() {
    one_gigabyte("tencent-lke", "large.pdf").await;
}
