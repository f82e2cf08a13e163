//! `axum-json PORT FILE`: one handler that takes any body and answers the JSON in FILE, written anew each time.

use axum::body::Bytes;
use axum::{Json, Router, routing::post};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (port, file) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let document: &'static Value = Box::leak(Box::new(serde_json::from_slice(&std::fs::read(file)?)?));
    let app = Router::new().route("/grants", post(async move |_: Bytes| Json(document)));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, app).await
}
