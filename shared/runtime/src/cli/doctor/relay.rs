//! A relay grant, and its ticket sent in through our own routes: the function uploads.

use std::sync::Arc;

use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::chart::Chart;
use super::report::{Line, Report};
use crate::api::router;
use crate::app::App;
use crate::flow::Flow;
use upload_grant::model::problem::Problem;
use upload_grant::model::request::Mode;

pub(super) async fn check<F: Flow>(app: &Arc<App<F>>, chart: &Chart, report: &mut Report) {
    if app.cx.settings.secrets.is_empty() {
        return report.add(Line::skipped("relay.grant", "GRANT_SECRET is not set"));
    }
    let grant = match super::grant(app, chart, Mode::Relay).await {
        Ok(grant) => grant,
        Err(problem) => return report.add(chart.verdict("relay.grant", &problem)),
    };
    report.add(Line::ok("relay.grant", format!("ends in {} s", grant.expires)));
    if !report.uploads {
        return report.add(Line::skipped("relay.upload", "--no-upload"));
    }
    let mut request = Request::builder().method(Method::PUT).uri(&grant.url);
    for (name, value) in &grant.headers.0 {
        request = request.header(name, value);
    }
    let request = request.header("content-length", chart.bytes.len()).body(chart.bytes.clone().into());
    let started = Instant::now();
    let answer = match request {
        Ok(request) => call(app, request).await,
        Err(_) => None,
    };
    let ms = started.elapsed().as_millis();
    report.add(match &answer {
        Some((200, _)) => Line::ok("relay.upload", format!("the function uploaded it, in {ms} ms")),
        other => match other.as_ref().and_then(|(_, document)| Problem::from_value(document)) {
            Some(problem) => chart.verdict("relay.upload", &problem),
            None => Line::fail("relay.upload", "internal", "our own routes gave no answer", "report it"),
        },
    });
    if let Some((200, receipt)) = answer {
        report.left(receipt.get("key").and_then(Value::as_str).unwrap_or_default());
    }
}

/// Status and document that our own routes answer; none if they do not.
async fn call<F: Flow>(app: &Arc<App<F>>, request: Request<axum::body::Body>) -> Option<(u16, Value)> {
    let response = router(app).oneshot(request).await.ok()?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, serde_json::from_slice(&body).ok()?))
}
