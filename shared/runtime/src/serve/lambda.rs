//! AWS Lambda, and everything that emulates it: events by `lambda_runtime`, as the JSON that they are.

use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::value::RawValue;

use super::dispatch::Dispatch;
use crate::app::App;
use crate::flow::Flow;
use crate::platform::Env;
use crate::platform::clock;
use crate::platform::telemetry::emf;
use upload_grant::model::problem::Problem;

/// Without these the runtime client panics instead of saying what is missing.
const NEEDED: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// A problem as Lambda reports it: `errorType` is its code.
struct Failure(Problem);

impl From<Failure> for Diagnostic {
    fn from(Failure(problem): Failure) -> Self {
        Self { error_type: problem.code.as_str().to_owned(), error_message: problem.detail }
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// Serves `app` until the platform ends the process.
pub(super) async fn serve<F: Flow>(app: Arc<App<F>>, env: &mut Env) -> Result<(), String> {
    if let Some(missing) = NEEDED.iter().find(|name| env.get(name).is_none()) {
        return Err(format!("{missing} is missing: this is not a Lambda runtime"));
    }
    emf::switch_on();
    let usual = app.cx.settings.timeout;
    let base = env.get("AWS_LAMBDA_RUNTIME_API").and_then(|address| emulator_base(&address));
    let dispatch = Arc::new(Dispatch::new(app, base));
    let handler = move |event: LambdaEvent<Box<RawValue>>| {
        let dispatch = dispatch.clone();
        async move {
            let (event, context) = event.into_parts();
            let time = time_left(context.deadline, clock::unix_millis(), usual);
            let event = String::from(Box::<str>::from(event));
            dispatch.handle(event, Some(context.request_id), time).await.map_err(Failure)
        }
    };
    lambda_runtime::run_concurrent(service_fn(handler))
        .await
        .map_err(|_| "the runtime API broke off".to_owned())
}

/// The time until `deadline`; a deadline that has passed is an emulator's, and means the usual time.
fn time_left(deadline: u64, now: u64, usual: Duration) -> Duration {
    match deadline.checked_sub(now) {
        Some(millis) if millis > 0 => Duration::from_millis(millis),
        _ => usual,
    }
}

/// Under `cargo lambda watch` a function's own URL is not the one that the event tells.
fn emulator_base(runtime_api: &str) -> Option<String> {
    let (address, function) = runtime_api.split_once("/.rt/")?;
    Some(format!("{address}/lambda-url/{function}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_is_no_deadline() {
        let usual = Duration::from_secs(25);
        assert_eq!(time_left(600_000, 1_700_000_000_000, usual), usual);
        assert_eq!(time_left(1_700_000_003_000, 1_700_000_000_000, usual), Duration::from_secs(3));
    }

    #[test]
    fn the_emulators_own_urls_are_known() {
        let base = emulator_base("http://127.0.0.1:9000/.rt/tencent-lke");
        assert_eq!(base.as_deref(), Some("http://127.0.0.1:9000/lambda-url/tencent-lke"));
        assert_eq!(emulator_base("127.0.0.1:9001"), None);
    }
}
