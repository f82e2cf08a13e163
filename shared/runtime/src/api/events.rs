//! `POST /events`: queue events over HTTP, and Function Compute's own way of delivering them.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::grants::no_store;
use super::{Rejection, json_response, read_document};
use crate::app::{App, Door};
use crate::auth::Caller;
use crate::auth::policy::Right;
use crate::event::{Delivery, Event, Message, Report, batch_item_failures, binary_cloud_event, classify};
use crate::flow::Flow;
use crate::platform::Events;
use upload_grant::model::problem::{Code, Problem};

/// The most bytes of a delivery.
const MAX_EVENTS: usize = 6 * 1024 * 1024;

pub(super) async fn events<F: Flow>(
    State(app): State<Arc<App<F>>>,
    door: Option<Extension<Door>>,
    request: Request<Body>,
) -> Result<Response, Rejection> {
    let door = door.map(|Extension(door)| door).unwrap_or_default();
    let caller = match app.cx.settings.events {
        Events::Off => return Err(Rejection::new(Code::NotFound, "there is no such route")),
        Events::Trusted => None,
        Events::Caller => {
            let caller = app.caller(request.headers(), &door).await?;
            app.granted(&caller)?.need(Right::Events)?;
            Some(caller)
        }
    };
    app.configured()?;
    let (head, body) = request.into_parts();
    let body = read_document(&head.headers, body, MAX_EVENTS).await?;
    let delivery = delivery(&head.headers, &body)?;
    let (failed, problem) = app.delivered(&delivery, caller.as_ref(), Some(door)).await;
    match problem {
        Some(problem) if delivery.report == Report::Whole => Err(problem.into()),
        _ => Ok(no_store(json_response(&batch_item_failures(&failed)))),
    }
}

/// `POST /invoke` of Function Compute: the platform's word, told by its control header. It counts a call as
/// done unless `x-fc-status` and the status say otherwise, and redelivers the whole of it.
pub(super) async fn fc_invoke<F: Flow>(
    app: &Arc<App<F>>,
    request: Request<Body>,
    platform_id: Option<&str>,
) -> Response {
    let id = platform_id.unwrap_or_default().to_owned();
    let outcome = async {
        app.configured()?;
        let (head, body) = request.into_parts();
        let body = read_document(&head.headers, body, MAX_EVENTS).await?;
        let event: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        match classify(event)? {
            Event::Messages(delivery) => match app.delivered(&delivery, None, None).await {
                (_, None) => Ok(json!({})),
                (_, Some(problem)) => Err(problem),
            },
            Event::Direct(document) if document.get("source").is_some_and(Value::is_object) => {
                app.invoke(&document, &id, Instant::now() + app.cx.settings.timeout).await
            }
            Event::Direct(document) => app.direct(&document, Instant::now() + app.cx.settings.timeout).await,
            Event::Nothing => Ok(json!({})),
            Event::Http(_) => Err(Problem::invalid("", "an HTTP event does not come this way")),
        }
    };
    match outcome.await {
        Ok(answer) => ([("x-fc-status", "200")], json_response(&answer)).into_response(),
        Err(problem) => {
            let mut response = Rejection(problem).into_response();
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            ([("x-fc-status", "404")], response).into_response()
        }
    }
}

/// The messages in a request: CloudEvents in any mode, or an event as its queue would deliver it.
fn delivery(headers: &HeaderMap, body: &[u8]) -> Result<Delivery, Problem> {
    if headers.contains_key("ce-specversion") {
        let message = binary_cloud_event(headers, body);
        return Ok(Delivery { messages: vec![message], report: Report::Whole });
    }
    let event: Value =
        serde_json::from_slice(body).map_err(|_| Problem::invalid("", "the body is not valid JSON"))?;
    match classify(event)? {
        Event::Messages(delivery) => Ok(delivery),
        Event::Direct(payload) => {
            let message = Message { id: String::new(), group: None, payload };
            Ok(Delivery { messages: vec![message], report: Report::Whole })
        }
        Event::Nothing => Ok(Delivery { messages: Vec::new(), report: Report::Whole }),
        Event::Http(_) => Err(Problem::invalid("", "an HTTP event does not come this way")),
    }
}

impl<F: Flow> App<F> {
    async fn delivered(
        self: &Arc<Self>,
        delivery: &Delivery,
        caller: Option<&Caller>,
        door: Option<Door>,
    ) -> (Vec<String>, Option<Problem>) {
        // Over HTTP there is no deadline but the server's patience: an hour bounds what a job may take.
        let usual = Instant::now() + std::time::Duration::from_secs(3600);
        let deadline = door.and_then(|door| door.deadline).unwrap_or(usual);
        let delivered = self.deliver(delivery, caller, deadline).await;
        (delivered.failed, delivered.problem)
    }
}
