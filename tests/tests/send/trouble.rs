//! What goes wrong on the way, what is tried again, and what is told of the rest.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use upload_grant_tests::process::Process;
use upload_grant_tests::stub::Stub;
use upload_grant_tests::{Service, sandbox, tokens};

use crate::shell::{Shell, TOKEN};

const LANES: [(&str, &str, &str, &str); 5] = [
    ("alibaba-chatapp", "form", "a.png", "oss"),
    ("alibaba-chatapp", "put", "a.png", "oss"),
    ("alibaba-workorder", "form", "a.txt", "oss"),
    ("tencent-lke", "put", "a.pdf", "cos"),
    ("alibaba-aicontent", "form", "a.wav", "ssapi"),
];

/// To the store's clock the grant has ended, once.
#[tokio::test]
async fn a_grant_that_expired_is_asked_for_again() {
    for (flow, mode, file, store) in LANES {
        let sandbox = sandbox().await;
        let (_process, url) = Process::serving(flow, &sandbox, &[]).await;
        let shell = Shell::at(&url);
        shell.file(file, b"hello");
        sandbox.fault(json!({ "target": store, "skew_seconds": 100_000, "times": 1 }));
        let said = shell.send(&["--mode", mode, file]).await.ok();
        let objects = sandbox.objects();
        assert_eq!((objects.len(), said.lines.len()), (1, 1), "{flow} {mode}");
        assert_eq!(objects[0].sha256, said.lines[0]["sha256"].as_str().expect("a digest"));
    }
}

#[tokio::test]
async fn a_store_for_which_every_grant_has_expired_is_given_up() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("alibaba-chatapp", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    shell.file("a.png", b"hello");
    sandbox.fault(json!({ "target": "oss", "skew_seconds": 600 }));
    let said = shell.send(&["a.png"]).await.failed(&sandbox);
    assert_eq!(said.problem("a.png"), "upload_failed");
    assert!(said.err.contains("answered 403 AccessDenied"), "{}", said.err);
    assert_eq!(sandbox.calls(Service::Oss), 5);
}

/// The connection is cut while the file is on its way.
#[tokio::test]
async fn a_broken_connection_is_an_upload_from_the_start() {
    for (flow, mode, file, store) in LANES {
        let sandbox = sandbox().await;
        let (_process, url) = Process::serving(flow, &sandbox, &[]).await;
        let shell = Shell::at(&url);
        let bytes = vec![9; 2_000_000];
        shell.file(file, &bytes);
        sandbox.fault(json!({ "target": store, "reset": true, "times": 2 }));
        let said = shell.send(&["--mode", mode, file]).await.ok();
        let objects = sandbox.objects();
        assert_eq!((objects.len(), objects[0].size), (1, 2_000_000), "{flow} {mode}");
        assert_eq!(objects[0].sha256, said.lines[0]["sha256"].as_str().expect("a digest"));
    }
}

#[tokio::test]
async fn a_throttled_vendor_and_a_failing_store_are_waited_for() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("alibaba-chatapp", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    shell.file("a.png", b"hello");
    // The function itself tries three times.
    sandbox.fault(json!({ "target": "cams", "raw": { "status": 429 }, "times": 3 }));
    sandbox.fault(json!({ "target": "oss", "raw": { "status": 503 }, "times": 1 }));
    shell.send(&["a.png"]).await.ok();
    assert_eq!((sandbox.calls(Service::Cams), sandbox.calls(Service::Oss)), (4, 2));
    assert_eq!(sandbox.objects().len(), 1);
}

#[tokio::test]
async fn one_file_that_fails_does_not_keep_the_others() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    for name in ["a.pdf", "b.exe", "c.pdf"] {
        shell.file(name, b"hello");
    }
    let said = shell.send(&["a.pdf", "b.exe", "c.pdf"]).await.failed(&sandbox);
    assert_eq!(said.problem("b.exe"), "unsupported_type");
    assert_eq!(said.line("b.exe")["flow"], "tencent-lke");
    assert!(said.line("a.pdf")["key"].is_string() && said.line("c.pdf")["key"].is_string());
    assert_eq!((said.lines.len(), sandbox.objects().len()), (3, 2));
}

/// A store's refusal tells its status and code, and nothing else of it.
#[tokio::test]
async fn a_refusal_is_told_without_what_the_store_said() {
    for (flow, mode, file, store) in LANES {
        let sandbox = sandbox().await;
        let (_process, url) = Process::serving(flow, &sandbox, &[]).await;
        let shell = Shell::at(&url);
        shell.file(file, b"hello");
        let body = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>POST\ntop</StringToSign></Error>";
        sandbox.fault(json!({ "target": store, "raw": { "status": 403, "body": body } }));
        let said = shell.send(&["--mode", mode, file]).await;
        assert!(said.err.contains("answered 403 SignatureDoesNotMatch"), "{}", said.err);
        assert!(!said.err.contains("POST") && !said.out.contains("StringToSign"), "{said:?}");
        assert_eq!((said.code, said.problem(file)), (Some(1), "upload_failed"));
        let secrets = sandbox.secrets();
        assert!(!secrets.is_empty());
        for secret in secrets {
            assert!(!said.out.contains(&secret) && !said.err.contains(&secret), "{secret} in {said:?}");
        }
        assert_eq!(sandbox.calls(if store == "cos" { Service::Cos } else { service(store) }), 1);
    }
}

fn service(store: &str) -> Service {
    if store == "oss" { Service::Oss } else { Service::Ssapi }
}

/// The evaluation service fails inside an HTTP 200.
#[tokio::test]
async fn a_refused_recording_is_no_success() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("alibaba-aicontent", &sandbox, &[]).await;
    let shell = Shell::at(&url);
    shell.file("a.wav", b"hello");
    let body = json!({ "errId": 40_006, "error": "audio is empty" }).to_string();
    sandbox.fault(json!({ "target": "ssapi", "raw": { "status": 200, "body": body } }));
    let said = shell.send(&["a.wav"]).await.failed(&sandbox);
    assert_eq!(said.problem("a.wav"), "upload_failed");
    assert_eq!(said.line("a.wav")["vendor"]["code"], "40006");
}

#[tokio::test]
async fn who_has_no_credentials_is_told() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &tokens::SHARED).await;
    let good = tokens::hs256(&tokens::claims(&json!({})));
    for (token, goes) in [("", false), (TOKEN, false), (&*good, true)] {
        let shell = Shell::at(&url).set("GRANT_TOKEN", token);
        shell.file("a.pdf", b"hello");
        let said = shell.send(&["a.pdf"]).await;
        if goes {
            said.ok();
        } else {
            assert_eq!(said.failed(&sandbox).problem("a.pdf"), "unauthenticated");
        }
        // Or in a file, with the line end that editors leave.
        let file = shell.file("token", format!("{token}\n").as_bytes());
        let shell = Shell::at(&url).set("GRANT_TOKEN", "").set("GRANT_TOKEN_FILE", file.to_str().unwrap());
        shell.file("a.pdf", b"hello");
        assert_eq!(shell.send(&["a.pdf"]).await.code, Some(i32::from(!goes)));
    }
    let keys = [("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", tokens_key())];
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &keys).await;
    let shell = Shell::at(&url).set("GRANT_API_KEY", "hello");
    shell.file("a.pdf", b"hello");
    shell.send(&["a.pdf"]).await.ok();
}

/// `hello`, as `GRANT_API_KEYS` has it.
fn tokens_key() -> &'static str {
    "us:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
}

fn answer(status: u16, document: &Value) -> Response {
    let body = Body::from(document.to_string());
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body)
        .expect("a response")
}

/// A relay whose ticket is over once answers 410.
#[tokio::test]
async fn a_ticket_that_expired_is_asked_for_again() {
    let stub = Stub::start(|seen| match (&*seen.target, seen.index) {
        ("/grants", _) => {
            let url = format!("http://{}/relay/ticket", seen.header("host"));
            answer(200, &json!({
                "mode": "relay", "method": "PUT", "key": "01K", "url": url, "headers": { "Content-Type": "application/octet-stream" },
                "expires": 300, "limits": { "content_types": ["application/pdf"] }, "success_status": [200],
            }))
        }
        (_, 1) => answer(410, &json!({ "code": "grant_expired", "detail": "it has", "retryable": false })),
        _ => answer(200, &json!({ "version": 1, "key": "01K", "filename": "a.pdf" })),
    })
    .await;
    let shell = Shell::at(&stub.url(""));
    shell.file("a.pdf", b"hello");
    let said = shell.send(&["a.pdf"]).await.ok();
    assert_eq!(said.line("a.pdf")["key"], "01K");
    let seen = stub.seen();
    let targets: Vec<&str> = seen.iter().map(|one| &*one.target).collect();
    assert_eq!(targets, ["/grants", "/relay/ticket", "/grants", "/relay/ticket"]);
    // The grant says which headers are sent: the caller's credentials are none of the store's business.
    assert_eq!(
        (seen[1].header("content-type"), seen[1].header("authorization")),
        ("application/octet-stream", "")
    );
    assert_eq!((seen[1].header("content-length"), &*seen[1].body), ("5", &b"hello"[..]));
    assert_eq!(seen[0].header("authorization"), format!("Bearer {TOKEN}"));
    let asked: Value = serde_json::from_slice(&seen[0].body).expect("JSON");
    assert_eq!(asked["checksums"]["md5"], "XUFAKrxLKna5cZ2REBfFkg==");
}

#[tokio::test]
async fn an_address_that_is_no_function_is_told_from_one() {
    let cases: [(u16, &str, &str); 6] = [
        (404, "<html>", "not_found"),
        (403, r#"{"message":"Forbidden"}"#, "forbidden"),
        (401, r#"{"message":"Unauthorized"}"#, "unauthenticated"),
        (200, "<html>", "internal"),
        (200, "{}", "internal"),
        (302, "", "internal"),
    ];
    for (status, body, code) in cases {
        let stub = Stub::start(move |_| {
            Response::builder().status(status).body(Body::from(body)).expect("a response")
        })
        .await;
        let shell = Shell::at(&stub.url(""));
        shell.file("a.pdf", b"hello");
        let said = shell.send(&["a.pdf"]).await;
        assert_eq!((said.code, said.problem("a.pdf"), stub.seen().len()), (Some(1), code, 1), "{said:?}");
        assert!(!said.err.contains("html"));
    }
}

/// A file must not leave without TLS, whatever the grant says.
#[tokio::test]
async fn a_grant_for_an_address_without_tls_is_not_used() {
    let stub = Stub::start(|_| {
        answer(200, &json!({
            "mode": "put", "method": "PUT", "key": "01K", "url": "http://192.0.2.1/bucket/key?signature=signed", "headers": {}, "expires": 300,
            "limits": { "content_types": ["application/pdf"] }, "success_status": [200],
            "complete": { "token": "t", "collect": [] },
        }))
    })
    .await;
    let shell = Shell::at(&stub.url(""));
    shell.file("a.pdf", b"hello");
    let said = shell.send(&["a.pdf"]).await;
    assert!(said.err.contains("an address without TLS") && !said.err.contains("signed"), "{said:?}");
    assert_eq!(said.code, Some(1));
}

#[tokio::test]
async fn a_function_that_gives_no_receipts_gets_no_file() {
    let sandbox = sandbox().await;
    let (_process, url) = Process::serving("tencent-lke", &sandbox, &[("GRANT_SECRET", "")]).await;
    let shell = Shell::at(&url);
    shell.file("a.pdf", b"hello");
    let said = shell.send(&["a.pdf"]).await;
    assert_eq!((said.problem("a.pdf"), sandbox.calls(Service::Cos)), ("config_missing", 0));
}

#[tokio::test]
async fn a_function_that_is_not_there_is_told() {
    let shell = Shell::at("http://127.0.0.1:1");
    shell.file("a.pdf", b"hello");
    let said = shell.send(&["a.pdf"]).await;
    assert_eq!((said.code, said.problem("a.pdf")), (Some(1), "upload_failed"));
    assert!(said.err.contains("http://127.0.0.1:1 cannot be reached: Connection refused"), "{}", said.err);
}

/// Between the asking and the sending somebody writes to the file.
#[tokio::test]
async fn a_file_that_changes_on_the_way_is_not_stored() {
    for (changed, code) in [(&b"jello"[..], "checksum_mismatch"), (b"hell", "source_failed")] {
        let path = Arc::new(OnceLock::<PathBuf>::new());
        let file = path.clone();
        let stub = Stub::start(move |seen| {
            if seen.target != "/grants" {
                return answer(400, &json!({}));
            }
            std::fs::write(file.get().expect("the file"), changed).expect("it is written");
            answer(200, &json!({
                "mode": "put", "method": "PUT", "key": "01K", "url": format!("http://{}/object", seen.header("host")), "headers": {},
                "expires": 300, "limits": { "content_types": ["application/pdf"] }, "success_status": [200],
                "complete": { "token": "t", "collect": [] },
            }))
        })
        .await;
        let shell = Shell::at(&stub.url(""));
        path.set(shell.file("a.pdf", b"hello")).expect("once");
        let said = shell.send(&["a.pdf"]).await;
        assert_eq!((said.code, said.problem("a.pdf")), (Some(1), code), "{said:?}");
        // The store never had the whole of it.
        assert!(stub.seen().iter().all(|one| one.target == "/grants" || one.body.is_empty()));
    }
}
