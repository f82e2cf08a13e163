//! A small server on loopback that answers as a test wants and remembers what came: sources, notify addresses.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::net::TcpListener;

/// The server.
pub struct Stub {
    /// `127.0.0.1:PORT`, as `GRANT_SOURCE_HOSTS` takes it.
    pub host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// One request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Path and query, as sent.
    pub target: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// How many came before it.
    pub index: usize,
}

impl Stub {
    /// Starts with `answer` on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start(answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let host = listener.local_addr().expect("an address").to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        let handle = move |request: Request| {
            let (record, answer) = (record.clone(), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 16 << 20).await.unwrap_or_default();
                let target = head.uri.to_string();
                let one = {
                    let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
                    let one = Seen { target, headers: head.headers, body, index: record.len() };
                    record.push(one.clone());
                    one
                };
                answer(&one)
            }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handle)).await });
        Self { host, seen }
    }

    /// A server that gives these bytes to everyone.
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn file(bytes: &'static [u8]) -> Self {
        Self::start(move |_| Response::new(Body::from(bytes))).await
    }

    /// `http://127.0.0.1:PORT/path`
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }

    /// What came.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Seen {
    /// A header as text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// An empty answer of this status.
///
/// # Panics
/// If it is not a status.
pub fn status(status: u16) -> Response {
    Response::builder().status(status).body(Body::empty()).expect("a response")
}

/// A redirect.
///
/// # Panics
/// If `to` cannot stand in a header.
pub fn redirect(to: &str) -> Response {
    Response::builder().status(302).header("location", to).body(Body::empty()).expect("a response")
}
