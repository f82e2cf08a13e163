//! What the fair baselines have in common with a function: its log.

use serde_json::Value;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// JSON lines on standard output, as a function has them.
pub fn start_log() {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false);
    let filter =
        Targets::new().with_default(tracing::Level::INFO).with_target("lambda_runtime", tracing::Level::WARN);
    tracing_subscriber::registry().with(filter).with(lines).init();
}

/// A grant's line.
pub fn log(id: &str, method: &str, asked: &Value, grant: &Value) {
    tracing::info!(
        flow = "fair",
        request_id = id,
        route = "grants",
        method,
        status = 200,
        code = "ok",
        mode = asked["mode"].as_str().unwrap_or("form"),
        grant_id = grant["id"].as_str(),
        cache = "hit",
        vendor_calls = 0,
        vendor_request_id = grant["vendor"]["request_id"].as_str(),
        ms = 0,
        cold = false,
        "request"
    );
}
