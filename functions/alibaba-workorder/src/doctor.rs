//! What the doctor must know of the ticket service, and what only a live answer of it tells.

use upload_grant::model::problem::Problem;
use upload_grant_runtime::cli::doctor::{Diagnose, Finding, Profile, Report, seen as seen_of};
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::platform::clock;
use upload_grant_runtime::transfer::{self, Body};
use upload_grant_runtime::vendor::alibaba::{self, text};
use upload_grant_runtime::vendor::post_policy::{self, PostPolicy};

use crate::form_2016::{self, FormApi};
use crate::url_2021::UrlApi;
use crate::{Workorder, url_2021};

impl Diagnose for Workorder {
    fn profile(&self) -> Profile {
        let mut codes = vec![
            ("ILLEGAL_AUTH", NOT_ENABLED),
            ("-121", NOT_ENABLED),
            ("InvalidVersion", "the endpoint does not know this version: try the other WORKORDER_API"),
            ("InvalidAction", "the endpoint does not know this call: try the other WORKORDER_API"),
            ("InvalidApi", "the endpoint does not know this call: try the other WORKORDER_API"),
        ];
        codes.extend(alibaba::KEY_CODES);
        Profile {
            endpoints: vec![("WORKORDER_ENDPOINT", self.endpoint().to_owned())],
            permission: "the system policy `AliyunSupportFullAccess`, and the 2016 API enabled for the account",
            product: "have Alibaba Cloud enable the ticket API for the account that {id} belongs to",
            codes,
            // The form's maximum is the vendor's, whatever size is asked for.
            exact_size: false,
            ..Profile::default()
        }
    }

    async fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        report: &mut Report,
    ) -> Result<(), Problem> {
        match self {
            Self::Form2016(forms) => examine_form(forms.source(), cx, upload, report).await,
            Self::Url2021(api) => examine_url(api, cx, upload, report).await,
        }
    }
}

impl Workorder {
    fn endpoint(&self) -> &str {
        match self {
            Self::Form2016(forms) => &forms.source().endpoint,
            Self::Url2021(api) => &api.endpoint,
        }
    }
}

const NOT_ENABLED: &str = "the 2016 API must be enabled for the account, and the key in {id} needs the system \
                           policy `AliyunSupportFullAccess`; or set WORKORDER_API=2021-06-10";

async fn examine_form(
    api: &FormApi,
    cx: &Context,
    upload: &UploadRequest,
    report: &mut Report,
) -> Result<(), Problem> {
    let (data, action) = report.call(api.answer(cx, upload.deadline)).await?;
    let scheme = if api.signs_v3 { "v3" } else { "v1" };
    let case = if data.get("policy").is_some() { "data in camelCase" } else { "data in PascalCase" };
    let seen = format!("{} takes {action}, signature {scheme}; {case}", form_2016::VERSION);
    report.add(Finding::info("workorder.api", "form", seen));
    let encoded = text(&data, "Policy").unwrap_or_default();
    match PostPolicy::read(&encoded) {
        Some(read) => {
            let most = read.max_bytes.map_or("any number of".to_owned(), |most| most.to_string());
            let left = read.expires_at.unix() - cx.vendor.to_vendor_time(clock::now()).unix();
            let conditions = post_policy::conditions(&encoded).join(", ");
            let seen = format!("the form lasts {left} s, {most} bytes at most; it binds: {conditions}");
            report.add(Finding::info("workorder.policy", "read", seen));
        }
        None => report.add(Finding::fail(
            "workorder.policy",
            "unreadable",
            "the form's policy lacks conditions or an end",
            "try WORKORDER_API=2021-06-10, and report it",
        )),
    }
    Ok(())
}

async fn examine_url(
    api: &UrlApi,
    cx: &Context,
    upload: &UploadRequest,
    report: &mut Report,
) -> Result<(), Problem> {
    let (grant, read_back) = report.call(api.urls(cx, upload)).await?;
    let version = if grant.url.contains("x-oss-signature-version=") { "V4" } else { "V1" };
    let seen =
        format!("{}: a URL with a {version} signature, which lasts {} s", url_2021::VERSION, grant.expires);
    report.add(Finding::info("workorder.api", "url", seen));
    let check = "workorder.read-back";
    if !report.uploads() {
        report.add(Finding::skipped(check, "--no-upload"));
        return Ok(());
    }
    let Some(read_back) = read_back else {
        report.add(Finding::info(check, "no_url", "the vendor sent no GetSignedUrl of this file"));
        return Ok(());
    };
    let bytes = Profile::default().bytes;
    let sent =
        transfer::send(cx.vendor.client(), &grant, upload.deadline, Body::whole(bytes.clone().into())).await;
    if let Err(problem) = sent {
        report.add(Finding::fail(check, problem.code.as_str(), seen_of(&problem), "see put.upload below"));
        return Ok(());
    }
    report.left(grant.key.as_str());
    report.add(match transfer::fetch(cx.vendor.client(), &read_back, upload.deadline).await {
        Ok(reply) if reply.is_success() && reply.body == bytes => {
            Finding::ok(check, "GetSignedUrl gives the same bytes")
        }
        Ok(reply) if reply.is_success() => Finding::fail(
            check,
            "other_bytes",
            "GetSignedUrl gives other bytes than were sent",
            "something on the way changes the bytes: a proxy, perhaps",
        ),
        Ok(reply) => Finding::info(check, "refused", format!("GetSignedUrl: HTTP {}", reply.status)),
        Err(problem) => Finding::info(check, "unclear", format!("GetSignedUrl: {}", seen_of(&problem))),
    });
    Ok(())
}
