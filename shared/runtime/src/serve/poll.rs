//! The polling runtime APIs of Tencent SCF and Huawei FunctionGraph: one loop, two tables.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::dispatch::Dispatch;
use crate::app::App;
use crate::flow::Flow;
use crate::net::client;
use crate::platform::Env;

/// Between attempts when the runtime API has no event or cannot be reached.
const PAUSE: Duration = Duration::from_millis(50);

/// One platform's API.
struct Api {
    /// Posted to once, when the function is ready.
    ready: Option<String>,
    next: String,
    response: String,
    error: String,
    /// Header with the request's id.
    id_header: &'static str,
    /// Whether the id is part of the answer's path, and an event without one cannot be answered.
    id_in_path: bool,
}

impl Api {
    fn of(env: &mut Env) -> Option<Self> {
        if let Some(host) = env.get("SCF_RUNTIME_API") {
            let port = env.get("SCF_RUNTIME_API_PORT").map(|port| format!(":{port}")).unwrap_or_default();
            let base = format!("http://{host}{port}/runtime");
            return Some(Self {
                ready: Some(format!("{base}/init/ready")),
                next: format!("{base}/invocation/next"),
                response: format!("{base}/invocation/response"),
                error: format!("{base}/invocation/error"),
                id_header: "request_id",
                id_in_path: false,
            });
        }
        let base = format!("http://{}/v1/runtime/invocation", env.get("RUNTIME_API_ADDR")?);
        Some(Self {
            ready: None,
            next: format!("{base}/request"),
            response: format!("{base}/response"),
            error: format!("{base}/error"),
            id_header: "x-cff-request-id",
            id_in_path: true,
        })
    }
}

/// Serves `app` until `stop` resolves between two events.
pub(super) async fn serve<F: Flow>(
    app: Arc<App<F>>,
    env: &mut Env,
    stop: impl Future<Output = ()>,
) -> Result<(), String> {
    let api = Api::of(env).ok_or("neither SCF_RUNTIME_API nor RUNTIME_API_ADDR is set")?;
    let client = client(None).map_err(|problem| problem.detail)?;
    let time = app.cx.settings.timeout;
    let dispatch = Dispatch::new(app, None);
    if let Some(ready) = &api.ready {
        post(&client, ready, &json!({})).await;
    }
    tokio::pin!(stop);
    loop {
        let event = tokio::select! {
            event = next(&client, &api) => event,
            () = &mut stop => return Ok(()),
        };
        let Some((id, event)) = event else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let in_path = id.as_ref().filter(|_| api.id_in_path);
        let path = in_path.map(|id| format!("/{id}")).unwrap_or_default();
        match dispatch.handle(event, id, time).await {
            Ok(answer) => post(&client, &format!("{}{path}", api.response), &answer).await,
            Err(problem) => {
                let failure = json!({ "errorType": problem.code.as_str(), "errorMessage": problem.detail });
                post(&client, &format!("{}{path}", api.error), &failure).await;
            }
        }
    }
}

/// The next event with its id; none if there was no usable answer.
async fn next(client: &reqwest::Client, api: &Api) -> Option<(Option<String>, String)> {
    let response = client.get(&api.next).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let id = response.headers().get(api.id_header).and_then(|id| Some(id.to_str().ok()?.to_owned()));
    if api.id_in_path && id.is_none() {
        return None;
    }
    let body = response.bytes().await.ok()?;
    // What is no JSON is an event that nobody knows, and is answered as such.
    Some((id, String::from_utf8(body.into()).unwrap_or_default()))
}

async fn post(client: &reqwest::Client, url: &str, body: &impl Serialize) {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let request = client.post(url).header("content-type", "application/json").body(body);
    if request.send().await.is_err() {
        tracing::error!("the runtime API did not take an answer");
    }
}
