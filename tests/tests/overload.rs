//! Too much, and too slow: a fast refusal instead of collapse, and nobody holds the function by dawdling.
//!
//! Where time matters the clock is tokio's paused one, which moves only when nothing else can happen.

use std::time::Duration;

use serde_json::json;
use sha2::Digest as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use upload_grant_runtime::api::router;
use upload_grant_runtime::app::App;
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::serve::{Connections, serve};
use upload_grant_tests::{Answer, Function, SECRET, Sandbox, Service, client, sandbox};

async fn chatapp(sandbox: &Sandbox, extra: &[(&str, &str)]) -> Function {
    Function::of("alibaba-chatapp", sandbox, extra).await
}

async fn connect(function: &Function) -> TcpStream {
    TcpStream::connect(function.url.trim_start_matches("http://")).await.expect("a connection")
}

/// Everything until the function closes the connection, and how long that took.
async fn read_to_end(stream: &mut TcpStream) -> (String, Duration) {
    let started = Instant::now();
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    timeout(Duration::from_secs(120), read).await.expect("the function closes").expect("a clean end");
    (String::from_utf8_lossy(&text).into_owned(), started.elapsed())
}

#[tokio::test]
async fn past_its_capacity_the_function_says_so_at_once_and_recovers() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[("GRANT_MAX_IN_FLIGHT", "2")]).await;
    let mut gates = Vec::new();
    let mut uploads = Vec::new();
    for _ in 0..2 {
        let grant = function.ask(&json!({ "filename": "a.png", "mode": "relay" })).await.ok();
        let (open, gate) = tokio::sync::oneshot::channel::<()>();
        let body = futures_util::stream::once(async move {
            let _ = gate.await;
            Ok::<_, std::io::Error>("hello")
        });
        let put = client().put(grant["url"].as_str().expect("a URL")).header("content-length", "5");
        uploads.push(tokio::spawn(put.body(reqwest::Body::wrap_stream(body)).send()));
        gates.push(open);
    }
    // Both uploads are at work once the store has heard of both.
    let both = async {
        while sandbox.calls(Service::Oss) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), both).await.expect("two uploads at work");
    let calls = sandbox.calls(Service::Cams);
    for _ in 0..20 {
        let refused = function.ask(&json!({ "filename": "a.png" })).await;
        assert_eq!(refused.problem(), (429, "rate_limited"));
        assert_eq!(refused.header("retry-after"), "1");
    }
    assert_eq!(sandbox.calls(Service::Cams), calls, "a refusal costs no vendor call");
    // A busy function is alive.
    assert_eq!(Answer::of(function.get("/healthz")).await.status, 200);
    for gate in gates {
        gate.send(()).expect("an upload waits");
    }
    for upload in uploads {
        assert_eq!(upload.await.expect("a task").expect("an answer").status(), 200);
    }
    assert_eq!(function.ask(&json!({ "filename": "a.png" })).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_request_head_must_end() {
    let function = chatapp(&sandbox().await, &[]).await;
    for head in ["", "POST /grants HTTP/1.1\r\nhost: localhost\r\nx-slow: "] {
        let mut stream = connect(&function).await;
        stream.write_all(head.as_bytes()).await.expect("a head's half");
        let (_, took) = read_to_end(&mut stream).await;
        assert!(took < Duration::from_secs(20), "{head:?}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_document_must_arrive() {
    let function = chatapp(&sandbox().await, &[]).await;
    let head = "POST /grants HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{";
    let mut stalled = connect(&function).await;
    stalled.write_all(head.as_bytes()).await.expect("half a request");
    let (answer, took) = read_to_end(&mut stalled).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("in time"), "{answer}");
    assert!(took < Duration::from_secs(20), "{took:?}");

    // A byte every ten seconds is not an arrival either.
    let (mut read, mut write) = connect(&function).await.into_split();
    write.write_all(head.as_bytes()).await.expect("half a request");
    let drip = tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    });
    let started = Instant::now();
    let mut answer = [0; 12];
    timeout(Duration::from_secs(120), read.read_exact(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 400");
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    drip.abort();
}

/// Whoever sends the document that names them slowly holds a stranger's room for five seconds, and nobody's place.
#[tokio::test(start_paused = true)]
async fn slow_strangers_at_complete_hold_no_place() {
    let function = chatapp(&sandbox().await, &[("GRANT_MAX_IN_FLIGHT", "32")]).await;
    let head = "POST /complete HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{";
    let mut strangers = Vec::new();
    for _ in 0..64 {
        let mut stream = connect(&function).await;
        stream.write_all(head.as_bytes()).await.expect("half a request");
        strangers.push(stream);
    }
    for _ in 0..32 {
        assert_eq!(function.ask(&json!({ "filename": "a.png" })).await.status, 200);
    }
    // Nor do they keep each other, or those who send what they have, out.
    for _ in 0..8 {
        let honest = Answer::of(function.post("/complete").body("{}")).await;
        assert_eq!(honest.problem(), (400, "invalid_request"));
    }
    let mut answers = Vec::new();
    for stream in &mut strangers {
        let mut answer = [0; 12];
        timeout(Duration::from_secs(20), stream.read_exact(&mut answer))
            .await
            .expect("in time")
            .expect("one");
        answers.push(String::from_utf8_lossy(&answer).into_owned());
    }
    let count = |status: &str| answers.iter().filter(|answer| answer.ends_with(status)).count();
    assert!(count("400") <= 2 && count("400") + count("429") == 64, "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_given_up() {
    let function = chatapp(&sandbox().await, &[]).await;
    let mut stream = connect(&function).await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("a request");
    let (answer, took) = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_sent() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let grant = function.ask(&json!({ "filename": "a.png", "mode": "relay" })).await.ok();
    let ticket = grant["url"].as_str().expect("a URL").replace(&function.url, "");
    for (method, path) in [("POST", "/grants"), ("POST", "/complete"), ("PUT", &*ticket)] {
        let mut stream = connect(&function).await;
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10000000000\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("a head");
        let mut answer = [0; 12];
        let read = timeout(Duration::from_secs(20), stream.read_exact(&mut answer)).await;
        read.expect("an answer without a body").expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 413", "{path}");
    }
    assert_eq!(sandbox.calls(Service::Cams), 0);
}

#[tokio::test]
async fn connections_past_the_cap_wait_for_a_place() {
    let sandbox = sandbox().await;
    let mut vars = sandbox.env("alibaba-chatapp");
    vars.extend([("GRANT_AUTH".into(), "none".into()), ("GRANT_SECRET".into(), SECRET.into())]);
    let app = App::<alibaba_chatapp::Chatapp>::new(&mut Env::new(vars)).expect("a function");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let function =
        Function { url: format!("http://{}", listener.local_addr().expect("an address")), client: client() };
    let two = Connections { most: 2, ..Connections::default() };
    tokio::spawn(serve(listener, router(&app), two, std::future::pending()));
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut answer = [0; 12];
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&function).await;
        stream.write_all(request).await.expect("a request");
        stream.read_exact(&mut answer).await.expect("an answer");
        open.push(stream);
    }
    let mut third = connect(&function).await;
    third.write_all(request).await.expect("a request");
    assert!(
        timeout(Duration::from_millis(200), third.read_exact(&mut answer)).await.is_err(),
        "it has no place"
    );
    drop(open.pop());
    let read = timeout(Duration::from_secs(20), third.read_exact(&mut answer)).await;
    read.expect("a place").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
}

const MIB: usize = 1 << 20;
const MALLORYS: &str = "a-key-of-mallory";
const ANNS: &str = "a-key-of-ann";

/// Who has one of two keys.
fn keys() -> String {
    let hashed = |name: &str, key: &str| {
        let mut line = format!("{name}:");
        upload_grant::wire::encode::hex(&mut line, &sha2::Sha256::digest(key.as_bytes()));
        line
    };
    format!("{},{}", hashed("mallory", MALLORYS), hashed("ann", ANNS))
}

async fn keyed(flow: &str, sandbox: &Sandbox, extra: &[(&str, &str)]) -> Function {
    let keys = keys();
    let auth = [("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", &*keys)];
    Function::of(flow, sandbox, &[&auth, extra].concat()).await
}

async fn asked(function: &Function, key: &str, request: &serde_json::Value) -> Answer {
    Answer::of(function.post("/grants").header("x-api-key", key).body(request.to_string())).await
}

/// A ticket of whoever has `key`, as a path.
async fn ticket(function: &Function, key: &str, filename: &str) -> String {
    let grant = asked(function, key, &json!({ "filename": filename, "mode": "relay" })).await.ok();
    grant["url"].as_str().expect("a URL").replace(&function.url, "")
}

/// A request of so many bytes, one of which comes.
async fn stalled(function: &Function, head: &str, length: usize) -> TcpStream {
    let mut stream = connect(function).await;
    let head = format!("{head}\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.expect("a head and a byte");
    stream
}

async fn uploaded(function: &Function, path: &str, length: usize) -> Answer {
    let put = client().put(format!("{}{path}", function.url)).body(vec![7; length]);
    Answer::of(put).await
}

async fn status_line(stream: &mut TcpStream) -> String {
    let mut answer = [0; 12];
    let read = timeout(Duration::from_secs(120), stream.read_exact(&mut answer)).await;
    read.expect("in time").expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Whoever declares much and sends little gives the memory back as soon as another wants it.
#[tokio::test(start_paused = true)]
async fn a_slow_upload_holds_no_memory_that_others_wait_for() {
    let sandbox = sandbox().await;
    let function = keyed("huawei-aicc", &sandbox, &[("GRANT_BUFFER_BYTES", "1048576")]).await;
    let slow = ticket(&function, MALLORYS, "a.jpg").await;
    let mut slow = stalled(&function, &format!("PUT {slow} HTTP/1.1"), 700 * 1024).await;
    // It is at work once the ticket is in use.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mine = ticket(&function, ANNS, "a.jpg").await;
    let answer = uploaded(&function, &mine, MIB / 2).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(status_line(&mut slow).await, "HTTP/1.1 429");
    // Where nobody waits, slow is no fault.
    let path = ticket(&function, MALLORYS, "a.jpg").await;
    let mut slow = stalled(&function, &format!("PUT {path} HTTP/1.1"), 700 * 1024).await;
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        slow.write_all(&[7; 70 * 1024]).await.expect("more of it");
    }
    slow.write_all(&vec![7; 70 * 1024 - 1]).await.expect("the rest");
    assert_eq!(status_line(&mut slow).await, "HTTP/1.1 200");
}

/// However many tickets one caller has, its uploads wait for each other first.
#[tokio::test(start_paused = true)]
async fn one_caller_has_a_share_of_the_memory() {
    let sandbox = sandbox().await;
    let function = keyed("huawei-aicc", &sandbox, &[("GRANT_BUFFER_BYTES", "1048576")]).await;
    let mut slow = Vec::new();
    for _ in 0..12 {
        let path = ticket(&function, MALLORYS, "a.jpg").await;
        slow.push(stalled(&function, &format!("PUT {path} HTTP/1.1"), 300 * 1024).await);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mine = ticket(&function, ANNS, "a.jpg").await;
    let started = Instant::now();
    let answer = uploaded(&function, &mine, 300 * 1024).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(started.elapsed() < Duration::from_secs(1), "it did not wait: {:?}", started.elapsed());
}

/// Deliveries are bounded in bytes as uploads are, before any of them is read.
#[tokio::test(start_paused = true)]
async fn deliveries_hold_a_bounded_number_of_bytes() {
    let sandbox = sandbox().await;
    let extra = [("GRANT_BUFFER_BYTES", "1048576"), ("GRANT_EVENTS", "trusted")];
    let function = Function::of("tencent-lke", &sandbox, &extra).await;
    let mut slow = Vec::new();
    for _ in 0..6 {
        slow.push(stalled(&function, "POST /events HTTP/1.1", MIB).await);
    }
    let mut lines = Vec::new();
    for stream in &mut slow {
        lines.push(status_line(stream).await);
    }
    // All want memory at once: they are turned away before the time for a document is over.
    assert!(lines.iter().filter(|line| line.ends_with("429")).count() >= 5, "{lines:?}");
    let job = json!({ "filename": "a.pdf", "source": { "base64": "aGVsbG8=" } });
    assert_eq!(Answer::of(function.post("/events").body(job.to_string())).await.status, 200);
    // What does not say its length has all there is, and gives back what it did not need before its jobs are done.
    let text = job.to_string();
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(text)]);
    let answer = Answer::of(function.post("/events").body(reqwest::Body::wrap_stream(chunks))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // More than there is at all goes alone.
    let large = json!({ "filename": "a.pdf", "source": { "base64": "AAAA".repeat(MIB / 4) } });
    let answer = Answer::of(function.post("/events").body(large.to_string())).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// One valid key cannot take the places of all others by dawdling.
#[tokio::test(start_paused = true)]
async fn a_slow_caller_leaves_places_to_others() {
    let sandbox = sandbox().await;
    let extra = [
        ("GRANT_MAX_IN_FLIGHT", "32"),
        ("GRANT_EVENTS", "caller"),
        ("GRANT_POLICY", r#"{"groups":[{"rights":["unsized","events"]}]}"#),
    ];
    let function = keyed("alibaba-chatapp", &sandbox, &extra).await;
    let mut paths = Vec::new();
    for _ in 0..40 {
        paths.push(ticket(&function, MALLORYS, "a.png").await);
    }
    let with_key = |line: &str| format!("{line}\r\nx-api-key: {MALLORYS}");
    for route in ["/grants", "/events", "/relay"] {
        let mut slow = Vec::new();
        for path in &paths {
            let head = match route {
                "/relay" => format!("PUT {path} HTTP/1.1"),
                route => with_key(&format!("POST {route} HTTP/1.1")),
            };
            slow.push(stalled(&function, &head, 1000).await);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        for _ in 0..8 {
            let answer = asked(&function, ANNS, &json!({ "filename": "a.png" })).await;
            assert_eq!(answer.status, 200, "{route}: {}", answer.text);
        }
    }
}

/// Many clients write a body to its end before they look for an answer.
#[tokio::test]
async fn who_writes_first_and_reads_then_gets_the_answer() {
    let sandbox = sandbox().await;
    let function = chatapp(&sandbox, &[]).await;
    let grant = function.ask(&json!({ "filename": "a.png", "mode": "relay", "size": 3 })).await.ok();
    let relay = grant["url"].as_str().expect("a URL").trim_start_matches(&function.url).to_owned();
    let body = vec![0; 20 << 20];
    for (method, path) in [("PUT", &*relay), ("POST", "/grants"), ("POST", "/complete")] {
        let mut stream = connect(&function).await;
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.expect("a head");
        stream.write_all(&body).await.expect("a body that is taken");
        let (answer, _) = read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{method} {path}: {answer}");
    }
}
