//! The relay's rules: what a ticket takes, how often, and what it answers.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use upload_grant_tests::{Answer, Function, Sandbox, client, sandbox, upload, upload_request};

const BYTES: &[u8] = b"hello";

async fn chatapp(sandbox: &Sandbox, extra: &[(&str, &str)]) -> Function {
    Function::of("alibaba-chatapp", sandbox, extra).await
}

async fn ticket(function: &Function, request: Value) -> Value {
    let mut request = request;
    request["mode"] = "relay".into();
    request["filename"] = "a.png".into();
    function.ask(&request).await.ok()
}

#[tokio::test]
async fn a_ticket_costs_no_vendor_call_until_it_is_used() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let grant = ticket(&function, json!({})).await;
    assert_eq!(sandbox.calls(upload_grant_tests::Service::Cams), 0);
    let answer = upload(&grant, BYTES).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let etag = answer.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
    let receipt = answer.ok();
    assert_eq!(receipt["etag"], etag);
    assert_eq!((&receipt["verified"], &receipt["size"]), (&json!("function"), &json!(5)));
    assert_eq!(receipt["sha256"], "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_eq!(receipt["crc64"], "11177612005948864433");
    assert_eq!((&receipt["id"], &receipt["filename"]), (&grant["id"], &json!("a.png")));
    assert_eq!(sandbox.objects()[0].key, receipt["key"].as_str().expect("a key"));
}

#[tokio::test]
async fn where_the_vendor_gives_no_tag_the_etag_is_the_quoted_md5() {
    for (flow, filename) in [("huawei-aicc", "a.jpg"), ("alibaba-aicontent", "a.wav")] {
        let function = Function::of(flow, &sandbox().await, &[]).await;
        let grant = function.ask(&json!({ "filename": filename, "mode": "relay" })).await.ok();
        let answer = upload(&grant, BYTES).await;
        assert_eq!(answer.header("etag"), "\"5d41402abc4b2a76b9719d911017c592\"", "{flow}: {}", answer.text);
    }
}

#[tokio::test]
async fn length_is_required_and_bounded() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[("GRANT_MAX_BYTES", "1000")]).await;
    let grant = ticket(&function, json!({})).await;
    let chunk: Result<_, std::io::Error> = Ok("hello");
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter([chunk]));
    let chunked = upload_request(&grant, b"").body(stream);
    assert_eq!(Answer::of(chunked).await.problem(), (411, "length_required"));
    assert_eq!(upload(&grant, &[7; 1001]).await.problem(), (413, "too_large"));
    assert_eq!(sandbox.calls(upload_grant_tests::Service::Cams), 0);
    assert_eq!(upload(&grant, &[7; 1000]).await.status, 200);
}

#[tokio::test]
async fn the_tickets_type_goes_to_the_vendor() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    for (sent, status) in [
        ("application/octet-stream", 200),
        ("image/png", 200),
        ("Image/PNG; charset=x", 200),
        ("image/jpeg", 415),
        ("text/plain", 415),
    ] {
        let mut grant = ticket(&function, json!({})).await;
        grant["headers"]["Content-Type"] = sent.into();
        assert_eq!(upload(&grant, BYTES).await.status, status, "{sent}");
    }
    let objects = sandbox.objects();
    assert_eq!(objects.len(), 3);
    assert!(objects.iter().all(|object| object.content_type.as_deref() == Some("image/png")));
}

#[tokio::test]
async fn a_ticket_in_use_is_busy_and_a_spent_one_repeats_its_receipt() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let grant = ticket(&function, json!({})).await;
    // The first upload has begun and cannot end before the gate opens.
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let body = futures_util::stream::once(async move {
        let _ = gate.await;
        Ok::<_, std::io::Error>(BYTES)
    });
    let first = client().put(grant["url"].as_str().expect("a URL")).header("content-length", "5");
    let first = tokio::spawn(first.body(reqwest::Body::wrap_stream(body)).send());
    let busy = async {
        loop {
            if sandbox.calls(upload_grant_tests::Service::Oss) > 0 {
                break upload(&grant, BYTES).await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let busy = tokio::time::timeout(Duration::from_secs(10), busy)
        .await
        .expect("the first upload reaches the store");
    assert_eq!(busy.problem(), (409, "already_used"));
    open.send(()).expect("the first upload waits");
    let receipt = Answer::read(first.await.expect("a task").expect("an answer")).await.ok();

    let calls = sandbox.calls(upload_grant_tests::Service::Oss);
    for bytes in [BYTES, b"HELLO"] {
        assert_eq!(upload(&grant, bytes).await.ok(), receipt);
    }
    assert_eq!(sandbox.calls(upload_grant_tests::Service::Oss), calls);
    let body = json!({ "token": grant["complete"]["token"] }).to_string();
    assert_eq!(Answer::of(function.post("/complete").body(body)).await.ok(), receipt);
}

#[tokio::test]
async fn a_failed_upload_does_not_spend_the_ticket() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let grant = ticket(&function, json!({})).await;
    let xml = "<Error><Code>InternalError</Code><Message>secret detail</Message></Error>";
    sandbox.fault(json!({ "target": "oss", "times": 1, "raw": { "status": 503, "body": xml } }));
    let failed = upload(&grant, BYTES).await;
    assert_eq!(failed.problem(), (502, "upload_failed"));
    assert_eq!(
        (&failed.json["retryable"], &failed.json["vendor"]["code"]),
        (&json!(true), &json!("InternalError"))
    );
    assert!(!failed.text.contains("secret detail"));
    assert_eq!(upload(&grant, BYTES).await.status, 200);
}

#[tokio::test]
async fn the_url_starts_where_the_request_came_or_as_configured() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let url = |answer: Answer| answer.ok()["url"].as_str().expect("a URL").to_owned();
    let body = || r#"{"filename":"a.png","mode":"relay"}"#;
    let plain = url(Answer::of(function.post("/prod/x/grants").body(body())).await);
    assert!(plain.starts_with(&format!("{}/prod/x/relay/", function.url)), "{plain}");
    // Over TLS where a platform ends it, else as it came.
    for (more, start) in [
        (&[][..], "http://192.168.1.20:9000/relay/"),
        (&[("K_SERVICE", "chatapp")], "https://192.168.1.20:9000/relay/"),
    ] {
        let reachable = chatapp(&sandbox, &[&[("GRANT_INSECURE", "true")], more].concat()).await;
        let hosted = reachable.post("/grants").header("host", "192.168.1.20:9000").body(body());
        let hosted = url(Answer::of(hosted).await);
        assert!(hosted.starts_with(start), "{hosted}");
    }
    let configured = chatapp(&sandbox, &[("GRANT_PUBLIC_URL", "https://files.example/up/")]).await;
    let answer = Answer::of(configured.post("/prod/x/grants").body(body())).await;
    assert!(url(answer).starts_with("https://files.example/up/relay/"));
}

#[tokio::test]
async fn a_proxys_own_line_counts_after_the_clients() {
    let sandbox = sandbox().await;
    let function = Function::of("alibaba-aicontent", &sandbox, &[("GRANT_TRUST_PROXY", "true")]).await;
    let address = function.url.strip_prefix("http://").expect("an address");
    let body = r#"{"filename":"a.wav"}"#;
    // The invention changes, the proxy's word does not: one user, one warrant.
    for invented in ["192.0.2.1", "192.0.2.2"] {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let length = body.len();
        let request = format!(
            "POST /grants HTTP/1.1\r\nhost: {address}\r\nx-forwarded-for: {invented}\r\nx-forwarded-for: 198.51.100.7\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(sandbox.calls(upload_grant_tests::Service::Aicontent), 1);
}

#[tokio::test]
async fn a_host_header_that_is_no_host_starts_no_url() {
    let function = chatapp(&sandbox().await, &[("GRANT_INSECURE", "true")]).await;
    let address = function.url.strip_prefix("http://").expect("an address");
    let body = r#"{"filename":"a.png","mode":"relay"}"#;
    for (host, status) in [
        ("api.example", 200),
        ("[::1]:9000", 200),
        ("a b", 400),
        ("x\"y", 400),
        ("evil.example#", 400),
        ("evil.example?x", 400),
        ("evil.example/x", 400),
        ("user:pw@evil.example", 400),
        ("evil.example:99999", 400),
        ("%0d%0a", 400),
        ("", 400),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let length = body.len();
        let request = format!(
            "POST /grants HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

/// The store took the object and its answer was lost.
async fn lost_answer(sandbox: &Sandbox, grant: &Value) {
    sandbox.fault(json!({ "target": "oss", "reset": true, "after": true, "times": 1 }));
    assert_eq!(upload(grant, BYTES).await.problem(), (502, "upload_failed"));
    assert_eq!(sandbox.objects().len(), 1);
}

#[tokio::test]
async fn the_same_bytes_again_are_the_upload_that_was_thought_lost() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let grant = ticket(&function, json!({})).await;
    lost_answer(&sandbox, &grant).await;
    let receipt = upload(&grant, BYTES).await.ok();
    let object = &sandbox.objects()[0];
    assert_eq!(receipt["crc64"], object.crc64.to_string());
    assert_eq!((&receipt["size"], &receipt["etag"]), (&json!(5), &json!(object.etag)));
    assert_eq!(sandbox.objects().len(), 1);
}

#[tokio::test]
async fn no_receipt_speaks_for_bytes_that_are_not_there() {
    for others in [b"OTHER BYTES".as_slice(), b"HELLO"] {
        let sandbox = sandbox().await;
        let function = chatapp(&sandbox, &[]).await;
        let grant = ticket(&function, json!({})).await;
        lost_answer(&sandbox, &grant).await;
        let refused = upload(&grant, others).await;
        assert_eq!(refused.problem(), (502, "upload_failed"), "{}", refused.text);
        assert_eq!(refused.json["retryable"], false);
    }
}

#[tokio::test]
async fn where_the_keys_may_not_look_the_receipt_says_nothing_of_the_content() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let grant = ticket(&function, json!({})).await;
    lost_answer(&sandbox, &grant).await;
    // The upload is refused as the twin it is, and the look at it for want of the right.
    sandbox.fault(json!({ "target": "oss", "skip": 1, "raw": { "status": 403 } }));
    let receipt = upload(&grant, BYTES).await.ok();
    for member in ["size", "crc64", "sha256", "etag"] {
        assert!(receipt.get(member).is_none(), "{receipt:#}");
    }
}

/// LKE names another path for each attempt: nothing that is there already can be ours.
#[tokio::test]
async fn a_twin_under_a_path_of_the_vendors_is_a_failure() {
    let sandbox = sandbox().await;
    let function = Function::of("tencent-lke", &sandbox, &[]).await;
    let grant = function.ask(&json!({ "filename": "a.pdf", "mode": "relay" })).await.ok();
    let xml = "<Error><Code>FileAlreadyExists</Code></Error>";
    sandbox.fault(json!({ "target": "cos", "times": 1, "raw": { "status": 409, "body": xml } }));
    assert_eq!(upload(&grant, BYTES).await.problem(), (502, "upload_failed"));
    assert_eq!(upload(&grant, BYTES).await.status, 200);
}

/// LKE's URL for reading is signed: it is in the grant, and in nothing that is kept or told on.
#[tokio::test]
async fn receipts_have_no_signed_urls_and_no_warrants() {
    let sandbox = sandbox().await;
    sandbox.settings(json!({ "lke_upload_url": "with-credentials" }));
    for (flow, filename, member) in
        [("tencent-lke", "a.pdf", "file_url"), ("alibaba-aicontent", "a.wav", "warrant_id")]
    {
        let function = Function::of(flow, &sandbox, &[]).await;
        let grant = function.ask(&json!({ "filename": filename })).await.ok();
        assert!(grant["vendor"][member].is_string(), "{grant:#}");
        let body = json!({ "token": grant["complete"]["token"] }).to_string();
        let completed = Answer::of(function.post("/complete").body(body)).await.ok();
        let grant = function.ask(&json!({ "filename": filename, "mode": "relay" })).await.ok();
        let relayed = upload(&grant, BYTES).await.ok();
        for receipt in [completed, relayed] {
            assert!(receipt["vendor"].is_object(), "{receipt:#}");
            assert!(receipt["vendor"].get(member).is_none(), "{receipt:#}");
            assert!(!receipt.to_string().contains("ignature="), "{receipt:#}");
        }
    }
}

#[tokio::test]
async fn tickets_of_others_are_refused() {
    let sandbox = sandbox().await;
    let chatapp_function = chatapp(&sandbox, &[]).await;
    let lke = Function::of("tencent-lke", &sandbox, &[]).await;
    let other_secret = chatapp(&sandbox, &[("GRANT_SECRET", "another-secret-of-at-least-32-bytes!")]).await;
    let rotated = format!("another-secret-of-at-least-32-bytes!,{}", upload_grant_tests::SECRET);
    let rotated = chatapp(&sandbox, &[("GRANT_SECRET", &rotated)]).await;
    let grant = ticket(&chatapp_function, json!({})).await;
    let path = grant["url"].as_str().expect("a URL").replace(&chatapp_function.url, "");
    for (function, status) in [(&lke, 401), (&other_secret, 401), (&rotated, 200), (&chatapp_function, 200)] {
        let put = function.client.put(format!("{}{path}", function.url)).body(BYTES);
        assert_eq!(Answer::of(put).await.status, status);
    }
    // A completion token is no ticket.
    let token = grant["complete"]["token"].as_str().expect("a token");
    let put = chatapp_function.client.put(format!("{}/relay/{token}", chatapp_function.url)).body(BYTES);
    assert_eq!(Answer::of(put).await.problem(), (401, "unauthenticated"));
}

/// A store that says yes before it has the file has stored something else, or nothing.
#[tokio::test]
async fn a_store_that_answers_before_the_last_byte_gives_no_receipt() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let store = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = [0; 512];
                let _ = stream.read(&mut head).await;
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: 0\r\n\r\n").await;
                // Open, and unread: the rest of the file has nowhere to go.
                std::future::pending::<()>().await;
            });
        }
    });
    let sandbox = sandbox().await;
    let function = Function::of("tencent-lke", &sandbox, &[("COS_ENDPOINT", &store)]).await;
    let size = 8 << 20;
    let grant = function.ask(&json!({ "filename": "a.pdf", "mode": "relay", "size": size })).await.ok();
    let answer = upload(&grant, &vec![0; size]).await;
    assert_eq!(answer.problem(), (502, "upload_failed"));
    assert_eq!(answer.json["retryable"], true);
}

/// Nobody takes the coding off: the store would have other bytes than the file's.
#[tokio::test]
async fn a_body_in_a_content_encoding_is_refused() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    for (coding, status) in [("gzip", 415), ("br, identity", 415), ("identity", 200)] {
        let grant = ticket(&function, json!({})).await;
        let put = upload_request(&grant, BYTES).header("content-encoding", coding);
        let answer = Answer::of(put).await;
        assert_eq!(answer.status, status, "{coding}: {}", answer.text);
        assert_eq!(sandbox.objects().len(), usize::from(status == 200), "{coding}");
    }
    let grant = ticket(&function, json!({})).await;
    let part = upload_request(&grant, BYTES).header("content-range", "bytes 0-4/100");
    assert_eq!(Answer::of(part).await.problem(), (400, "invalid_request"));
}
