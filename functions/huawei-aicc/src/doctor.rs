//! What the doctor must know of AICC, and what only a live answer of it tells.

use upload_grant::model::problem::Problem;
use upload_grant_runtime::cli::doctor::{Diagnose, Finding, Profile, Report, seen};
use upload_grant_runtime::flow::{Context, Expires as _, UploadRequest};
use upload_grant_runtime::platform::KeyNames;

use crate::Aicc;
use crate::tokens::{BEARER_LIFETIME_SECS, User};

const KEYS: KeyNames = KeyNames { id: "HUAWEI_AICC_APP_KEY", secret: "HUAWEI_AICC_APP_SECRET", token: &[] };

impl Diagnose for Aicc {
    fn profile(&self) -> Profile {
        let api = self.api();
        let mut endpoints = vec![("HUAWEI_AICC_BASE_URL", api.base.clone())];
        if api.auth_base != api.base {
            endpoints.insert(0, ("HUAWEI_AICC_AUTH_BASE_URL", api.auth_base.clone()));
        }
        Profile {
            endpoints,
            permission: "`app_key` and `app_secret` from Huawei operations (not an IAM key pair); the caller's address \
                         may have to be on an allow-list",
            product: "have Huawei enable AICC for the tenant",
            codes: vec![
                ("2", "the vendor misses a parameter: report it"),
                (
                    "3",
                    "the vendor refuses a parameter: does the channel take text files, and need an open conversation?",
                ),
                ("13", "the vendor could not store the file: try again, then ask its operations"),
            ],
            keys: Some(KEYS),
            ..Profile::default()
        }
    }

    async fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        report: &mut Report,
    ) -> Result<(), Problem> {
        let bearer = report.call(self.sessions.source().bearer(cx, upload.deadline)).await?;
        let (from, end) = bearer.lifetime();
        let seconds = end.unix() - from.unix();
        report.add(Finding::info(
            "aicc.token",
            "lifetime",
            format!("asked for {BEARER_LIFETIME_SECS} s, the bearer lasts {seconds} s"),
        ));
        report.add(match self.sessions.get(cx, &User::of(upload), upload.deadline).await {
            Ok(_) => Finding::ok("aicc.session", "applyToken answers a session for the channel"),
            Err(problem) => Finding::fail(
                "aicc.session",
                problem.code.as_str(),
                seen(&problem),
                "check HUAWEI_AICC_CHANNEL_ID (the \"Configuration ID\" of the web channel), HUAWEI_AICC_LOCALE, \
                 HUAWEI_AICC_TENANT_SPACE_ID",
            ),
        });
        Ok(())
    }
}
