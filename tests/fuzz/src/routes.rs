//! What is read behind a route: sealed texts, JWTs, jobs, and the vendors' replies. No answer may be `internal`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Request;
use sha2::Sha256;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::flow::Flow;
use upload_grant_runtime::api::router;
use upload_grant_runtime::app::{App, RequestOrigin};

const SECRET: &str = "a-secret-of-at-least-thirty-two-bytes";

fn app<F: Flow>(extra: &[(&str, &str)]) -> Router {
    let vendor = format!("http://{}", *VENDOR);
    let endpoints = [
        "CAMS_ENDPOINT",
        "WORKORDER_ENDPOINT",
        "LKE_ENDPOINT",
        "AICONTENT_ENDPOINT",
        "DASHSCOPE_ENDPOINT",
        "BAILIAN_ENDPOINT",
    ];
    let fixed = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret"),
        ("TENCENTCLOUD_SECRET_ID", "id"),
        ("TENCENTCLOUD_SECRET_KEY", "secret"),
        ("AICONTENT_APP_ID", "app"),
        ("AICONTENT_APP_SECRET", "secret"),
        ("DASHSCOPE_API_KEY", "sk-key"),
        ("BAILIAN_WORKSPACE_ID", "llm-1"),
        ("GRANT_SECRET", SECRET),
        ("GRANT_AUTH", "none"),
        ("GRANT_EVENTS", "trusted"),
        ("GRANT_VENDOR_RPS", "10000"),
        ("GRANT_POLICY", r#"{"groups":[{"params":{"cust_space_id":{"caller":true},"user_id":{"caller":true},"bot_biz_id":{"caller":true},"model":{"caller":true}}}]}"#),
    ];
    let mut vars: Vec<(String, String)> = endpoints.map(|name| (name.to_owned(), vendor.clone())).into();
    vars.extend(fixed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let app = App::<F>::new(&mut Env::new(vars)).expect("a function");
    assert!(app.faults().is_empty(), "{:?}", app.faults());
    router(&app)
}

fn ask(runtime: &Runtime, router: &Router, request: Request<Body>) {
    let answer = runtime.block_on(router.clone().oneshot(request)).expect("an answer");
    assert_ne!(answer.status(), 500);
}

/// Time stands still here but for timers, which fire at once: nobody waits.
static PAUSED: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
});
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

/// A JWT's header and claims, under the right signature.
pub fn jwt(data: &[u8]) {
    static APP: LazyLock<Router> = LazyLock::new(|| {
        let jwt = [("GRANT_AUTH", "jwt"), ("GRANT_JWT_SECRET", SECRET), ("GRANT_JWT_ISSUER", "i"), ("GRANT_JWT_AUDIENCE", "a")];
        app::<alibaba_chatapp::Chatapp>(&jwt)
    });
    let at = data.iter().position(|byte| *byte == b'.').unwrap_or(0);
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(&data[..at]), URL_SAFE_NO_PAD.encode(&data[at..]));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(token.as_bytes());
    token = format!("{token}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    for text in [token.into_bytes(), data.to_vec()] {
        let bearer = [b"Bearer ".as_slice(), &text].concat();
        let request = Request::post("/grants").header("authorization", bearer);
        if let Ok(request) = request.body(Body::from(r#"{"filename":"a.png","mode":"relay"}"#)) {
            ask(&PAUSED, &APP, request);
        }
    }
}

/// Tickets and completion tokens, raw and in their alphabet, and whole documents.
pub fn token(data: &[u8]) {
    static APP: LazyLock<Router> = LazyLock::new(|| app::<alibaba_chatapp::Chatapp>(&[]));
    let sealed = URL_SAFE_NO_PAD.encode(data);
    let document = serde_json::json!({ "token": sealed }).to_string();
    for body in [document.into_bytes(), data.to_vec()] {
        ask(&PAUSED, &APP, Request::post("/complete").body(Body::from(body)).expect("a request"));
    }
    let put = Request::put(format!("/relay/{sealed}")).header("content-length", "5").body(Body::from("hello"));
    ask(&PAUSED, &APP, put.expect("a request"));
    if let Ok(request) = Request::put([b"/relay/", data].concat().as_slice()).body(Body::empty()) {
        ask(&PAUSED, &APP, request);
    }
}

/// Jobs, as events over HTTP bring them.
pub fn jobs(data: &[u8]) {
    static APP: LazyLock<Router> = LazyLock::new(|| app::<alibaba_chatapp::Chatapp>(&[("CAMS_ENDPOINT", "http://127.0.0.1:1")]));
    for kind in ["application/json", "application/cloudevents+json", "application/cloudevents-batch+json"] {
        let request = Request::post("/events").header("content-type", kind).body(Body::from(data.to_vec()));
        let text = PAUSED.block_on(async {
            let answer = APP.clone().oneshot(request.expect("a request")).await.expect("an answer");
            axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body")
        });
        // `config_missing` is a 500 too, and a fair answer to a job that asks for what is not set up.
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("\"code\":\"internal\""), "{kind}: {text}");
    }
}

/// What the vendor of [`replies`] says next.
static REPLY: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static VENDOR: LazyLock<std::net::SocketAddr> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 16_384];
            let _ = stream.read(&mut request);
            let reply = REPLY.lock().map(|reply| reply.clone()).unwrap_or_default();
            let _ = stream.write_all(&reply);
        }
    });
    address
});

/// A vendor's reply, of any status; the first byte chooses flow and status.
pub fn replies(data: &[u8]) {
    static APPS: LazyLock<[Router; 7]> = LazyLock::new(|| {
        [
            app::<alibaba_chatapp::Chatapp>(&[]),
            app::<alibaba_workorder::Workorder>(&[]),
            app::<alibaba_workorder::Workorder>(&[("WORKORDER_API", "2021-06-10")]),
            app::<tencent_lke::Lke>(&[]),
            app::<alibaba_aicontent::Aicontent>(&[]),
            app::<alibaba_dashscope::Dashscope>(&[]),
            app::<alibaba_bailian::Bailian>(&[]),
        ]
    });
    static NAMES: AtomicU64 = AtomicU64::new(0);
    let Some((first, mut body)) = data.split_first() else { return };
    let wrapped;
    let wraps = match first >> 6 {
        2 => Some(1),
        3 => Some(5),
        _ => None,
    };
    if let Some(flow) = wraps {
        // A policy is base64 inside the document: the ticket service's, and DashScope's.
        let policy = STANDARD.encode(body);
        let data = if flow == 1 {
            let host = "http://bucket.oss-cn-hangzhou.aliyuncs.com";
            serde_json::json!({ "accessId": "i", "policy": policy, "signature": "s", "host": host })
        } else {
            let host = "https://dashscope-file-mgr.oss-cn-beijing.aliyuncs.com";
            serde_json::json!({
                "oss_access_key_id": "i", "policy": policy, "signature": "s", "upload_host": host,
                "upload_dir": "dashscope-instant/a/2026-01-01/b", "expire_in_seconds": 300,
                "max_file_size_mb": 100, "x_oss_object_acl": "private", "x_oss_forbid_overwrite": "true",
            })
        };
        wrapped = serde_json::json!({ "success": true, "code": 200, "data": data }).to_string();
        body = wrapped.as_bytes();
    }
    let which = wraps.unwrap_or(usize::from(first & 7) % 7);
    let status = [200, 200, 400, 403, 503, 200][usize::from(first >> 3 & 7) % 6];
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    *REPLY.lock().expect("a lock") = [head.as_bytes(), body].concat();
    let name = NAMES.fetch_add(1, Ordering::Relaxed).to_string();
    let (filename, param) = match which {
        0 => ("a.png", "cust_space_id"),
        3 => ("a.pdf", "bot_biz_id"),
        4 => ("a.wav", "user_id"),
        5 => ("a.pdf", "model"),
        _ => ("a.pdf", ""),
    };
    // One of the flows wants the last two before it asks its vendor.
    let checksums = serde_json::json!({ "md5": "XUFAKrxLKna5cZ2REBfFkg==" });
    let mut ask_for = serde_json::json!({ "filename": filename, "size": 5, "checksums": checksums });
    if !param.is_empty() {
        ask_for["params"] = serde_json::json!({ param: name });
    }
    let mut request = Request::post("/grants").body(Body::from(ask_for.to_string())).expect("a request");
    RUNTIME.block_on(async {
        // Too little time for a second try.
        let deadline = Some(tokio::time::Instant::now() + Duration::from_millis(150));
        request.extensions_mut().insert(RequestOrigin { deadline, ..RequestOrigin::default() });
        let answer = APPS[which].clone().oneshot(request).await.expect("an answer");
        assert_ne!(answer.status(), 500);
    });
}
