//! `POST /events`: queue events over HTTP, and Function Compute's own way of delivering them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::Instant;

use super::grants::no_store;
use super::{DOCUMENT_TIME, Rejection, json_response, read_document, too_large};
use crate::app::{App, RequestOrigin};
use crate::auth::Caller;
use crate::auth::policy::Right;
use crate::event::{
    Delivery, Elements, Event, MOST_MESSAGES, Message, Report, batch_item_failures, binary_cloud_event,
    classify, declared_length,
};
use crate::flow::Flow;
use crate::jobs::Delivered;
use crate::platform::{Events, telemetry};
use crate::transfer::Held;
use upload_grant::model::problem::{Code, Problem};

/// The most bytes of a delivery.
const MAX_EVENTS: usize = 6 * 1024 * 1024;

pub(super) async fn events<F: Flow>(
    State(app): State<Arc<App<F>>>,
    mut origin: RequestOrigin,
    request: Request<Body>,
) -> Result<Response, Rejection> {
    let caller = match app.cx.settings.events {
        Events::Off => return Err(Rejection::new(Code::NotFound, "there is no such route")),
        Events::Trusted => {
            if let Some(callers) = &app.callers {
                callers.admit(request.headers())?;
            }
            None
        }
        Events::Caller => {
            let caller = app.caller(request.headers(), origin.identity.take()).await?;
            // Jobs go by their sender's name. Each of them is counted when it is its turn.
            caller.identity()?;
            app.permissions(&caller)?.need(Right::Events)?;
            Some(caller)
        }
    };
    app.configured()?;
    let sender = caller.as_ref().and_then(Caller::share);
    let room = app.capacity.body(sender)?;
    let _place = app.capacity.place()?;
    let (head, body) = request.into_parts();
    let mut reserved = hold(&app, &head.headers, sender).await?;
    let body = reserved.fill(read_document(&head.headers, body, MAX_EVENTS, DOCUMENT_TIME)).await?;
    drop(room);
    reserved.keep(memory(body.len() as u64));
    let delivery = delivery(&head.headers, &body)?;
    drop(body);
    let report = delivery.report;
    let delivered = app.delivered(delivery, caller.as_ref(), origin.deadline).await;
    match delivered.problem {
        Some(problem) if report == Report::Whole => Err(problem.into()),
        _ => Ok(no_store(json_response(&batch_item_failures(&delivered.failed)))),
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
        let _place = app.capacity.place()?;
        let (head, body) = request.into_parts();
        let mut reserved = hold(app, &head.headers, None).await?;
        let body = reserved.fill(read_document(&head.headers, body, MAX_EVENTS, DOCUMENT_TIME)).await?;
        reserved.keep(memory(body.len() as u64));
        match recognized(json_text(&body)?)? {
            Event::Messages(delivery) => {
                app.delivered(delivery, None, None).await.problem.map_or_else(|| Ok(json!({})), Err)
            }
            Event::Job(job) => app.invoke(&job, &id, Instant::now() + app.cx.settings.timeout).await,
            Event::Request(request) => app.direct(&request, Instant::now() + app.cx.settings.timeout).await,
            Event::Nothing(reason) => {
                telemetry::note_seen(reason);
                Ok(json!({}))
            }
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

/// What a delivery takes while it is read and taken apart: four times its body, as `tests` measure.
const fn memory(length: u64) -> u64 {
    4 * length
}

/// Memory for a delivery whose length is what it says, else as long as it may be.
async fn hold<'a, F: Flow>(
    app: &'a App<F>,
    headers: &HeaderMap,
    sender: Option<&str>,
) -> Result<Held<'a>, Problem> {
    let length = declared_length(headers).unwrap_or(MAX_EVENTS as u64);
    if length > MAX_EVENTS as u64 {
        return Err(too_large(MAX_EVENTS));
    }
    app.deliveries.hold_up_to(memory(length), sender, Instant::now() + DOCUMENT_TIME).await
}

/// The messages in a request: CloudEvents in any mode, or an event as its queue would deliver it.
fn delivery(headers: &HeaderMap, body: &[u8]) -> Result<Delivery, Problem> {
    let whole = |messages| Ok(Delivery { messages, beyond: Vec::new(), report: Report::Whole });
    if headers.contains_key("ce-specversion") {
        return whole(vec![binary_cloud_event(headers, body)]);
    }
    let body = json_text(body)?;
    if Elements::of(body).is_some_and(|array| !array.all_objects) {
        return Err(Problem::invalid("", "an array with anything but objects is no delivery"));
    }
    match recognized(body)? {
        Event::Messages(delivery) if !delivery.beyond.is_empty() => {
            let detail = format!("a delivery has at most {MOST_MESSAGES} messages");
            Err(Problem::new(Code::TooLarge, detail))
        }
        Event::Messages(delivery) => Ok(delivery),
        Event::Request(_) | Event::Job(_) => whole(vec![Message::bare(body)]),
        Event::Nothing(reason) => {
            telemetry::note_seen(reason);
            whole(Vec::new())
        }
    }
}

/// What a body is, and a note for the log of what is not known.
fn recognized(body: &str) -> Result<Event, Problem> {
    classify(body).inspect_err(|problem| telemetry::note_seen(problem.detail.as_str()))
}

/// A body that is text, without the mark that some writers put in front.
fn json_text(body: &[u8]) -> Result<&str, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::invalid("", "the body is not valid JSON"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text),
        Err(_) => Err(Problem::invalid("", "the body is not valid JSON")),
    }
}

impl<F: Flow> App<F> {
    async fn delivered(
        self: &Arc<Self>,
        delivery: Delivery,
        caller: Option<&Caller>,
        deadline: Option<Instant>,
    ) -> Delivered {
        // Over HTTP there is no deadline but the server's patience: an hour bounds what a job may take.
        let usual = Instant::now() + std::time::Duration::from_secs(3600);
        let deadline = deadline.unwrap_or(usual);
        self.deliver(delivery, caller, deadline).await
    }
}
