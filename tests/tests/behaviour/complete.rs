//! `/complete`: the client's word becomes a receipt, unless it contradicts what the token binds.

use serde_json::{Value, json};
use upload_grant_tests::{Answer, FLOWS, Function, Sandbox, sandbox, service, upload_request};

const MD5: &str = "XUFAKrxLKna5cZ2REBfFkg==";
const OTHER_MD5: &str = "mZ9VTE8xqW+Qn3yd6JsOVA==";
const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const CRC64: &str = "11177612005948864433";

async fn chatapp(sandbox: &Sandbox) -> Function {
    Function::of("alibaba-chatapp", sandbox, &[]).await
}

async fn token(function: &Function, request: &Value) -> Value {
    function.ask(request).await.ok()["complete"]["token"].clone()
}

async fn complete(function: &Function, sent: &Value) -> Answer {
    Answer::of(function.post("/complete").body(sent.to_string())).await
}

#[tokio::test]
async fn a_contradiction_is_a_conflict_and_anything_else_is_taken() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox).await;
    let bound = json!({
        "filename": "a b.png", "size": 5, "checksums": { "md5": MD5, "sha256": SHA256, "crc64": CRC64 },
    });
    let bound = token(&function, &bound).await;
    let calls = sandbox.calls(service("alibaba-chatapp"));
    for (member, value, pointer) in [
        ("size", json!(5), None),
        ("size", json!(6), Some("/size")),
        ("size", json!(0), Some("/size")),
        ("checksums", json!({ "md5": MD5, "sha256": SHA256.to_uppercase(), "crc64": CRC64 }), None),
        ("checksums", json!({ "md5": OTHER_MD5 }), Some("/checksums/md5")),
        ("checksums", json!({ "sha256": "0".repeat(64) }), Some("/checksums/sha256")),
        ("checksums", json!({ "crc64": "1" }), Some("/checksums/crc64")),
        ("crc64", json!(CRC64), None),
        ("crc64", json!("1"), Some("/crc64")),
        // An entity tag is no checksum: OSS's need not be the MD5.
        ("etag", json!("\"ANYTHING\""), None),
        ("etag", json!(""), None),
        ("etag", json!(null), None),
        ("unknown", json!([1]), None),
    ] {
        let answer = complete(&function, &json!({ "token": bound, member: value })).await;
        if let Some(pointer) = pointer {
            assert_eq!(answer.problem(), (409, "complete_mismatch"), "{member} {value}");
            assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{member} {value}");
        } else {
            let receipt = answer.ok();
            assert_eq!((&receipt["verified"], &receipt["size"]), (&json!("client"), &json!(5)), "{member}");
            assert_eq!((&receipt["sha256"], &receipt["crc64"]), (&json!(SHA256), &json!(CRC64)), "{member}");
        }
    }
    // What a store says does not hide what the sender says, nor the other way round.
    for (crc64, checksum, pointer) in [(CRC64, "1", "/checksums/crc64"), ("1", CRC64, "/crc64")] {
        let sent = json!({ "token": bound, "crc64": crc64, "checksums": { "crc64": checksum } });
        let answer = complete(&function, &sent).await;
        assert_eq!(answer.problem(), (409, "complete_mismatch"));
        assert_eq!(answer.json["errors"][0]["pointer"], pointer);
    }
    assert_eq!(sandbox.calls(service("alibaba-chatapp")), calls);
}

#[tokio::test]
async fn a_relay_that_nobody_used_hands_nothing_on() {
    let sandbox = sandbox().await;
    for (flow, filename) in FLOWS.iter().map(|flow| (flow.name, flow.file)) {
        let function = Function::of(flow, &sandbox, &[]).await;
        let token = token(&function, &json!({ "filename": filename, "mode": "relay" })).await;
        let receipt = complete(&function, &json!({ "token": token, "size": 5 })).await.ok();
        assert_eq!((&receipt["verified"], receipt.get("handoff")), (&json!("client"), None), "{flow}");
    }
}

#[tokio::test]
async fn a_relayed_upload_is_completed_with_what_was_granted() {
    let function = chatapp(&sandbox().await).await;
    let request = json!({ "filename": "a.png", "mode": "relay", "size": 5, "checksums": { "crc64": CRC64 } });
    let grant = function.ask(&request).await.ok();
    let receipt = Answer::of(upload_request(&grant, b"hello")).await.ok();
    let token = &grant["complete"]["token"];
    for (sent, status) in [
        (json!({ "token": token }), 200),
        (json!({ "token": token, "size": 5, "crc64": CRC64 }), 200),
        (json!({ "token": token, "size": 6 }), 409),
        (json!({ "token": token, "crc64": "1" }), 409),
        (json!({ "token": token, "size": "5" }), 400),
        (json!({ "token": token, "checksums": { "md5": "zz" } }), 400),
    ] {
        let answer = complete(&function, &sent).await;
        assert_eq!(answer.status, status, "{sent}");
        assert!(status != 200 || answer.json == receipt, "{}", answer.text);
    }
}

#[tokio::test]
async fn an_unbound_size_only_has_to_fit() {
    let function = chatapp(&sandbox().await).await;
    let token = token(&function, &json!({ "filename": "a.png" })).await;
    for (size, status) in [(1, 200), (5 << 20, 200), ((5 << 20) + 1, 409), (0, 409)] {
        assert_eq!(
            complete(&function, &json!({ "token": token, "size": size })).await.status,
            status,
            "{size}"
        );
    }
}

#[tokio::test]
async fn completing_twice_is_completing_once() {
    let function = chatapp(&sandbox().await).await;
    let token = token(&function, &json!({ "filename": "a.png" })).await;
    let sent = json!({ "token": token, "size": 5, "etag": "abc", "crc64": CRC64 });
    let without_time = |answer: Answer| {
        assert_eq!(answer.header("cache-control"), "no-store");
        let mut receipt = answer.ok();
        receipt.as_object_mut().expect("an object").remove("uploaded_at").expect("a time");
        receipt
    };
    let first = without_time(complete(&function, &sent).await);
    assert_eq!((&first["etag"], &first["crc64"]), (&json!("\"abc\""), &json!(CRC64)));
    assert_eq!(without_time(complete(&function, &sent).await), first);
}

#[tokio::test]
async fn bad_completions() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox).await;
    let good = token(&function, &json!({ "filename": "a.png" })).await;
    let text = good.as_str().expect("text");
    let ticket = function.ask(&json!({ "filename": "a.png", "mode": "relay" })).await.ok();
    let ticket = ticket["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a ticket").to_owned();
    for token in [json!("x"), json!(text[..text.len() - 4]), json!(text.to_lowercase()), json!(ticket)] {
        let answer = complete(&function, &json!({ "token": token })).await;
        assert_eq!(answer.problem(), (401, "unauthenticated"), "{token}");
    }
    let lke = Function::of("tencent-lke", &sandbox, &[]).await;
    assert_eq!(complete(&lke, &json!({ "token": good })).await.problem(), (401, "unauthenticated"));
    for (sent, pointer) in [
        (json!([]), ""),
        (json!("x"), ""),
        (json!({}), "/token"),
        (json!({ "token": 7 }), "/token"),
        (json!({ "token": good, "size": -1 }), "/size"),
        (json!({ "token": good, "size": "5" }), "/size"),
        (json!({ "token": good, "etag": 7 }), "/etag"),
        (json!({ "token": good, "etag": "a\r\nb: c" }), "/etag"),
        (json!({ "token": good, "crc64": 7 }), "/crc64"),
        (json!({ "token": good, "crc64": "x" }), "/crc64"),
        (json!({ "token": good, "crc64": "+1" }), "/crc64"),
        (json!({ "token": good, "checksums": 7 }), "/checksums"),
        (json!({ "token": good, "checksums": { "md5": "x" } }), "/checksums/md5"),
    ] {
        let answer = complete(&function, &sent).await;
        assert_eq!(answer.problem(), (400, "invalid_request"), "{sent}");
        assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{sent}");
    }
    assert_eq!(Answer::of(function.post("/complete").body("{")).await.problem(), (400, "invalid_request"));
}
