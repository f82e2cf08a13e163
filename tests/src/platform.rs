//! The runtime APIs that functions poll, on loopback: AWS Lambda's, Tencent SCF's and Huawei FunctionGraph's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

/// A runtime API with one function behind it.
pub struct RuntimeApi {
    /// `127.0.0.1:PORT`
    pub address: String,
    desk: Arc<Desk>,
}

#[derive(Default)]
struct Desk {
    waiting: Mutex<VecDeque<Invocation>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
    /// SCF answers without an id: there is one invocation at a time.
    current: Mutex<String>,
    arrived: Notify,
    ready: Notify,
}

struct Invocation {
    id: String,
    event: String,
    deadline_ms: u64,
    answer: oneshot::Sender<Outcome>,
}

/// What a function answered: a response, or an error document.
pub type Outcome = Result<Value, Value>;

impl RuntimeApi {
    /// Starts on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        let desk = Arc::new(Desk::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let app = Router::new().fallback(handle).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, desk }
    }

    /// What Lambda sets for the function that is to poll here.
    pub fn lambda(&self) -> Vec<(String, String)> {
        [
            ("AWS_LAMBDA_RUNTIME_API", &*self.address),
            ("AWS_LAMBDA_FUNCTION_NAME", "upload-grants"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Sends `event` with a minute of time.
    pub async fn invoke(&self, event: &Value) -> Outcome {
        self.invoke_until(event, now_ms() + 60_000).await
    }

    /// Sends `event` with a deadline in Unix milliseconds.
    ///
    /// # Panics
    /// If it is not answered within half a minute.
    pub async fn invoke_until(&self, event: &Value, deadline_ms: u64) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", rand_u64() >> 16);
        lock(&self.desk.waiting).push_back(Invocation { id, event: event.to_string(), deadline_ms, answer });
        self.desk.arrived.notify_one();
        let answer = tokio::time::timeout(Duration::from_secs(30), answered).await;
        answer.expect("an answer in time").expect("an answer")
    }

    /// Resolves once the function has said that it is ready, where the platform wants to hear of it.
    pub async fn ready(&self) {
        self.desk.ready.notified().await;
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    upload_grant::clock::unix_millis()
}

/// A number nobody can guess.
pub fn rand_u64() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

async fn handle(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let after = words.iter().position(|word| *word == "invocation").map(|at| &words[at + 1..]);
    match after {
        Some(["next" | "request"]) => next(&desk).await,
        Some([id, kind @ ("response" | "error")] | [kind @ ("response" | "error"), id]) => {
            answered(&desk, id, kind, request).await
        }
        Some([kind @ ("response" | "error")]) => {
            let id = lock(&desk.current).clone();
            answered(&desk, &id, kind, request).await
        }
        _ if path.ends_with("/init/ready") => {
            desk.ready.notify_one();
            reply(200, Body::empty())
        }
        _ => reply(404, Body::empty()),
    }
}

async fn next(desk: &Desk) -> Response {
    let invocation = loop {
        let taken = lock(&desk.waiting).pop_front();
        match taken {
            Some(invocation) => break invocation,
            None => desk.arrived.notified().await,
        }
    };
    let Invocation { id, event, deadline_ms, answer } = invocation;
    lock(&desk.under_way).insert(id.clone(), answer);
    lock(&desk.current).clone_from(&id);
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &id)
        .header("lambda-runtime-deadline-ms", deadline_ms)
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
        .header("lambda-runtime-trace-id", "Root=1-6743d5f0-5b1b4c2a0e9f8d7c6b5a4938")
        .header("x-cff-request-id", &id)
        .header("request_id", &id);
    response.body(Body::from(event)).expect("a response")
}

async fn answered(desk: &Desk, id: &str, kind: &str, request: Request) -> Response {
    let body = axum::body::to_bytes(request.into_body(), 16 << 20).await.unwrap_or_else(|_| Bytes::new());
    let document = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let outcome = if kind == "response" { Ok(document) } else { Err(document) };
    let waiting = lock(&desk.under_way).remove(id);
    match waiting {
        Some(answer) => {
            let _ = answer.send(outcome);
            reply(202, Body::empty())
        }
        None => reply(400, Body::empty()),
    }
}

fn reply(status: u16, body: Body) -> Response {
    Response::builder().status(status).body(body).expect("a response")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
