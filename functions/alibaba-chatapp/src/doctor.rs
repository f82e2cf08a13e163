//! What the doctor must know of CAMS, and what only a live answer of it tells.

use serde_json::Value;
use upload_grant::model::problem::Problem;
use upload_grant_runtime::cli::doctor::{Diagnose, Finding, Profile, Report};
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::platform::clock;
use upload_grant_runtime::vendor::alibaba::{self, text};
use upload_grant_runtime::vendor::bucket;

use crate::Chatapp;
use crate::cams::{Cams, ExpireUnit, expiry};
use crate::endpoint::{public_host, region_of};

impl Diagnose for Chatapp {
    fn profile(&self) -> Profile {
        let mut codes = vec![("Unknown.ResourceOwnerId", "CAMS_CUST_SPACE_ID is no space of this account")];
        codes.extend(alibaba::KEY_CODES);
        Profile {
            endpoints: vec![("CAMS_ENDPOINT", self.sts.source().endpoint.clone())],
            permission: "RAM action `cams:GetChatappUploadAuthorization` on `*`",
            product: "subscribe Chat App Message Service in the console of the account that {id} belongs to",
            codes,
            fetched: true,
            ..Profile::default()
        }
    }

    async fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        report: &mut Report,
    ) -> Result<(), Problem> {
        let api = self.sts.source();
        let space = upload.required("cust_space_id");
        let (data, _) = report.call(api.authorize(cx, space, upload.deadline)).await?;
        report.add(endpoint(api, &data));
        report.add(expire(&data));
        Ok(())
    }
}

/// The form of `EndPoint`, and whether a region can be read off it.
fn endpoint(api: &Cams, data: &Value) -> Finding {
    let endpoint = text(data, "EndPoint").unwrap_or_default();
    let scheme = endpoint
        .split_once("://")
        .map_or("no scheme", |(scheme, _)| if scheme == "https" { "https" } else { "http" });
    let host = bucket::bare_host(&endpoint, &text(data, "BucketName").unwrap_or_default());
    let public = public_host(&host);
    let shown =
        if bucket::is_under(&host, bucket::OSS_DOMAIN) { &*host } else { "a host outside aliyuncs.com" };
    let seen = format!("EndPoint is {shown}, {scheme}");
    match (region_of(&public), &api.oss_region) {
        (Some(region), _) if public == host => {
            Finding::info("cams.endpoint", "region", format!("{seen}; region {region}"))
        }
        (Some(region), _) => {
            Finding::info("cams.endpoint", "internal", format!("{seen}; used: {public}, region {region}"))
        }
        (None, Some(region)) => {
            Finding::info("cams.endpoint", "no_region", format!("{seen}; region {region} by OSS_REGION"))
        }
        (None, None) => Finding::fail(
            "cams.endpoint",
            "no_region",
            format!("{seen}; no region in it"),
            "set OSS_REGION to the bucket's region, like ap-southeast-1",
        ),
    }
}

/// The unit of `Expire`.
fn expire(data: &Value) -> Finding {
    let now = clock::now();
    let expire: Option<i64> = text(data, "Expire").and_then(|expire| expire.parse().ok());
    let (code, unit) = match expire.map(ExpireUnit::of) {
        Some(ExpireUnit::UnixMillis) => ("milliseconds", "an instant in milliseconds"),
        Some(ExpireUnit::UnixSeconds) => ("seconds", "an instant in seconds"),
        Some(ExpireUnit::Duration) | None => ("duration", "a duration in seconds"),
    };
    let left = expire.map(|expire| expiry(now, expire).unix() - now.unix()).unwrap_or_default();
    Finding::info("cams.expire", code, format!("Expire is {unit}: the keys last {left} s"))
}
