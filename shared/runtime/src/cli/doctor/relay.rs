//! The address that relay grants would have, and one of them sent in through our own routes: the function uploads.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

use super::profile::Profile;
use super::report::{Finding, Report};
use crate::api::router;
use crate::app::App;
use crate::auth::Auth;
use crate::flow::Flow;
use crate::net::read_body;
use crate::platform::runtime::listen;
use crate::platform::{Env, is_loopback};
use upload_grant::model::problem::Problem;
use upload_grant::model::request::Mode;

const URL: &str = "relay.url";
const PATIENCE: Duration = Duration::from_secs(10);
/// Far more than our own `healthz` says.
const MAX_HEALTH: usize = 64 * 1024;

/// Where the URLs of relay grants would lead, and whether that is this function.
pub(super) async fn address<F: Flow>(app: &App<F>, env: &mut Env, report: &mut Report) {
    let (settings, address) = (&app.cx.settings, listen(env));
    let advice =
        "set GRANT_PUBLIC_URL to the address that callers use, or GRANT_TRUST_PROXY=true behind a proxy";
    let from_host = "and the Host that a request came to";
    report.add(if let Some(url) = &settings.public_url {
        let here = url::Url::parse(url).is_ok_and(|url| is_loopback(&url));
        match answers_as::<F>(app.cx.vendor.client(), url).await {
            _ if here && app.on_platform => {
                Finding::warn(URL, "loopback", format!("{url}: no caller can reach it"), advice)
            }
            Ok(()) => Finding::ok(URL, format!("{url} (GRANT_PUBLIC_URL), and this function answers there")),
            Err(seen) => Finding::warn(
                URL,
                "unreachable",
                format!("{url} {seen}"),
                "correct GRANT_PUBLIC_URL: its /healthz must be this function's, from wherever callers are",
            ),
        }
    } else if settings.trust_proxy {
        Finding::info(
            URL,
            "proxy",
            format!("what the proxy says (Forwarded, X-Forwarded-*), else http {from_host}"),
        )
    } else if app.on_platform {
        let seen = format!(
            "https {from_host}, its stage kept; direct invocations have none without GRANT_PUBLIC_URL"
        );
        Finding::info(URL, "request", seen)
    } else if !address.ip().is_loopback() {
        Finding::info(URL, "request", format!("http {from_host}, at port {}", address.port()))
    } else if matches!(app.auth, Some(Auth::None { .. })) {
        Finding::info(URL, "loopback", format!("http://{address}, for this machine only"))
    } else {
        let seen = format!("http {from_host}; at {address} that is this machine, or a proxy on it");
        Finding::warn(URL, "loopback", seen, advice)
    });
}

/// Whether the function at `url` is this one; else what is there.
async fn answers_as<F: Flow>(client: &reqwest::Client, url: &str) -> Result<(), String> {
    let silent = || "does not answer from here".to_owned();
    let asked = async {
        let response = client.get(format!("{url}/healthz")).send().await.map_err(|_| silent())?;
        let status = response.status().as_u16();
        let body = read_body(response, MAX_HEALTH).await.unwrap_or_default();
        let health: Value = serde_json::from_slice(&body).unwrap_or_default();
        let is_ours = status == 200 && health["flow"] == F::SPEC.name;
        if is_ours { Ok(()) } else { Err(format!("answers, but not as this function (HTTP {status})")) }
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(silent()))
}

pub(super) async fn check<F: Flow>(app: &Arc<App<F>>, profile: &Profile, report: &mut Report) {
    if app.cx.settings.secrets.is_empty() {
        return report.add(Finding::skipped("relay.grant", "GRANT_SECRET is not set"));
    }
    let grant = match super::grant(app, profile, Mode::Relay).await {
        Ok(grant) => grant,
        Err(problem) => return report.add(profile.verdict("relay.grant", &problem)),
    };
    report.add(Finding::ok("relay.grant", format!("ends in {} s", grant.expires)));
    if !report.uploads {
        return report.add(Finding::skipped("relay.upload", "--no-upload"));
    }
    let mut request = Request::builder().method(Method::PUT).uri(&grant.url);
    for (name, value) in &grant.headers.0 {
        request = request.header(name, value);
    }
    let request = request.header("content-length", profile.bytes.len()).body(profile.bytes.clone().into());
    let started = Instant::now();
    let answer = match request {
        Ok(request) => call(app, request).await,
        Err(_) => None,
    };
    let ms = started.elapsed().as_millis();
    report.add(match &answer {
        Some((200, _)) => Finding::ok("relay.upload", format!("the function uploaded it, in {ms} ms")),
        other => match other.as_ref().and_then(|(_, document)| Problem::from_value(document)) {
            Some(problem) => profile.verdict("relay.upload", &problem),
            None => Finding::fail("relay.upload", "internal", "our own routes gave no answer", "report it"),
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
