//! Alibaba Cloud tickets (Workorder): attachments of support tickets.
//!
//! `getOSSTempAuthor` answers an OSS form that the vendor signed itself; we hold no key to it, so nothing in it
//! can be tightened: its policy is read, and told. Its successor `GetAttachmentUploadUrl` answers a signed URL.
//! <https://www.alibabacloud.com/help/en/doc-detail/143232.htm>

mod doctor;
mod policy;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;
use upload_grant::cache::{Cache, Perishable};
use upload_grant::clock;
use upload_grant::config::{Env, KeyRing};
use upload_grant::doctor::{Chart, Report};
use upload_grant::encode;
use upload_grant::flow::{Ask, Bound, Context, Flow};
use upload_grant::grant::{Enforced, Grant, Object, Pairs};
use upload_grant::media::{Others, Types};
use upload_grant::problem::{Code, Problem};
use upload_grant::receipt::{Handoff, Receipt};
use upload_grant::request::Mode;
use upload_grant::secret::{self, Secret};
use upload_grant::sign::rpc_v1;
use upload_grant::storage::{self, Bucket};
use upload_grant::time::Timestamp;
use upload_grant::vendor::alibaba::{self, member, text};
use upload_grant::vendor::{Attempt, Outgoing, Refusal, Reply, Why};

use crate::policy::Policy;

/// As the vendor's own client sends it.
const FORM_ACTION: &str = "GetOSSTempAuthor";
/// As the vendor's page spells it, for a gateway that minds.
const DOCUMENTED_ACTION: &str = "getOSSTempAuthor";
const FORM_VERSION: &str = "2016-08-30";
const URL_ACTION: &str = "GetAttachmentUploadUrl";
const URL_VERSION: &str = "2021-06-10";
const FORM_BODY: &str = "application/x-www-form-urlencoded";
/// The longest object key OSS takes, in bytes.
const MAX_KEY: usize = 1023;

/// The flow's settings and cached form.
pub struct Workorder {
    keys: KeyRing,
    endpoint: String,
    /// `GetAttachmentUploadUrl` instead of `getOSSTempAuthor`.
    successor: bool,
    /// ACS3 instead of the old RPC signature, for `getOSSTempAuthor`.
    v3: bool,
    oss_endpoint: Option<String>,
    forms: Cache<Form>,
}

/// A form as the vendor signed it, good for any key under its prefix.
#[derive(Serialize, Deserialize)]
struct Form {
    url: String,
    bucket: Bucket,
    access_id: String,
    #[serde(serialize_with = "secret::exposed")]
    policy: Secret,
    #[serde(serialize_with = "secret::exposed")]
    signature: Secret,
    limits: Policy,
    issued_at: Timestamp,
}

impl Perishable for Form {
    fn life(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.limits.expires_at)
    }
}

impl Flow for Workorder {
    const NAME: &'static str = "alibaba-workorder";
    const TYPES: Types = Types { listed: &[], others: Others::Taken { max_bytes: 2 * 1024 * 1024 } };
    const PARAMS: &'static [&'static str] = &[];
    const QUOTA: Option<f64> = None;
    const COLLECT: &'static [&'static str] = &["etag", "x-oss-hash-crc64ecma"];

    fn configure(env: &mut Env) -> Self {
        Self {
            keys: alibaba::keys(env),
            endpoint: env.endpoint("WORKORDER_ENDPOINT", "https://workorder.aliyuncs.com"),
            successor: env.choice("WORKORDER_API", &[FORM_VERSION, URL_VERSION]) == URL_VERSION,
            v3: env.choice("WORKORDER_SIGNATURE", &["v1", "v3"]) == "v3",
            oss_endpoint: env.optional_endpoint("OSS_ENDPOINT"),
            forms: Cache::new("form"),
        }
    }

    fn modes(&self) -> &'static [Mode] {
        if self.successor { &[Mode::Put, Mode::Relay] } else { &[Mode::Form, Mode::Relay] }
    }

    fn key_ring(&self) -> Option<&KeyRing> {
        Some(&self.keys)
    }

    fn defaults(&self) -> Map<String, Value> {
        Map::new()
    }

    async fn grant(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask) -> Result<Grant, Problem> {
        if self.successor { self.put(cx, ask).await } else { self.form(cx, ask).await }
    }

    fn chart(&self) -> Chart {
        doctor::chart(self)
    }

    async fn examine(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
        report: &mut Report,
    ) -> Result<(), Problem> {
        doctor::examine(self, cx, ask, report).await
    }

    fn handoff(&self, receipt: &Receipt, _: &Bound<'_>) -> Option<Handoff> {
        let attachment = receipt.vendor.get("attachment").cloned().unwrap_or(Value::Null);
        Some(if self.successor {
            Handoff::new(["CreateTicket", "ReplyTicket"], [("FileNameList", attachment)])
        } else {
            Handoff::new(["Add", "QuestionReply"], [("attachments", attachment)])
        })
    }
}

impl Workorder {
    /// A grant under the vendor's form, which serves several files while it lasts.
    async fn form(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask) -> Result<Grant, Problem> {
        let (flow, context) = (self.clone(), cx.clone());
        let fetch = move |deadline| async move { flow.authorize(&context, deadline).await }.boxed();
        let form = self.forms.get(cx, ask, "", Box::new(fetch)).await?;
        let directory = form.limits.key_prefix.trim_end_matches('/');
        let key = format!("{directory}/{}", ask.object_name());
        storage::check_key(&key, MAX_KEY)?;
        let mut limits = ask.limits(&[Enforced::Size, Enforced::Expiry]);
        if ask.size.is_some_and(|size| size > form.limits.max_bytes) {
            let detail = format!("the vendor's form takes {} bytes at most", form.limits.max_bytes);
            return Err(Problem::at(Code::TooLarge, "/size", detail));
        }
        limits.max_bytes = limits.max_bytes.min(form.limits.max_bytes);
        let mut grant = ask.grant::<Self>(form.url.clone(), key, form.limits.expires_at, limits);
        let mut fields = Pairs::new([
            ("key", &*grant.key),
            ("OSSAccessKeyId", &*form.access_id),
            ("policy", form.policy.expose()),
            ("Signature", form.signature.expose()),
            ("success_action_status", "200"),
        ]);
        fields.push("x-oss-content-type", ask.content_type.as_str());
        grant.fields = Some(fields);
        grant.file_field = Some("file");
        grant.object = Some(object(&form.bucket, &grant.key));
        grant.vendor.insert("attachment".into(), grant.key.as_str().into());
        Ok(grant)
    }

    async fn authorize(&self, cx: &Context, deadline: Instant) -> Result<Form, Problem> {
        let now = clock::now();
        let (data, _) = self.answer(cx, deadline).await?;
        self.read(cx, &data, now)
    }

    /// The vendor's `data`, and the spelling of the action that it takes.
    async fn answer(&self, cx: &Context, deadline: Instant) -> Result<(Value, &'static str), Problem> {
        match self.call_form(cx, FORM_ACTION, deadline).await {
            Err(problem) if is_unknown_action(&problem) => {
                Ok((self.call_form(cx, DOCUMENTED_ACTION, deadline).await?, DOCUMENTED_ACTION))
            }
            answer => Ok((answer?, FORM_ACTION)),
        }
    }

    async fn call_form(&self, cx: &Context, action: &str, deadline: Instant) -> Result<Value, Problem> {
        let sign = |attempt: &Attempt| self.sign(attempt, action);
        cx.vendor.call(deadline, sign, |reply| data(reply, "200")).await
    }

    /// The old API is only ever called with the RPC signature by the vendor's own client; ACS3 is a choice.
    fn sign(&self, attempt: &Attempt, action: &str) -> Outgoing {
        if self.v3 {
            let call = self.call(action, FORM_VERSION, None);
            return call.sign(&self.keys.get(), attempt);
        }
        let keys = self.keys.get();
        let call = rpc_v1::Call {
            method: "POST",
            action,
            version: FORM_VERSION,
            params: &[],
            access_key_id: &keys.id,
            token: keys.token.as_ref().map(Secret::expose),
            nonce: &attempt.nonce,
        };
        let body = rpc_v1::form(&rpc_v1::key(&keys.secret), &call, attempt.at);
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/", self.endpoint),
            headers: vec![("content-type".into(), FORM_BODY.into())],
            body: Bytes::from(body),
        }
    }

    fn call<'a>(
        &'a self,
        action: &'a str,
        version: &'a str,
        body: Option<(&'a str, &'a [u8])>,
    ) -> alibaba::Call<'a> {
        alibaba::Call { endpoint: &self.endpoint, action, version, path: "/", query: "", body }
    }

    /// Normalizes `data{accessId, policy, signature, dir, host, expire}`; the policy is the authority.
    fn read(&self, cx: &Context, data: &Value, now: Timestamp) -> Result<Form, Problem> {
        let need = |name: &str| {
            text(data, name).filter(|value| !value.is_empty()).ok_or_else(|| bad(&format!("no {name}")))
        };
        let policy = need("Policy")?;
        let host = need("Host")?;
        let host = storage::bare_host(&host, "");
        let (name, store) = host.split_once('.').ok_or_else(|| bad("no bucket in its host"))?;
        let bucket = Bucket::new(name, store, "aliyuncs.com", self.oss_endpoint.as_deref())?;
        let mut limits = Policy::read(&policy).ok_or_else(|| bad("an unreadable policy"))?;
        limits.expires_at = cx.vendor.by_our_clock(limits.expires_at);
        if limits.expires_at <= now {
            return Err(bad("an expired policy"));
        }
        Ok(Form {
            url: format!("{}/", bucket.base()),
            bucket,
            access_id: need("AccessId")?,
            policy: policy.into(),
            signature: need("Signature")?.into(),
            limits,
            issued_at: now,
        })
    }

    /// A grant under the vendor's signed URL, one call per file.
    async fn put(&self, cx: &Context, ask: &Ask) -> Result<Grant, Problem> {
        let name = ask.object_name();
        let body = encode::query(&[("FileName", &name)]);
        let call = self.call(URL_ACTION, URL_VERSION, Some((FORM_BODY, body.as_bytes())));
        let sign = |attempt: &Attempt| call.sign(&self.keys.get(), attempt);
        let data = cx.vendor.call(ask.deadline, sign, |reply| data(reply, "0")).await?;
        // The vendor's samples have stray white space in the middle of the URL.
        let signed: String = text(&data, "PutSignedUrl").unwrap_or_default().split_whitespace().collect();
        let key = text(&data, "ObjectKey").unwrap_or_default();
        storage::check_key(&key, MAX_KEY)?;
        let (address, query) = signed.split_once('?').ok_or_else(|| bad("no signed URL"))?;
        let host = storage::bare_host(address, "");
        let (bucket, store) = host.split_once('.').ok_or_else(|| bad("no bucket in its URL"))?;
        let bucket = Bucket::new(bucket, store, "aliyuncs.com", self.oss_endpoint.as_deref())?;
        let end = url_expiry(query).map(|end| cx.vendor.by_our_clock(end));
        let expires_at = end.filter(|end| *end > ask.now).ok_or_else(|| bad("no expiry in its URL"))?;
        let url = format!("{}?{query}", bucket.location(&key));
        let limits = ask.limits(&[Enforced::Key, Enforced::Expiry]);
        let mut grant = ask.grant::<Self>(url, key, expires_at, limits);
        // V1 signs the content type, and the vendor signed this one.
        grant.headers = Pairs::new([("Content-Type", "application/octet-stream")]);
        grant.object = Some(object(&bucket, &grant.key));
        grant.vendor.insert("attachment".into(), grant.key.as_str().into());
        Ok(grant)
    }
}

/// The payload of a success: `Success` true and `Code` as documented, in whatever case and type they come.
fn data(reply: &Reply, good_code: &str) -> Result<Value, Refusal> {
    let document = alibaba::document(reply)?;
    let request_id = text(&document, "RequestId");
    let code = text(&document, "Code");
    let success = text(&document, "Success");
    let failed = success.as_deref().is_some_and(|success| !success.eq_ignore_ascii_case("true"));
    let good = code
        .as_deref()
        .is_none_or(|code| code == good_code || code == "200" || code.eq_ignore_ascii_case("ok"));
    if failed || !good {
        let code = code.as_deref().unwrap_or_default();
        return Err(alibaba::refusal(reply, code, request_id.as_deref()));
    }
    let data = member(&document, "Data").filter(|data| data.is_object()).cloned();
    data.ok_or_else(|| Refusal::new(Why::BadResponse, reply, None, request_id.as_deref()))
}

fn is_unknown_action(problem: &Problem) -> bool {
    let code = problem.vendor.as_ref().and_then(|vendor| vendor.code.as_deref());
    matches!(code, Some("InvalidAction.NotFound" | "InvalidApi.NotFound"))
}

/// `Expires` of a V1 signed URL: Unix seconds.
fn url_expiry(query: &str) -> Option<Timestamp> {
    let expires = query.split('&').find_map(|pair| pair.strip_prefix("Expires="))?;
    expires.parse().ok().map(Timestamp::from_unix)
}

fn object(bucket: &Bucket, key: &str) -> Object {
    let store = storage::authority(&bucket.endpoint);
    let region = store.strip_prefix("oss-").and_then(|rest| rest.strip_suffix(".aliyuncs.com"));
    Object {
        bucket: bucket.name.clone(),
        region: region.unwrap_or_default().to_owned(),
        endpoint: bucket.endpoint.clone(),
        location: bucket.location(key),
    }
}

fn bad(what: &str) -> Problem {
    Problem::new(Code::VendorBadResponse, format!("the vendor's answer has {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_urls_own_end_is_read() {
        let query = "Expires=1629350400&OSSAccessKeyId=x&Signature=y";
        assert_eq!(url_expiry(query), Some(Timestamp::from_unix(1_629_350_400)));
        assert_eq!(url_expiry("OSSAccessKeyId=x"), None);
    }
}
