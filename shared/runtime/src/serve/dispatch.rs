//! From a platform's event to its answer: what Lambda and the polling runtimes have in common.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::FutureExt as _;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::api::router;
use crate::app::{App, RequestOrigin};
use crate::event::{Event, HttpAnswer, HttpEvent, Report, batch_item_failures, classify, read_http};
use crate::flow::Flow;
use crate::platform::telemetry::{self, AccessLog};
use upload_grant::model::problem::{Code, Problem};

/// What a request body can be on Lambda: 6 MB of event, base64 and envelope taken off.
const LAMBDA_BODY: u64 = 4_613_734;
/// What a request body can be behind a load balancer: 1 MB of event.
const BALANCER_BODY: u64 = 700 * 1024;
/// Left for the answer before the platform ends the invocation.
const MARGIN: Duration = Duration::from_millis(500);

/// What an event is answered with.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// A request's answer.
    Http(HttpAnswer),
    /// The document that anything else is answered with.
    Document(Value),
}

/// A function behind an event loop.
pub struct Dispatch<F> {
    app: Arc<App<F>>,
    router: Router,
    /// The address of our own URLs, where the platform cannot tell.
    base: Option<String>,
}

impl<F: Flow> Dispatch<F> {
    /// Before `app`; `base` is the address of its own URLs, where its events do not tell.
    pub fn new(app: Arc<App<F>>, base: Option<String>) -> Self {
        Self { router: router(&app), app, base }
    }

    /// Handles one event that must be answered within `time`, and writes its log line.
    ///
    /// # Errors
    /// What the platform is to report as the invocation's failure; a request's refusal is an answer like any other.
    pub async fn handle(
        &self,
        event: String,
        request_id: Option<String>,
        time: Duration,
    ) -> Result<Answer, Problem> {
        let started = Instant::now();
        let work = async {
            telemetry::note(|notes| notes.request_id.clone_from(&request_id));
            // Boxed: the whole application is in this future, and compilers count its layers.
            let work = self.answer(event, request_id, started + time.saturating_sub(MARGIN)).boxed();
            // One event's panic is one event's problem.
            AssertUnwindSafe(work).catch_unwind().await
        };
        let (outcome, notes) = telemetry::scope(work).await;
        let failed = |_| (Some("event"), Err(Problem::new(Code::Internal, "the function failed")));
        let (route, answer) = outcome.unwrap_or_else(failed);
        if let Some(route) = route {
            let code = answer.as_ref().err().map(|problem| problem.code);
            AccessLog::new(F::SPEC.name, route, code, started).write(&notes);
        }
        answer
    }

    /// The answer; with a route if no line was written on the way.
    async fn answer(
        &self,
        event: String,
        request_id: Option<String>,
        deadline: Instant,
    ) -> (Option<&'static str>, Result<Answer, Problem>) {
        if let Some(read) = read_http(&event) {
            drop(event); // megabytes, which are in the request now
            return match read {
                Ok(request) => (None, Ok(Answer::Http(self.http(request, request_id, deadline).await))),
                Err(problem) => (Some("unknown"), Err(problem)),
            };
        }
        let recognized = classify(&event);
        drop(event);
        let (route, answer) = match recognized {
            Ok(Event::Messages(delivery)) => {
                let report = delivery.report;
                let delivered = self.app.deliver(delivery, None, deadline).await;
                let answer = match (report, delivered.problem) {
                    (Report::Items, _) => Ok(batch_item_failures(&delivered.failed)),
                    (Report::Whole, Some(problem)) => Err(problem),
                    (Report::Whole, None) => Ok(json!({})),
                };
                (None, answer)
            }
            Ok(Event::Job(job)) => {
                (None, self.app.invoke(&job, request_id.as_deref().unwrap_or_default(), deadline).await)
            }
            Ok(Event::Request(request)) => (Some("direct"), self.app.direct(&request, deadline).await),
            Ok(Event::Nothing(reason)) => {
                telemetry::note_seen(reason);
                (Some("nothing"), Ok(json!({})))
            }
            Err(problem) => {
                telemetry::note_seen(problem.detail.as_str());
                (Some("unknown"), Err(problem))
            }
        };
        (route, answer.map(Answer::Document))
    }

    async fn http(&self, event: HttpEvent, request_id: Option<String>, deadline: Instant) -> HttpAnswer {
        let HttpEvent { mut request, shape, mount, source, request_id: gateway_id, identity } = event;
        // A load balancer overwrites what a client says here; behind the other gateways TLS is all there is.
        let header = request.headers().get("x-forwarded-proto");
        let plain = shape.is_load_balancer() && header.is_some_and(|scheme| scheme == "http");
        request.extensions_mut().insert(RequestOrigin {
            scheme: Some(if plain { "http" } else { "https" }),
            mount,
            source,
            base: self.base.clone(),
            max_body: if shape.is_load_balancer() { BALANCER_BODY } else { LAMBDA_BODY },
            request_id: request_id.or(gateway_id),
            identity,
            is_page: false,
            deadline: Some(deadline),
        });
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        shape.answer(response).await
    }
}
