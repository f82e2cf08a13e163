//! The three runtime APIs that hand out events, as small servers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use crate::process::PATIENCE;

/// Id of every event.
const ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/// One platform's paths and headers.
pub struct Paths {
    pub ready: Option<&'static str>,
    pub next: &'static str,
    /// Up to `response` or `error`.
    pub answer: &'static str,
    /// Whether the event's id ends the answer's path: after the word, or (Lambda) before it.
    pub id: Id,
    pub headers: &'static [(&'static str, &'static str)],
}

/// Where the event's id stands in the answer's path.
#[derive(Clone, Copy)]
pub enum Id {
    None,
    Before,
    After,
}

/// A running runtime API.
pub struct RuntimeApi {
    pub address: String,
    events: mpsc::UnboundedSender<Value>,
    answers: mpsc::UnboundedReceiver<(String, Value)>,
}

struct World {
    paths: Paths,
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    answers: mpsc::UnboundedSender<(String, Value)>,
}

impl RuntimeApi {
    pub async fn start(paths: Paths) -> Self {
        let (events, queue) = mpsc::unbounded_channel();
        let (send, answers) = mpsc::unbounded_channel();
        let state = Arc::new(World { paths, events: Mutex::new(queue), answers: send });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = Router::new().fallback(handle).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, events, answers }
    }

    /// Hands out `event` and returns `response` or `error`, and the answer.
    pub async fn send(&mut self, event: Value) -> (String, Value) {
        self.events.send(event).unwrap();
        self.answer().await
    }

    /// What the function posts next.
    pub async fn answer(&mut self) -> (String, Value) {
        let posted = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        posted.expect("the function posts an answer").unwrap()
    }
}

async fn handle(State(state): State<Arc<World>>, request: Request) -> Response<Body> {
    let paths = &state.paths;
    let path = request.uri().path().to_owned();
    let answer = |status: StatusCode| Response::builder().status(status);
    if request.method() == Method::GET && path == paths.next {
        // A long poll, as the platforms have it.
        let event = state.events.lock().await.recv().await.unwrap();
        let headers = paths.headers.iter().fold(answer(StatusCode::OK), |answer, (name, value)| {
            answer.header(*name, value.replace("ID", ID))
        });
        return headers.body(event.to_string().into()).unwrap();
    }
    let word = match paths.id {
        _ if Some(&*path) == paths.ready => Some("ready".to_owned()),
        Id::None => path.strip_prefix(paths.answer).map(str::to_owned),
        Id::After => path
            .strip_prefix(paths.answer)
            .and_then(|rest| rest.strip_suffix(&format!("/{ID}")))
            .map(str::to_owned),
        Id::Before => path.strip_prefix(&format!("{}{ID}/", paths.answer)).map(str::to_owned),
    };
    let word = word.filter(|word| ["ready", "response", "error"].contains(&&**word));
    let Some(word) = word.filter(|_| request.method() == Method::POST) else {
        let unknown = (format!("{} {path}", request.method()), Value::Null);
        state.answers.send(unknown).unwrap();
        return answer(StatusCode::NOT_FOUND).body(Body::empty()).unwrap();
    };
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    state.answers.send((word, serde_json::from_slice(&body).unwrap_or_default())).unwrap();
    answer(StatusCode::ACCEPTED).body(Body::empty()).unwrap()
}
