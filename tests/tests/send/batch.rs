//! Several files are asked for in one request.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use upload_grant_tests::process::Process;
use upload_grant_tests::stub::{Seen, Stub};
use upload_grant_tests::{Sandbox, Service, client, sandbox};

use crate::shell::Shell;

async fn counting(flow: &str, sandbox: &Sandbox) -> (Process, String) {
    Process::serving(flow, sandbox, &[("GRANT_METRICS", "true")]).await
}

/// Requests to `/grants` that were answered with a grant or a list.
async fn asked(url: &str) -> u32 {
    let text = client().get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
    let line =
        text.lines().find(|line| line.contains(r#"requests_total{code="ok""#) && line.contains("\"grants\""));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

fn names(count: usize, extension: &str) -> Vec<String> {
    (0..count).map(|n| format!("{n}.{extension}")).collect()
}

#[tokio::test]
async fn twenty_at_once_and_one_vendor_call_where_a_credential_serves_many() {
    // The keys of chatapp are for a directory; bailian leases each file.
    for (flow, extension, service, requests, calls) in
        [("alibaba-chatapp", "pdf", Service::Cams, 2, 1), ("alibaba-bailian", "md", Service::Bailian, 2, 23)]
    {
        let sandbox = sandbox().await;
        let (_process, url) = counting(flow, &sandbox).await;
        let shell = Shell::at(&url);
        let names = names(23, extension);
        for name in &names {
            shell.file(name, name.as_bytes());
        }
        let arguments: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = shell.send(&arguments).await.ok();
        assert_eq!((said.lines.len(), sandbox.objects().len()), (23, 23), "{flow}");
        assert_eq!((asked(&url).await, sandbox.calls(service)), (requests, calls), "{flow}");
        for name in &names {
            assert_eq!(said.line(name)["filename"], **name);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_one_is_its_own_and_what_passes_is_asked_again() {
    let sandbox = sandbox().await;
    let (_process, url) = counting("tencent-lke", &sandbox).await;
    let shell = Shell::at(&url);
    for name in ["a.pdf", "b.exe", "c.pdf"] {
        shell.file(name, b"hello");
    }
    // The function itself tries three times: the first file of the list is throttled, and asks once more by itself.
    let body = json!({ "Response": { "Error": { "Code": "RequestLimitExceeded", "Message": "m" }, "RequestId": "r" } });
    sandbox.fault(json!({ "target": "lke", "times": 3, "raw": { "status": 200, "body": body.to_string() } }));
    let said = shell.send(&["a.pdf", "missing.pdf", "b.exe", "c.pdf"]).await;
    assert_eq!(
        (said.code, said.problem("b.exe"), said.problem("missing.pdf")),
        (Some(1), "unsupported_type", "source_failed")
    );
    assert!(said.line("a.pdf")["key"].is_string() && said.line("c.pdf")["key"].is_string(), "{said:?}");
    assert_eq!((said.lines.len(), sandbox.objects().len()), (4, 2));
}

#[tokio::test]
async fn who_may_not_ask_is_told_for_each_file_after_one_request() {
    let stub = Stub::start(|_| {
        answer(401, &json!({ "code": "unauthenticated", "detail": "no", "retryable": false }))
    })
    .await;
    let shell = Shell::at(&stub.url(""));
    for name in ["a.pdf", "b.pdf"] {
        shell.file(name, b"hello");
    }
    let said = shell.send(&["a.pdf", "b.pdf"]).await;
    assert_eq!((said.problem("a.pdf"), said.problem("b.pdf")), ("unauthenticated", "unauthenticated"));
    assert_eq!(stub.seen().len(), 1);
}

/// A list over 64 KiB, and a function from before there were lists.
#[tokio::test]
async fn a_list_that_is_refused_as_such_is_asked_for_one_by_one() {
    for (status, code) in [(400, "invalid_request"), (413, "too_large")] {
        let stub = Stub::start(move |seen| match &*seen.target {
            "/grants" if requests(seen) > 1 => {
                answer(status, &json!({ "code": code, "detail": "d", "retryable": false }))
            }
            "/grants" => answer(200, &grant(seen, 300)),
            _ => answer(200, &json!({ "version": 1, "key": "01K" })),
        })
        .await;
        let shell = Shell::at(&stub.url(""));
        for name in ["a.pdf", "b.pdf"] {
            shell.file(name, b"hello");
        }
        shell.send(&["a.pdf", "b.pdf"]).await.ok();
        let asked: Vec<usize> =
            stub.seen().iter().filter(|seen| seen.target == "/grants").map(requests).collect();
        assert_eq!(asked, [2, 1, 1]);
    }
}

/// The last of a list may wait long for its turn.
#[tokio::test]
async fn a_grant_that_has_ended_by_its_turn_is_asked_for_again() {
    let stub = Stub::start(|seen| match (&*seen.target, requests(seen)) {
        ("/grants", 1) => answer(200, &grant(seen, 300)),
        ("/grants", _) => answer(200, &json!({ "grants": [grant(seen, 300), grant(seen, 4)] })),
        _ => answer(200, &json!({ "version": 1, "key": "01K" })),
    })
    .await;
    let shell = Shell::at(&stub.url(""));
    for name in ["a.pdf", "b.pdf"] {
        shell.file(name, b"hello");
    }
    shell.send(&["--jobs", "1", "a.pdf", "b.pdf"]).await.ok();
    let seen = stub.seen();
    let asked: Vec<(&str, usize)> = seen.iter().map(|one| (&*one.target, requests(one))).collect();
    assert_eq!(asked, [("/grants", 2), ("/relay/ticket", 0), ("/grants", 1), ("/relay/ticket", 0)]);
}

/// How many files a request asks for.
fn requests(seen: &Seen) -> usize {
    let document: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    document["files"].as_array().map_or_else(|| usize::from(document["filename"].is_string()), Vec::len)
}

fn grant(seen: &Seen, expires: u64) -> Value {
    let url = format!("http://{}/relay/ticket", seen.header("host"));
    json!({
        "mode": "relay", "method": "PUT", "key": "01K", "url": url, "headers": {}, "expires": expires,
        "limits": { "content_types": ["application/pdf"] }, "success_status": [200],
    })
}

fn answer(status: u16, document: &Value) -> Response {
    Response::builder().status(status).body(Body::from(document.to_string())).expect("a response")
}
