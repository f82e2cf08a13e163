//! What the doctor must know of LKE, and what only a live answer of it tells.

use serde_json::json;
use upload_grant::model::grant::{Grant, OrderedMap};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;
use upload_grant::sign::cos;
use upload_grant::wire::encode;
use upload_grant_runtime::cli::doctor::{Diagnose, Finding, Profile, Report, seen};
use upload_grant_runtime::flow::{Context, UploadRequest};
use upload_grant_runtime::platform::clock;
use upload_grant_runtime::transfer::{self, Body};
use upload_grant_runtime::vendor::Reply;

use crate::Lke;
use crate::answer::UsableKeys;
use crate::credential::Place;
use crate::grants::{cos_key, presign_put};

const CODES: [(&str, &str); 13] = [
    ("AuthFailure.SignatureFailure", "{secret} is not the secret of {id}: copy both again"),
    ("AuthFailure.SecretIdNotFound", "the key in {id} does not exist or is disabled"),
    ("AuthFailure.InvalidSecretId", "the key in {id} is none of Tencent Cloud's; {id} wants the SecretId"),
    ("AuthFailure.TokenFailure", "the temporary key in {id} has ended, or its token is another key's"),
    ("IpInBlacklist", "this machine's address is on the key's deny-list (console: CAM, access restrictions)"),
    (
        "IpNotInWhitelist",
        "this machine's address is not on the key's allow-list (console: CAM, access restrictions)",
    ),
    ("UnsupportedRegion", "set LKE_REGION; in China LKE_ENDPOINT too"),
    ("NoSuchVersion", "the endpoint does not know this version: see lke.other-api"),
    ("InvalidAction", "the endpoint does not know this call: see lke.other-api"),
    ("InvalidParameter", "check LKE_BOT_BIZ_ID: the application's id, digits only"),
    ("MissingParameter", "check LKE_BOT_BIZ_ID: the application's id, digits only"),
    ("FailedOperation", "check that LKE_BOT_BIZ_ID is an application that the account of {id} has access to"),
    (
        "ResourceNotFound",
        "check that LKE_BOT_BIZ_ID is an application that the account of {id} has access to",
    ),
];

impl Diagnose for Lke {
    fn profile(&self) -> Profile {
        let mut endpoints = vec![("LKE_ENDPOINT", self.gateway.endpoint.clone())];
        endpoints.extend(self.documents.iter().map(|endpoint| ("LKE_DOC_ENDPOINT", endpoint.clone())));
        Profile {
            endpoints,
            permission: "CAM action `lke:DescribeStorageCredential`, and access to the application inside the vendor's console",
            product: "activate LKE in the console of the account that {id} belongs to",
            codes: CODES.to_vec(),
            ..Profile::default()
        }
    }

    async fn diagnose(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        report: &mut Report,
    ) -> Result<(), Problem> {
        let answer = match report.call(self.describe(cx, upload)).await {
            Err(problem) => {
                self.try_other_api(cx, upload, &problem, report).await;
                return Err(problem);
            }
            answer => answer?,
        };
        let url = answer.upload_url.as_deref().is_some_and(|url| !url.is_empty());
        let (code, came) = match (answer.usable_keys().is_some(), url) {
            (true, false) => ("credentials", "Credentials, no UploadUrl"),
            (true, true) => ("both", "Credentials and UploadUrl"),
            (false, true) => ("upload_url", "UploadUrl, no usable Credentials"),
            (false, false) => ("neither", "neither Credentials nor UploadUrl"),
        };
        let left = answer.expired_time.unwrap_or_default() - cx.vendor.to_vendor_time(clock::now()).unix();
        report.add(Finding::info("lke.answer", code, format!("{came}; they last {left} s")));
        let path = answer.upload_path.clone().unwrap_or_default();
        let place = match self.place(cx, &answer, &path, upload) {
            Ok(place) => place,
            Err(problem) => {
                let advice = "report it, with the vendor's request id";
                report.add(Finding::fail("lke.place", problem.code.as_str(), seen(&problem), advice));
                return Ok(());
            }
        };
        match answer.usable_keys() {
            Some(keys) if report.uploads() => {
                let outcome = send(cx, upload, &form(cx, upload, &place, keys)).await;
                report_outcome(report, &place, "lke.post-object", "a POST form", &outcome);
                let outcome = send(cx, upload, &with_acl(cx, upload, &place, keys)).await;
                report_outcome(report, &place, "lke.acl", "a PUT with x-cos-acl: default", &outcome);
            }
            Some(_) => {
                report.add(Finding::skipped("lke.post-object", "--no-upload"));
                report.add(Finding::skipped("lke.acl", "--no-upload"));
            }
            None => report.add(Finding::skipped("lke.post-object", "the vendor sent no keys")),
        }
        Ok(())
    }
}

impl Lke {
    /// The vendor has two APIs for this call, and moves from one to the other.
    async fn try_other_api(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        refused: &Problem,
        report: &mut Report,
    ) {
        let refusals = [Code::VendorRejected, Code::VendorAuthFailed, Code::VendorBadResponse];
        if !refusals.contains(&refused.code) {
            return;
        }
        let other = self.gateway.api.other();
        let endpoint = other.endpoint_at(&self.gateway.endpoint);
        let line = match self.describe_by(cx, upload, other).await {
            Ok(_) => Finding::warn(
                "lke.other-api",
                "works",
                format!("{} is refused, {} works", self.gateway.api.version(), other.version()),
                format!("set LKE_API={} and LKE_ENDPOINT={endpoint}", other.version()),
            ),
            Err(problem) => Finding::info(
                "lke.other-api",
                "refused",
                format!("{} at {endpoint} does not work either: {}", other.version(), seen(&problem)),
            ),
        };
        report.add(line);
    }
}

/// PostObject, which COS grants apart from PutObject.
/// <https://cloud.tencent.com/document/product/436/14690>
fn form(cx: &Context, upload: &UploadRequest, place: &Place, keys: UsableKeys<'_>) -> Grant {
    let end = cx.vendor.to_vendor_time(upload.expires_at(cx, place.expires_at));
    let key = cos_key(cx, upload, place, keys);
    let policy = json!({ "expiration": end, "conditions": [
        { "q-sign-algorithm": "sha1" }, { "q-ak": keys.id }, { "q-sign-time": key.time() },
        { "bucket": place.bucket.name }, { "key": place.key },
    ]})
    .to_string();
    let mut fields = OrderedMap::new([
        ("key", &*place.key),
        ("policy", &*encode::base64(policy.as_bytes())),
        ("q-sign-algorithm", "sha1"),
        ("q-ak", keys.id),
        ("q-key-time", key.time()),
        ("q-signature", &*cos::form_signature(&key, &policy)),
        (cos::TOKEN, keys.token.expose()),
    ]);
    fields.push("success_action_status", "200");
    let upload = UploadRequest { mode: Mode::Form, ..upload.clone() };
    let url = format!("{}/", place.bucket.base());
    let mut grant = upload.grant::<Lke>(url, place.key.clone(), place.expires_at, upload.limits(&[]));
    grant.fields = Some(fields);
    grant.file_field = Some("file");
    grant
}

/// A PUT that names the bucket's own ACL: what the keys say about ACLs shows, and nothing changes.
fn with_acl(cx: &Context, upload: &UploadRequest, place: &Place, keys: UsableKeys<'_>) -> Grant {
    let url = presign_put(cx, upload, place, keys, vec![("x-cos-acl", "default")]);
    let mut grant = upload.grant::<Lke>(url, place.key.clone(), place.expires_at, upload.limits(&[]));
    grant.headers = OrderedMap::new([("x-cos-acl", "default")]);
    grant
}

async fn send(cx: &Context, upload: &UploadRequest, grant: &Grant) -> Result<Reply, Problem> {
    let body = Body::whole(Profile::default().bytes.into());
    Ok(transfer::exchange(cx.vendor.client(), grant, upload.deadline, body).await?.0)
}

fn report_outcome(
    report: &mut Report,
    place: &Place,
    check: &str,
    what: &str,
    outcome: &Result<Reply, Problem>,
) {
    let line = match outcome {
        Ok(reply) if reply.is_success() => {
            report.left(place.key.as_str());
            Finding::info(check, "allowed", format!("{what}: allowed (HTTP {})", reply.status))
        }
        Ok(reply) if reply.status == 403 => {
            Finding::info(check, "refused", format!("{what}: not allowed (HTTP 403)"))
        }
        Ok(reply) => Finding::info(check, "unclear", format!("{what}: HTTP {}", reply.status)),
        Err(problem) => Finding::info(check, "unclear", format!("{what}: {}", seen(problem))),
    };
    report.add(line);
}
