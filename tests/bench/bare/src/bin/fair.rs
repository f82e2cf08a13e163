//! `fair FILE`: takes a Function URL's event, and answers the JSON in FILE in a gateway's shape, with a log line and a
//! line of metrics: all that a function does but the grant.

use base64::Engine as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bare::start_log();
    let file = std::env::args().nth(1).unwrap_or_default();
    let document: &'static Value = Box::leak(Box::new(serde_json::from_slice(&std::fs::read(file)?)?));
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| answer(&event, document))).await
}

fn answer(event: &LambdaEvent<Value>, document: &Value) -> Result<Value, Error> {
    let text = |pointer: &str| event.payload.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let body = base64::engine::general_purpose::STANDARD.decode(text("/body"))?;
    let asked: Value = serde_json::from_slice(&body)?;
    let id = event.context.request_id.as_str();
    bare::log(id, text("/requestContext/http/method"), &asked, document);
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
