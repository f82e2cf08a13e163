//! What happens around every request: its id, its panic, its problem and its log line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::Rejection;
use crate::app::{App, RequestOrigin};
use crate::auth::challenge as challenge_to;
use crate::flow::Flow;
use crate::platform::new_id;
use crate::platform::telemetry::{self, AccessLog, Trace};
use upload_grant::model::problem::{Code, Problem};

pub(super) async fn log_and_render<F: Flow>(
    State(app): State<Arc<App<F>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let taken = app.platform.take(request.headers_mut(), app.flow.keys());
    let platform_id = taken.request_id.clone();
    let id = request_id(&request, taken.request_id);
    let method = request.method().clone();
    let route = route_name(request.uri().path());
    let challenge = challenge_to(app.auth.as_ref(), request.headers());
    let trace = Trace::of(request.headers());
    let work = async {
        telemetry::note(|notes| {
            notes.request_id = Some(id.clone());
            notes.trace = trace;
        });
        answer(&app, request, taken.control.as_deref(), platform_id.as_deref(), next).await
    };
    let (mut response, notes) = telemetry::scope(work).await;
    let code = render(&mut response, F::SPEC.name, &id, challenge);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    // Probes and scrapes come every few seconds, and say nothing.
    if !matches!(route, "healthz" | "metrics") {
        let line = AccessLog::new(F::SPEC.name, route, code, started);
        let status = Some(response.status().as_u16());
        AccessLog { method: Some(method.as_str()), status, ..line }.write(&notes);
    }
    response
}

async fn answer<F: Flow>(
    app: &Arc<App<F>>,
    request: Request,
    control: Option<&str>,
    id: Option<&str>,
    next: Next,
) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let work = async {
        match control {
            // Boxed: a job's future is large, and would be moved about within every request's.
            Some("/invoke") if is_invoke(&request) => {
                super::events::fc_invoke(app, request, id).boxed().await
            }
            Some("/initialize" | "/pre-freeze" | "/pre-stop") => StatusCode::OK.into_response(),
            _ => next.run(request).await,
        }
    };
    // One request's panic is one request's problem.
    let caught = AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|_| Rejection::new(Code::Internal, "the function failed").into_response())
}

/// Function Compute's call of an event function.
fn is_invoke(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == "/invoke"
}

/// The platform's or the client's id of the request if it is a plain one, else a new one.
fn request_id(request: &Request, platform_id: Option<String>) -> String {
    let from_door = request.extensions().get::<RequestOrigin>().and_then(|origin| origin.request_id.clone());
    let header = |headers: &HeaderMap| Some(headers.get("x-request-id")?.to_str().ok()?.to_owned());
    let plain = |id: &String| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    platform_id.or(from_door).or_else(|| header(request.headers())).filter(plain).unwrap_or_else(new_id)
}

/// The last word of the path that is not a ticket: tickets are never logged.
fn route_name(path: &str) -> &'static str {
    ["grants", "params", "complete", "events", "healthz", "metrics", "openapi.json"]
        .into_iter()
        .find(|name| path.rsplit('/').next() == Some(*name))
        .unwrap_or(if path.contains("/relay/") {
            "relay"
        } else if path.len() <= 1 {
            "grants"
        } else {
            "other"
        })
}

/// Writes the problem that a response carries, if any, and returns its code.
fn render(response: &mut Response, flow: &str, id: &str, challenge: &'static str) -> Option<Code> {
    let problem = response.extensions_mut().remove::<Problem>();
    let mut problem = problem.or_else(|| refused_by_framework(response.status()))?;
    problem.flow = Some(flow.to_owned());
    problem.request_id = Some(id.to_owned());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(Ok(after)) = problem.retry_after_header().map(|after| HeaderValue::from_str(&after)) {
        headers.insert(header::RETRY_AFTER, after);
    }
    if problem.code == Code::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    *response.body_mut() = Body::from(body);
    Some(problem.code)
}

/// A refusal of the framework itself (a path that is not UTF-8, say) becomes a problem like any other.
fn refused_by_framework(status: StatusCode) -> Option<Problem> {
    (status.is_client_error() || status.is_server_error()).then(|| match status {
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound, "there is no such route"),
        status if status.is_client_error() => {
            Problem::new(Code::InvalidRequest, "the request cannot be read")
        }
        _ => Problem::new(Code::Internal, "the function failed"),
    })
}
