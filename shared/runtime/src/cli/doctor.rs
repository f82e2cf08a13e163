//! `<function> doctor`: checks a live set-up as an operator would.
//!
//! From the settings to the store: each step is one line that says what was seen and what to do about it. No
//! line holds a secret, a token, a policy, a signature or a signed URL.

mod cors;
mod probe;
mod profile;
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

pub use self::profile::Profile;
pub use self::report::{Finding, Report, seen};
use crate::app::{App, RequestOrigin};
use crate::auth::Caller;
use crate::auth::policy::Permissions;
use crate::flow::{Context, Flow, UploadRequest};
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
    fn profile(&self) -> Profile;

    /// Makes the vendor call through [`Report::call`] and reports what no document of the vendor's settles.
    /// An error is that call's; whatever fails after it is a line of the report.
    fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
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
        Err(_) => {
            report.add(Finding::fail("runtime", "internal", "no runtime can be started", "free memory"))
        }
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
        return report.add(Finding::fail("configuration", "arn_unreadable", seen, advice));
    }
    let Some(app) = setup::configuration::<F>(&mut env, report) else { return };
    let profile = app.flow.profile().for_keys(app.flow.keys());
    report.begin(profile.filename, profile.bytes.len());
    setup::check(&app, &mut env, report).await;
    reach::check(&app, &profile, report).await;
    relay::address(&app, &mut env, report).await;
    let vendor_answers = diagnose(&app, &profile, report).await;
    for mode in app.flow.modes() {
        let check = format!("{}.grant", mode.as_str());
        if !vendor_answers {
            report.add(Finding::skipped(check, "the vendor's call failed"));
        } else if *mode == Mode::Credentials && !app.cx.settings.allow_credentials {
            report.add(Finding::skipped(check, "GRANT_ALLOW_CREDENTIALS is off"));
        } else if *mode == Mode::Relay {
            relay::check(&app, &profile, report).await;
        } else {
            probe::check(&app, &profile, *mode, report).await;
        }
    }
}

/// The vendor's call, as the flow makes it, and what only its answer can tell.
async fn diagnose<F: Diagnose>(app: &Arc<App<F>>, profile: &Profile, report: &mut Report) -> bool {
    let outcome = match checked(app, profile, Mode::Put) {
        Ok(upload) => app.flow.diagnose(&app.cx, &upload, report).await,
        Err(problem) => Err(problem),
    };
    let Err(problem) = outcome else { return true };
    report.add(profile.verdict("vendor.call", &problem));
    false
}

/// What the doctor asks for, in this mode.
fn request<F: Flow>(profile: &Profile, mode: Mode) -> Result<GrantRequest, Problem> {
    let mut request =
        json!({ "filename": profile.filename, "mode": mode.as_str(), "params": profile.params });
    if profile.exact_size {
        request["size"] = profile.bytes.len().into();
    }
    if F::SPEC.needs_md5 {
        request["checksums"] = json!({ "md5": encode::base64(&Md5::digest(&profile.bytes)) });
    }
    GrantRequest::from_value(&request)
}

/// The same, checked as any caller's request is.
fn checked<F: Flow>(app: &App<F>, profile: &Profile, mode: Mode) -> Result<UploadRequest, Problem> {
    let nobody = Caller::default();
    let asked = request::<F>(profile, mode)?;
    app.checked_request(&asked, mode, &Permissions::trusted(&nobody), None, u64::MAX)
}

/// The grant for it, as any caller gets it.
async fn grant<F: Flow>(app: &App<F>, profile: &Profile, mode: Mode) -> Result<Grant, Problem> {
    let nobody = Caller::default();
    let asked = request::<F>(profile, mode)?;
    app.grant(&asked, &Permissions::trusted(&nobody), None, &RequestOrigin::default(), || Ok(String::new()))
        .await
}
