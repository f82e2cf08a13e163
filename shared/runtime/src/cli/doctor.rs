//! `<function> doctor`: checks a live set-up as an operator would.
//!
//! From the settings to the store: each step is one line that says what was seen and what to do about it. No
//! line holds a secret, a token, a policy, a signature or a signed URL.

mod chart;
mod cors;
mod probe;
mod reach;
mod refusals;
mod relay;
mod report;
mod setup;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use md5::{Digest as _, Md5};
use serde_json::json;

pub use self::chart::Chart;
pub use self::report::{Line, Report, seen};
use crate::app::{App, Door};
use crate::auth::Caller;
use crate::auth::policy::Permissions;
use crate::flow::{Ask, Context, Flow};
use crate::net::fetch_by_arn;
use crate::platform::Env;
use crate::platform::telemetry;
use upload_grant::model::grant::Grant;
use upload_grant::model::problem::Problem;
use upload_grant::model::request::{GrantRequest, Mode};
use upload_grant::wire::encode;

/// What the doctor asks of a flow.
pub trait Diagnose: Flow {
    /// What it must be told of the flow.
    fn chart(&self) -> Chart;

    /// Makes the vendor call through [`Report::call`] and reports what no document of the vendor's settles.
    /// An error is that call's; whatever fails after it is a line of the report.
    fn examine(
        &self,
        cx: &Context,
        ask: &Ask,
        report: &mut Report,
    ) -> impl Future<Output = Result<(), Problem>> + Send;
}

/// Runs the checks; 0 if none failed, 1 if one did, 2 if the arguments are not understood.
pub fn run<F: Diagnose>(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut report = Report::new(F::SPEC.name);
    for argument in arguments {
        match argument.to_str() {
            Some("--json") => report.json = true,
            Some("--no-upload") => report.uploads = false,
            Some("--help") => {
                let _ = std::io::stdout().write_all(usage(F::SPEC.name).as_bytes());
                return ExitCode::SUCCESS;
            }
            _ => {
                let _ = std::io::stderr().write_all(usage(F::SPEC.name).as_bytes());
                return ExitCode::from(2);
            }
        }
    }
    telemetry::tell_panics();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(check::<F>(Env::of_process(), &mut report)),
        Err(_) => report.add(Line::fail("runtime", "internal", "no runtime can be started", "free memory")),
    }
    report.finish()
}

fn usage(name: &str) -> String {
    format!(
        "Usage: {name} doctor [--json] [--no-upload]\n\n\
         Checks the set-up that the environment describes: settings, network, clock, the vendor's key and\n\
         permission, a grant of each mode, and a probe of a kilobyte under each of them.\n\n\
         --json       one JSON document instead of the table\n\
         --no-upload  everything but the probes, which stay in the vendor's store\n\n\
         Exit code: 0 nothing failed, 1 something failed, 2 these arguments are not understood.\n"
    )
}

async fn check<F: Diagnose>(mut env: Env, report: &mut Report) {
    if let Err(seen) = fetch_by_arn(&mut env).await {
        let advice = "check the ARNs, and what outgoing traffic is allowed";
        return report.add(Line::fail("configuration", "arn_unreadable", seen, advice));
    }
    let Some(app) = setup::configuration::<F>(&mut env, report) else { return };
    let chart = app.flow.chart().for_keys(app.flow.keys());
    report.begin(chart.filename, chart.bytes.len());
    setup::check(&app, &mut env, report).await;
    reach::check(&app, &chart, report).await;
    relay::address(&app, &mut env, report).await;
    let vendor_answers = examine(&app, &chart, report).await;
    for mode in app.flow.modes() {
        let check = format!("{}.grant", mode.as_str());
        if !vendor_answers {
            report.add(Line::skipped(check, "the vendor's call failed"));
        } else if *mode == Mode::Credentials && !app.cx.settings.allow_credentials {
            report.add(Line::skipped(check, "GRANT_ALLOW_CREDENTIALS is off"));
        } else if *mode == Mode::Relay {
            relay::check(&app, &chart, report).await;
        } else {
            probe::check(&app, &chart, *mode, report).await;
        }
    }
}

/// The vendor's call, as the flow makes it, and what only its answer can tell.
async fn examine<F: Diagnose>(app: &Arc<App<F>>, chart: &Chart, report: &mut Report) -> bool {
    let outcome = match ask(app, chart, Mode::Put) {
        Ok(ask) => app.flow.examine(&app.cx, &ask, report).await,
        Err(problem) => Err(problem),
    };
    let Err(problem) = outcome else { return true };
    report.add(chart.verdict("vendor.call", &problem));
    false
}

/// What the doctor asks for, in this mode.
fn request<F: Flow>(chart: &Chart, mode: Mode) -> Result<GrantRequest, Problem> {
    let mut request = json!({ "filename": chart.filename, "mode": mode.as_str(), "params": chart.params });
    if chart.exact_size {
        request["size"] = chart.bytes.len().into();
    }
    if F::SPEC.needs_md5 {
        request["checksums"] = json!({ "md5": encode::base64(&Md5::digest(&chart.bytes)) });
    }
    GrantRequest::from_value(&request)
}

/// The same, checked as any caller's request is.
fn ask<F: Flow>(app: &App<F>, chart: &Chart, mode: Mode) -> Result<Ask, Problem> {
    let nobody = Caller::default();
    let asked = request::<F>(chart, mode)?;
    app.checked_ask(&asked, mode, &Permissions::trusted(&nobody), None, u64::MAX)
}

/// The grant for it, as any caller gets it.
async fn grant<F: Flow>(app: &App<F>, chart: &Chart, mode: Mode) -> Result<Grant, Problem> {
    let nobody = Caller::default();
    let asked = request::<F>(chart, mode)?;
    app.grant(&asked, &Permissions::trusted(&nobody), None, &Door::default(), || Ok(String::new())).await
}
