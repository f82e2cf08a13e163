//! `getOSSTempAuthor`, 2016-08-30: a form that the vendor signed, good for any key in its directory.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use upload_grant::model::grant::{Grant, OrderedMap};
use upload_grant::model::problem::Problem;
use upload_grant::sign::rpc_v1;
use upload_grant::wire::secret::{self, Secret};
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Account, Cached, Context, Expires, Fetch, UploadRequest};
use upload_grant_runtime::platform::{KeyRing, clock};
use upload_grant_runtime::vendor::alibaba::{self, text};
use upload_grant_runtime::vendor::bucket::{self, Bucket, OSS_DOMAIN, OSS_MAX_KEY};
use upload_grant_runtime::vendor::post_policy::{self, KeyRule, PostPolicy};
use upload_grant_runtime::vendor::{Attempt, Outgoing, bad_answer};

use crate::reply::data;
use crate::{Workorder, stored_in};

pub(crate) const VERSION: &str = "2016-08-30";
/// As the vendor's own client sends it.
const ACTION: &str = "GetOSSTempAuthor";
/// As the vendor's page spells it, for a gateway that minds the case.
pub(crate) const DOCUMENTED_ACTION: &str = "getOSSTempAuthor";

/// The longest member of the vendor's answer that is passed on; its policies have some 200 bytes.
const MAX_MEMBER: usize = 8192;

/// A client of the first API.
pub struct FormApi {
    pub(crate) keys: KeyRing,
    pub(crate) endpoint: String,
    /// ACS3 instead of the old RPC signature, the only one that the vendor's own client uses here.
    pub(crate) signs_v3: bool,
    pub(crate) oss_endpoint: Option<String>,
}

/// The form as the vendor signed it.
#[derive(Serialize, Deserialize)]
pub struct Form {
    url: String,
    bucket: Bucket,
    access_id: String,
    #[serde(serialize_with = "secret::serialize_exposed")]
    policy: Secret,
    #[serde(serialize_with = "secret::serialize_exposed")]
    signature: Secret,
    dir: String,
    bound: PostPolicy,
    issued_at: Timestamp,
}

/// A grant under the vendor's form, which serves several files while it lasts.
pub(crate) async fn grant(
    forms: &Cached<FormApi>,
    cx: &Context,
    upload: &UploadRequest,
) -> Result<Grant, Problem> {
    let mut form = forms.get(cx, &Account, upload.deadline).await?;
    if matches!(form.bound.key, KeyRule::Is(_)) {
        // Good for one key only: a second file would overwrite the first.
        form = Arc::new(forms.source().fetch(cx, &Account, upload.deadline).await?);
    }
    let key = match &form.bound.key {
        KeyRule::Is(only) => only.clone(),
        _ => upload.key_under(&form.dir, OSS_MAX_KEY)?,
    };
    bucket::check_key(&key, OSS_MAX_KEY)?;
    if !form.bound.key.allows(&key) {
        return Err(bad_answer("a policy for another directory than its own"));
    }
    let mut limits = upload.limits(&form.bound.enforced());
    post_policy::narrow(&mut limits, form.bound.max_bytes)?;
    let mut grant = upload.grant::<Workorder>(form.url.clone(), key, form.bound.expires_at, limits);
    let mut fields = OrderedMap::new([
        ("key", &*grant.key),
        ("OSSAccessKeyId", &*form.access_id),
        ("policy", form.policy.expose()),
        ("Signature", form.signature.expose()),
        ("success_action_status", "200"),
    ]);
    fields.push("x-oss-content-type", upload.content_type.as_str());
    grant.fields = Some(fields);
    grant.file_field = Some("file");
    Ok(stored_in(grant, &form.bucket))
}

impl FormApi {
    /// The vendor's `data`, and the spelling of the action that it takes.
    pub(crate) async fn answer(
        &self,
        cx: &Context,
        deadline: Instant,
    ) -> Result<(Value, &'static str), Problem> {
        match self.call(cx, ACTION, deadline).await {
            Err(problem) if is_unknown_action(&problem) => {
                Ok((self.call(cx, DOCUMENTED_ACTION, deadline).await?, DOCUMENTED_ACTION))
            }
            answer => Ok((answer?, ACTION)),
        }
    }

    async fn call(&self, cx: &Context, action: &str, deadline: Instant) -> Result<Value, Problem> {
        let sign = |attempt: &Attempt| self.sign(attempt, action);
        cx.vendor.call(deadline, sign, |reply| data(reply, "200")).await
    }

    fn sign(&self, attempt: &Attempt, action: &str) -> Outgoing {
        let keys = self.keys.get();
        if self.signs_v3 {
            return alibaba::Call::post(&self.endpoint, action, VERSION).sign(&keys, attempt);
        }
        let call = rpc_v1::Call {
            method: "POST",
            action,
            version: VERSION,
            params: &[],
            access_key_id: &keys.id,
            token: keys.token.as_ref().map(Secret::expose),
            nonce: &attempt.nonce,
        };
        let body = rpc_v1::form(&rpc_v1::key(&keys.secret), &call, attempt.at);
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/", self.endpoint),
            headers: vec![("content-type", alibaba::FORM.into())],
            body: Bytes::from(body),
        }
    }

    /// Normalizes `data{accessId, policy, signature, dir, host, expire}`; the policy is the authority.
    fn read(&self, cx: &Context, data: &Value, now: Timestamp) -> Result<Form, Problem> {
        let plain = |value: &String| value.len() <= MAX_MEMBER && !value.chars().any(char::is_control);
        let some = |name: &str| text(data, name).filter(|value| !value.is_empty());
        let need =
            |name: &str| some(name).filter(plain).ok_or_else(|| bad_answer(&format!("no usable {name}")));
        let policy = need("Policy")?;
        let host = need("Host")?;
        let bucket = Bucket::of_host(&host, OSS_DOMAIN, self.oss_endpoint.as_deref())?;
        let mut bound = PostPolicy::read(&policy).ok_or_else(|| bad_answer("an unreadable policy"))?;
        bound.expires_at = cx.vendor.to_local_time(bound.expires_at);
        if bound.expires_at <= now {
            return Err(bad_answer("an expired policy"));
        }
        let dir = match (some("Dir"), &bound.key) {
            (None, KeyRule::StartsWith(prefix)) => prefix.clone(),
            _ => need("Dir")?,
        };
        Ok(Form {
            dir: dir.trim_matches('/').to_owned(),
            url: format!("{}/", bucket.base()),
            bucket,
            access_id: need("AccessId")?,
            policy: policy.into(),
            signature: need("Signature")?.into(),
            bound,
            issued_at: now,
        })
    }
}

impl Fetch for FormApi {
    type Key = Account;
    type Credential = Form;

    async fn fetch(&self, cx: &Context, _: &Account, deadline: Instant) -> Result<Form, Problem> {
        let now = clock::now();
        let (data, _) = self.answer(cx, deadline).await?;
        self.read(cx, &data, now)
    }
}

impl Expires for Form {
    fn lifetime(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.bound.expires_at)
    }
}

fn is_unknown_action(problem: &Problem) -> bool {
    let code = problem.vendor.as_ref().and_then(|vendor| vendor.code.as_deref());
    matches!(code, Some("InvalidAction.NotFound" | "InvalidApi.NotFound"))
}
