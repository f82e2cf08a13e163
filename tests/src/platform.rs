//! The runtime APIs that functions poll, on loopback: AWS Lambda's, Tencent SCF's and Huawei FunctionGraph's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

use crate::process::PATIENCE;

/// How one platform's runtime API is spoken. In paths and headers `ID` stands for an invocation's id, `DEADLINE`
/// for its end in Unix milliseconds, `WORD` for `response` or `error`.
pub struct Protocol {
    ready: Option<&'static str>,
    next: &'static str,
    answer: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

/// AWS Lambda's.
pub const LAMBDA: Protocol = Protocol {
    ready: None,
    next: "/2018-06-01/runtime/invocation/next",
    answer: "/2018-06-01/runtime/invocation/ID/WORD",
    headers: &[
        ("lambda-runtime-aws-request-id", "ID"),
        ("lambda-runtime-deadline-ms", "DEADLINE"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:f"),
        ("lambda-runtime-trace-id", "Root=1-6743d5f0-5b1b4c2a0e9f8d7c6b5a4938;Sampled=0"),
    ],
};

/// Tencent SCF's: it answers without an id, so there is one invocation at a time.
pub const SCF: Protocol = Protocol {
    ready: Some("/runtime/init/ready"),
    next: "/runtime/invocation/next",
    answer: "/runtime/invocation/WORD",
    headers: &[("request_id", "ID"), ("memory_limit_in_mb", "256"), ("time_limit_in_ms", "300000")],
};

/// Huawei FunctionGraph's.
pub const FUNCTION_GRAPH: Protocol = Protocol {
    ready: None,
    next: "/v1/runtime/invocation/request",
    answer: "/v1/runtime/invocation/WORD/ID",
    headers: &[
        ("x-cff-request-id", "ID"),
        ("x-cff-access-key", "a platform's key"),
        ("x-cff-secret-key", "a platform's secret"),
        ("x-cff-invoke-type", "event"),
    ],
};

/// A runtime API with one function behind it. Whatever is not of its protocol fails the next invocation.
pub struct RuntimeApi {
    /// `127.0.0.1:PORT`
    pub address: String,
    desk: Arc<Desk>,
}

struct Desk {
    protocol: Protocol,
    waiting: Mutex<VecDeque<Invocation>>,
    under_way: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
    /// Requests that the protocol does not have.
    strays: Mutex<Vec<String>>,
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
    pub async fn start(protocol: Protocol) -> Self {
        let desk = Arc::new(Desk {
            protocol,
            waiting: Mutex::default(),
            under_way: Mutex::default(),
            strays: Mutex::default(),
            arrived: Notify::default(),
            ready: Notify::default(),
        });
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
    /// If it is not answered within a minute, or the function asked for what the protocol does not have.
    pub async fn invoke_until(&self, event: &Value, deadline_ms: u64) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", rand_u64() >> 16);
        lock(&self.desk.waiting).push_back(Invocation { id, event: event.to_string(), deadline_ms, answer });
        self.desk.arrived.notify_one();
        let answer = tokio::time::timeout(PATIENCE, answered).await;
        let strays = lock(&self.desk.strays).clone();
        assert!(strays.is_empty(), "{strays:?}");
        answer.expect("an answer in time").expect("an answer")
    }

    /// Resolves once the function has said that it is ready, where the platform wants to hear of it.
    ///
    /// # Panics
    /// If it does not within a minute.
    pub async fn ready(&self) {
        tokio::time::timeout(PATIENCE, self.desk.ready.notified()).await.expect("the function is ready");
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    upload_grant_runtime::platform::clock::unix_millis()
}

/// A number nobody can guess.
pub fn rand_u64() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

async fn handle(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let post = request.method() == Method::POST;
    if request.method() == Method::GET && path == desk.protocol.next {
        return next(&desk).await;
    }
    if post && Some(&*path) == desk.protocol.ready {
        desk.ready.notify_one();
        return reply(200, Body::empty());
    }
    let Some((answer, word)) = desk.answered(&path).filter(|_| post) else {
        lock(&desk.strays).push(format!("{} {path}", request.method()));
        return reply(404, Body::empty());
    };
    let body = axum::body::to_bytes(request.into_body(), 16 << 20).await.unwrap_or_else(|_| Bytes::new());
    let document = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let _ = answer.send(if word == "response" { Ok(document) } else { Err(document) });
    reply(202, Body::empty())
}

impl Desk {
    /// Whose answer `path` is for, and whether it is a response or an error.
    fn answered(&self, path: &str) -> Option<(oneshot::Sender<Outcome>, &'static str)> {
        let mut under_way = lock(&self.under_way);
        let means =
            |id: &str, word: &str| self.protocol.answer.replace("ID", id).replace("WORD", word) == path;
        let mut words = ["response", "error"].into_iter();
        let (id, word) =
            words.find_map(|word| Some((under_way.keys().find(|id| means(id, word))?.clone(), word)))?;
        Some((under_way.remove(&id)?, word))
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
    let response = Response::builder().header("content-type", "application/json");
    let deadline = deadline_ms.to_string();
    let headers = desk.protocol.headers.iter().fold(response, |response, (name, value)| {
        response.header(*name, value.replace("ID", &id).replace("DEADLINE", &deadline))
    });
    headers.body(Body::from(event)).expect("a response")
}

fn reply(status: u16, body: Body) -> Response {
    Response::builder().status(status).body(body).expect("a response")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
