//! What the doctor must know of DashScope, and what only a live answer of it tells.

use upload_grant::model::problem::Problem;
use upload_grant_runtime::cli::doctor::{Diagnose, Finding, Profile, Report};
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::platform::{KeyNames, clock};
use upload_grant_runtime::vendor::post_policy::{self, PostPolicy};

use crate::Dashscope;

const KEY: KeyNames = KeyNames { id: "DASHSCOPE_API_KEY", secret: "DASHSCOPE_API_KEY", token: &[] };

impl Diagnose for Dashscope {
    fn profile(&self) -> Profile {
        Profile {
            endpoints: vec![("DASHSCOPE_ENDPOINT", self.forms.source().endpoint.clone())],
            permission: "an API key of a workspace that may call the model, of the Beijing region",
            product: "activate Model Studio in the console of the account that {id} belongs to",
            codes: vec![
                (
                    "InvalidApiKey",
                    "the key in {id} is not one of this region: copy it again, or make another",
                ),
                ("ModelNotFound", "DASHSCOPE_MODEL is no model of this region: check its spelling"),
                ("Model.AccessDenied", "the workspace of {id} may not call DASHSCOPE_MODEL: allow it there"),
                ("Arrearage", "the account of {id} is overdue: pay what is open"),
            ],
            // The form's maximum is the vendor's, whatever size is asked for.
            exact_size: false,
            keys: Some(KEY),
            ..Profile::default()
        }
    }

    async fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        report: &mut Report,
    ) -> Result<(), Problem> {
        let call = self.forms.source().get_policy(cx, upload.required("model"), upload.deadline);
        let (data, _) = report.call(call).await?;
        let overwrite = match data.text("x_oss_forbid_overwrite") {
            Some(value) => format!("x_oss_forbid_overwrite is {value}"),
            None => "no x_oss_forbid_overwrite".to_owned(),
        };
        report.add(match PostPolicy::read(data.policy.expose()) {
            Some(read) => {
                let left = read.expires_at.unix() - cx.vendor.to_vendor_time(clock::now()).unix();
                let conditions = post_policy::conditions(data.policy.expose()).join(", ");
                let seen = format!("the form lasts {left} s; it binds: {conditions}; {overwrite}");
                Finding::info("dashscope.policy", "read", seen)
            }
            None => Finding::fail(
                "dashscope.policy",
                "unreadable",
                "the form's policy lacks conditions or an end",
                "check DASHSCOPE_ENDPOINT: another service may answer there; else report it",
            ),
        });
        Ok(())
    }
}
