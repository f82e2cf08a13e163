//! `fair FILE`: takes a Function URL's event, and answers the JSON in FILE in a gateway's shape, with a log line and a
//! line of metrics: all that a function does but the grant.

use base64::Engine as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false).with_current_span(false);
    let filter = Targets::new().with_default(tracing::Level::INFO).with_target("lambda_runtime", tracing::Level::WARN);
    tracing_subscriber::registry().with(filter).with(lines).init();
    let file = std::env::args().nth(1).unwrap_or_default();
    let document: &'static Value = Box::leak(Box::new(serde_json::from_slice(&std::fs::read(file)?)?));
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| answer(&event, document))).await
}

fn answer(event: &LambdaEvent<Value>, document: &Value) -> Result<Value, Error> {
    let text = |pointer: &str| event.payload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let body = base64::engine::general_purpose::STANDARD.decode(text("/body"))?;
    let asked: Value = serde_json::from_slice(&body)?;
    let id = event.context.request_id.as_str();
    tracing::info!(
        flow = "fair",
        request_id = id,
        route = "grants",
        method = text("/requestContext/http/method"),
        status = 200,
        code = "ok",
        mode = asked["mode"].as_str().unwrap_or("form"),
        grant_id = document["id"].as_str(),
        cache = "hit",
        vendor_calls = 0,
        vendor_request_id = document["vendor"]["request_id"].as_str(),
        ms = 0,
        cold = false,
        "request"
    );
    println!(
        "{}",
        json!({ "_aws": { "Timestamp": 0, "CloudWatchMetrics": [{ "Namespace": "UploadGrants", "Dimensions": [["flow"]],
            "Metrics": [{ "Name": "Requests", "Unit": "Count" }, { "Name": "Errors", "Unit": "Count" },
                { "Name": "LatencyMs", "Unit": "Milliseconds" }, { "Name": "VendorCalls", "Unit": "Count" }] }] },
            "flow": "fair", "Requests": 1, "Errors": 0, "LatencyMs": 0, "VendorCalls": 0 })
    );
    Ok(json!({
        "statusCode": 200, "body": document.to_string(), "isBase64Encoded": false,
        "headers": { "content-type": "application/json", "cache-control": "no-store", "x-request-id": id },
        "cookies": [],
    }))
}
