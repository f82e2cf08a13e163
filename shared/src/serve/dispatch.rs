//! From a platform's event to its answer: what Lambda and the polling runtimes have in common.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::event::{Event, HttpEvent, Report, batch_item_failures, classify};
use crate::flow::Flow;
use crate::problem::Problem;
use crate::routes::{App, Door, router};

/// What a request body can be on Lambda: 6 MB of event, base64 and envelope taken off.
const LAMBDA_BODY: u64 = 4_613_734;
/// What a request body can be behind a load balancer: 1 MB of event.
const BALANCER_BODY: u64 = 700 * 1024;
/// Left for the answer before the platform ends the invocation.
const MARGIN: Duration = Duration::from_millis(500);

/// A function behind an event loop.
pub(super) struct Dispatch<F> {
    app: Arc<App<F>>,
    router: Router,
    /// The address of our own URLs, where the platform cannot tell.
    base: Option<String>,
}

impl<F: Flow> Dispatch<F> {
    pub(super) fn new(app: Arc<App<F>>, base: Option<String>) -> Self {
        Self { router: router(&app), app, base }
    }

    /// Handles one event that must be answered within `time`.
    pub(super) async fn handle(
        &self,
        event: Value,
        request_id: Option<String>,
        time: Duration,
    ) -> Result<Value, Problem> {
        let deadline = Instant::now() + time.saturating_sub(MARGIN);
        match classify(event)? {
            Event::Http(event) => Ok(self.http(*event, request_id, deadline).await),
            Event::Direct(document) => {
                if document.get("source").is_some_and(Value::is_object) {
                    self.app.invoke(&document, deadline).await
                } else {
                    self.app.direct(&document, deadline).await
                }
            }
            Event::Messages(delivery) => {
                let delivered = self.app.deliver(&delivery, None, deadline).await;
                match (delivery.report, delivered.problem) {
                    (Report::Items, _) => Ok(batch_item_failures(&delivered.failed)),
                    (Report::Whole, Some(problem)) => Err(problem),
                    (Report::Whole, None) => Ok(json!({})),
                }
            }
            Event::Nothing => Ok(json!({})),
        }
    }

    async fn http(&self, event: HttpEvent, request_id: Option<String>, deadline: Instant) -> Value {
        let HttpEvent { mut request, shape, source, request_id: gateway_id, identity } = event;
        request.extensions_mut().insert(Door {
            source,
            base: self.base.clone(),
            max_body: if shape.is_load_balancer() { BALANCER_BODY } else { LAMBDA_BODY },
            request_id: request_id.or(gateway_id),
            identity,
            deadline: Some(deadline),
        });
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        shape.answer(response).await
    }
}
