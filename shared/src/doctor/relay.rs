//! A relay grant, and its ticket sent in through our own routes: the function uploads.

use std::sync::Arc;

use http::{Method, Request};
use serde_json::Value;
use tokio::time::Instant;

use super::chart::Chart;
use super::probe;
use super::report::{Line, Report};
use crate::flow::Flow;
use crate::request::Mode;
use crate::routes::App;

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
    let line = match probe::call(app, request).await {
        Ok((200, receipt)) => {
            report.left(receipt.get("key").and_then(Value::as_str).unwrap_or_default());
            let ms = started.elapsed().as_millis();
            Line::ok("relay.upload", format!("the function uploaded it, in {ms} ms"))
        }
        Ok((status, answer)) => probe::refused(chart, "relay.upload".to_owned(), status, &answer),
        Err(line) => line,
    };
    report.add(line);
}
