//! `axum-fair PORT FILE`: reads a request's JSON, and answers the JSON in FILE with a function's headers and log line:
//! all that a function does but the grant.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router, routing::post};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    bare::start_log();
    let mut arguments = std::env::args().skip(1);
    let (port, file) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let document: &'static Value = Box::leak(Box::new(serde_json::from_slice(&std::fs::read(file)?)?));
    let answer = async move |headers: HeaderMap, body: Bytes| answer(&headers, &body, document);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, Router::new().route("/grants", post(answer))).await
}

fn answer(headers: &HeaderMap, body: &Bytes, document: &'static Value) -> Response {
    let Ok(asked) = serde_json::from_slice::<Value>(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let id =
        headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("01K5Z3N8Q9W7YB2C4D6E8F0G1H2");
    bare::log(id, "POST", &asked, document);
    ([("cache-control", "no-store"), ("x-request-id", id)], Json(document)).into_response()
}
