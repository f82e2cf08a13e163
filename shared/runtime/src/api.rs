//! The HTTP routes: one router, served by every runtime.

mod address;
mod complete;
mod events;
mod grants;
mod middleware;
mod openapi;
mod path;
mod proxy;
mod rejection;
mod relay;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;
use tower_http::cors::{AllowOrigin, CorsLayer};
use upload_grant::model::problem::{Code, Problem};

use self::rejection::Rejection;
use crate::app::App;
use crate::event::declared_length;
use crate::flow::Flow;
use crate::platform::Events;
use crate::platform::telemetry::metrics;

/// A request document must have arrived within this time, and each part of it after the one before within
/// [`CHUNK_TIME`]: slow clients cannot hold the function.
const DOCUMENT_TIME: Duration = Duration::from_secs(30);
/// The same for a document that must first say who sends it.
const STRANGERS_TIME: Duration = Duration::from_secs(5);
const CHUNK_TIME: Duration = Duration::from_secs(15);

/// The routes of a function, to be served or called.
pub fn router<F: Flow>(app: &Arc<App<F>>) -> Router {
    let routes = Router::new()
        .route("/", post(grants::grants::<F>))
        .route("/grants", post(grants::grants::<F>))
        // A look at it must not cost a vendor call.
        .route("/s3/params", get(grants::s3_params::<F>).head(get_only).fallback(get_only))
        .route("/relay/{ticket}", put(relay::relay::<F>))
        .route("/complete", post(complete::complete::<F>))
        .route("/events", post(events::events::<F>))
        .route("/healthz", get(healthz::<F>))
        .route("/metrics", get(metrics_text))
        .route("/openapi.json", get(openapi_json::<F>))
        .fallback(async || Rejection::new(Code::NotFound, "there is no such route"))
        .method_not_allowed_fallback(no_such_method)
        .with_state(app.clone());
    // The tail of the path decides, so the path is cut before the routes see it.
    let base_path = app.cx.settings.base_path.clone();
    let open = path::Open { events: app.cx.settings.events != Events::Off, metrics: app.cx.settings.metrics };
    let routes = tower::util::MapRequest::new(routes, move |request| path::cut(request, &base_path, open));
    let served = Router::new()
        .fallback_service(routes)
        .layer(axum::middleware::from_fn_with_state(app.clone(), middleware::log_and_render::<F>));
    match cors(&app.cx.settings.cors_origins) {
        Some(cors) => served.layer(cors),
        None => served,
    }
}

/// CORS for the configured origins; none, no headers at all.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let names = |names: &[&'static str]| {
        names.iter().map(|name| header::HeaderName::from_static(name)).collect::<Vec<_>>()
    };
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::PUT])
            .allow_headers(names(&[
                "authorization",
                "content-type",
                "x-api-key",
                "traceparent",
                "tracestate",
                "baggage",
                "sentry-trace",
                "uppy-versions",
                "uppy-auth-token",
            ]))
            .expose_headers(names(&["etag", "location", "retry-after", "x-request-id"]))
            .vary([header::ORIGIN])
            .max_age(std::time::Duration::from_secs(600)),
    )
}

async fn no_such_method() -> Rejection {
    Rejection::new(Code::MethodNotAllowed, "this route does not take this method")
}

async fn get_only() -> Response {
    ([(header::ALLOW, "GET")], no_such_method().await).into_response()
}

async fn healthz<F: Flow>(State(app): State<Arc<App<F>>>) -> Response {
    let mut health = json!({
        "status": "ok", "flow": F::SPEC.name, "version": env!("CARGO_PKG_VERSION"), "missing": app.missing(),
    });
    // As the last command met it: platforms ask often, and what they do with the answer is no store's affair.
    if let Some(shared) = app.store.shared() {
        health["store"] = json!({ "name": shared.name(), "fault": shared.fault() });
    }
    json_response(&health)
}

async fn metrics_text() -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text()).into_response()
}

async fn openapi_json<F: Flow>(State(app): State<Arc<App<F>>>) -> Response {
    json_response(&openapi::document(&app))
}

fn json_response(body: &impl Serialize) -> Response {
    // A grant is about so large; growing to it would copy it several times.
    let mut bytes = Vec::with_capacity(6 * 1024);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(_) => Rejection::new(Code::Internal, "the answer could not be written").into_response(),
    }
}

/// Reads a request document of at most `limit` bytes, which must be there within `time`.
async fn read_document(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    time: Duration,
) -> Result<bytes::Bytes, Problem> {
    if declared_length(headers).is_some_and(|declared| declared > limit as u64) {
        return Err(too_large(limit));
    }
    let mut body = body.into_data_stream();
    let mut document = bytes::BytesMut::new();
    let end = Instant::now() + time;
    loop {
        let patience = end.min(Instant::now() + CHUNK_TIME);
        match tokio::time::timeout_at(patience, body.next()).await {
            Ok(None) => {
                // PowerShell 5 and .NET begin a document with a byte order mark.
                let mark = if document.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
                return Ok(document.freeze().slice(mark..));
            }
            Ok(Some(Ok(chunk))) if document.len() + chunk.len() > limit => return Err(too_large(limit)),
            Ok(Some(Ok(chunk))) => document.extend_from_slice(&chunk),
            Ok(Some(Err(_))) => return Err(Problem::invalid("", "the body could not be read")),
            Err(_) => return Err(Problem::invalid("", "the body did not arrive in time")),
        }
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::TooLarge, format!("the body is longer than {limit} bytes"))
}
