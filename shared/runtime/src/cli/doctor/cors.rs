//! What a browser would be told: the preflight, and the headers of the answer.

use http::Method;
use tokio::time::timeout;

use super::probe::Trial;
use super::report::{Finding, Report};
use crate::app::App;
use crate::flow::Flow;
use crate::vendor::Reply;
use crate::vendor::bucket;

const ADVICE: &str =
    "browsers must ask with \"mode\":\"relay\", or the vendor must allow your origin on its bucket";

/// The origin to ask for: the first configured one, else any.
pub(super) fn origin<F>(app: &App<F>) -> &str {
    app.cx.settings.cors_origins.first().map_or("https://origin.example", String::as_str)
}

/// Asks as a browser does before it sends.
pub(super) async fn preflight<F: Flow>(trial: &Trial<'_, F>, report: &mut Report) {
    let (grant, origin) = (&trial.grant, origin(trial.app));
    let mut names: Vec<String> = grant.headers.0.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    let mut request = trial.app.cx.vendor.client().request(Method::OPTIONS, &grant.url);
    request = request.header("origin", origin).header("access-control-request-method", grant.method);
    if !names.is_empty() {
        request = request.header("access-control-request-headers", names.join(","));
    }
    let name = trial.name("preflight");
    let Ok(Ok(response)) = timeout(trial.app.cx.settings.timeout, request.send()).await else {
        let seen = format!("{} does not answer", bucket::authority(&grant.url));
        let advice = "check what outgoing traffic is allowed, and the settings of the store's endpoint";
        return report.add(Finding::fail(name, "unreachable", seen, advice));
    };
    let status = response.status().as_u16();
    let allowed = |header: &str, value: &str| {
        let list = response.headers().get(header).and_then(|list| list.to_str().ok()).unwrap_or_default();
        lists(list, value)
    };
    let refused = if !response.status().is_success() || !allowed("access-control-allow-origin", origin) {
        Some(format!("the origin {origin}"))
    } else if !allowed("access-control-allow-methods", grant.method) {
        Some(format!("the method {}", grant.method))
    } else {
        let header = names.iter().find(|name| !allowed("access-control-allow-headers", name));
        header.map(|name| format!("the header {name}"))
    };
    report.add(match refused {
        None => Finding::ok(name, format!("browsers at {origin} may send (HTTP {status})")),
        Some(what) => Finding::warn(
            name,
            "cors_refused",
            format!("the store does not allow {what} (HTTP {status})"),
            ADVICE,
        ),
    });
}

/// Whether a browser may read the store's answer, and the ETag in it.
pub(super) fn answer<F: Flow>(trial: &Trial<'_, F>, reply: &Reply, report: &mut Report) {
    let name = trial.name("cors");
    let allowed = reply.header("access-control-allow-origin").unwrap_or_default();
    let exposed = reply.header("access-control-expose-headers").unwrap_or_default();
    let collects_etag = F::SPEC.collect.contains(&"etag");
    report.add(if !lists(allowed, origin(trial.app)) {
        let seen = "a browser sends, and cannot see whether it succeeded";
        Finding::warn(name, "cors_refused", seen, ADVICE)
    } else if collects_etag && !lists(exposed, "etag") {
        Finding::warn(
            name,
            "etag_hidden",
            "browsers see the answer, but not its ETag",
            "where the receipt needs the ETag, browsers must ask with \"mode\":\"relay\"",
        )
    } else {
        Finding::ok(
            name,
            if collects_etag { "browsers see the answer and its ETag" } else { "browsers see the answer" },
        )
    });
}

/// Whether a comma-separated header names `value`, or everything.
fn lists(list: &str, value: &str) -> bool {
    list.split(',').map(str::trim).any(|item| item == "*" || item.eq_ignore_ascii_case(value))
}
