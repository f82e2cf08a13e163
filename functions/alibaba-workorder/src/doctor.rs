//! What the doctor must know of the ticket service, and what only a live answer of it tells.

use upload_grant::clock;
use upload_grant::doctor::{Chart, Line, Report};
use upload_grant::flow::{Ask, Context};
use upload_grant::problem::Problem;
use upload_grant::vendor::alibaba::{self, text};

use crate::{FORM_VERSION, URL_VERSION, Workorder, policy};

pub(crate) fn chart(flow: &Workorder) -> Chart {
    let mut codes = vec![
        ("ILLEGAL_AUTH", NOT_ENABLED),
        ("-121", NOT_ENABLED),
        ("InvalidVersion", "the endpoint does not know this version: try the other WORKORDER_API"),
        ("InvalidAction", "the endpoint does not know this call: try the other WORKORDER_API"),
        ("InvalidApi", "the endpoint does not know this call: try the other WORKORDER_API"),
    ];
    codes.extend(alibaba::KEY_CODES);
    Chart {
        endpoints: vec![("WORKORDER_ENDPOINT", flow.endpoint.clone())],
        permission: "the system policy `AliyunSupportFullAccess`, and the 2016 API enabled for the account",
        product: "have Alibaba Cloud enable the ticket API for the account that {id} belongs to",
        codes,
        // The form's maximum is the vendor's, whatever size is asked for.
        exact_size: false,
        ..Chart::default()
    }
}

const NOT_ENABLED: &str = "the 2016 API must be enabled for the account, and the key in {id} needs the system \
                           policy `AliyunSupportFullAccess`; or set WORKORDER_API=2021-06-10";

pub(crate) async fn examine(
    flow: &Workorder,
    cx: &Context,
    ask: &Ask,
    report: &mut Report,
) -> Result<(), Problem> {
    if flow.successor {
        return examine_url(flow, cx, ask, report).await;
    }
    let (data, action) = report.call(flow.answer(cx, ask.deadline)).await?;
    let scheme = if flow.v3 { "v3" } else { "v1" };
    let case = if data.get("policy").is_some() { "data in camelCase" } else { "data in PascalCase" };
    let seen = format!("{FORM_VERSION} takes {action}, signature {scheme}; {case}");
    report.add(Line::info("workorder.api", "form", seen));
    let encoded = text(&data, "Policy").unwrap_or_default();
    match policy::Policy::read(&encoded) {
        Some(read) => {
            let left = read.expires_at.unix() - cx.vendor.corrected(clock::now()).unix();
            let bound = policy::conditions(&encoded).join(", ");
            let seen =
                format!("the form lasts {left} s, {} bytes at most; it binds: {bound}", read.max_bytes);
            report.add(Line::info("workorder.policy", "read", seen));
        }
        None => report.add(Line::fail(
            "workorder.policy",
            "unreadable",
            "the form's policy lacks expiry, size range or key prefix",
            "try WORKORDER_API=2021-06-10, and report it",
        )),
    }
    Ok(())
}

async fn examine_url(flow: &Workorder, cx: &Context, ask: &Ask, report: &mut Report) -> Result<(), Problem> {
    let grant = report.call(flow.put(cx, ask)).await?;
    let version = if grant.url.contains("x-oss-signature-version=") { "V4" } else { "V1" };
    let seen = format!("{URL_VERSION}: a URL with a {version} signature, which lasts {} s", grant.expires);
    report.add(Line::info("workorder.api", "url", seen));
    Ok(())
}
