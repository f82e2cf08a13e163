//! `GET /api/v1/uploads?action=getPolicy`: request, answer, and what is kept of it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use upload_grant::model::problem::Problem;
use upload_grant::wire::encode;
use upload_grant::wire::secret::{self, Secret};
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Context, Expires, Fetch};
use upload_grant_runtime::platform::{Env, KeyRing, clock};
use upload_grant_runtime::vendor::bucket::{Bucket, OSS_DOMAIN};
use upload_grant_runtime::vendor::post_policy::{KeyRule, PostPolicy};
use upload_grant_runtime::vendor::{self, Attempt, Outgoing, Refusal, RefusalKind, Reply, bad_answer};

/// What a form must carry where the policy binds it or the answer has it: the field, and the answer's member.
const FIELDS: [(&str, &str); 2] =
    [("x-oss-object-acl", "x_oss_object_acl"), ("x-oss-forbid-overwrite", "x_oss_forbid_overwrite")];

/// A client of DashScope.
pub struct Uploads {
    pub(crate) endpoint: String,
    api_key: KeyRing,
    /// The key's fingerprint: identifies the account where the key itself must not appear.
    pub(crate) account: String,
    oss_endpoint: Option<String>,
}

/// The form as the vendor signed it, good for any name in one directory.
#[derive(Serialize, Deserialize)]
pub struct Form {
    pub(crate) bucket: Bucket,
    pub(crate) dir: String,
    pub(crate) access_id: String,
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub(crate) policy: Secret,
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub(crate) signature: Secret,
    pub(crate) bound: PostPolicy,
    pub(crate) bound_fields: Vec<(String, String)>,
    /// Most bytes: the policy's, else what the answer says beside it.
    pub(crate) max_bytes: Option<u64>,
    pub(crate) request_id: Option<String>,
    issued_at: Timestamp,
}

#[derive(Deserialize)]
struct Answer {
    code: Option<String>,
    request_id: Option<String>,
    data: Option<Data>,
}

/// `data` of a success.
#[derive(Deserialize)]
pub(crate) struct Data {
    pub(crate) policy: Secret,
    signature: Secret,
    upload_dir: String,
    upload_host: String,
    oss_access_key_id: String,
    max_file_size_mb: Option<u64>,
    /// Members that come as text or as a boolean, or not at all.
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

impl Data {
    /// A member that is a form field's value.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.others.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }
}

impl Uploads {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        let api_key = env.secret("DASHSCOPE_API_KEY");
        Self {
            endpoint: env.endpoint("DASHSCOPE_ENDPOINT", "https://dashscope.aliyuncs.com"),
            account: encode::digest_hex(&Sha256::digest(api_key.get().secret.expose())[..8]).to_string(),
            api_key,
            oss_endpoint: env.optional_endpoint("OSS_ENDPOINT"),
        }
    }

    /// `data` and request id of the vendor's own answer, uncached.
    pub(crate) async fn get_policy(
        &self,
        cx: &Context,
        model: &str,
        deadline: Instant,
    ) -> Result<(Data, Option<String>), Problem> {
        let query = encode::query(&[("action", "getPolicy"), ("model", model)]);
        let request = |_: &Attempt| Outgoing {
            method: http::Method::GET,
            url: format!("{}/api/v1/uploads?{query}", self.endpoint),
            headers: vec![("authorization", format!("Bearer {}", self.api_key.get().secret.expose()))],
            body: Bytes::new(),
        };
        cx.vendor.call(deadline, request, data).await
    }

    /// Normalizes the vendor's `data`; the policy is the authority.
    fn read(&self, cx: &Context, answer: (Data, Option<String>), now: Timestamp) -> Result<Form, Problem> {
        let (data, request_id) = answer;
        let bucket = Bucket::of_host(&data.upload_host, OSS_DOMAIN, self.oss_endpoint.as_deref())?;
        let mut bound =
            PostPolicy::read(data.policy.expose()).ok_or_else(|| bad_answer("an unreadable policy"))?;
        bound.expires_at = cx.vendor.to_local_time(bound.expires_at);
        // Against the present, not the time of the request: the answer may have taken a while.
        if bound.expires_at <= clock::now() {
            return Err(bad_answer("an expired policy"));
        }
        let dir = match &bound.key {
            KeyRule::StartsWith(prefix) => prefix,
            // A form for one key only could serve one file, and is none of this vendor's.
            KeyRule::Is(_) => return Err(bad_answer("a policy for one key")),
            KeyRule::Any => &data.upload_dir,
        };
        let dir = dir.trim_end_matches('/').to_owned();
        let field = |(field, member): (&str, &str)| {
            let value = bound.exact.get(field).cloned().or_else(|| data.text(member))?;
            Some((field.to_owned(), value))
        };
        Ok(Form {
            bucket,
            dir,
            bound_fields: FIELDS.into_iter().filter_map(field).collect(),
            max_bytes: bound.max_bytes.or(data.max_file_size_mb.map(|mb| mb.saturating_mul(1024 * 1024))),
            access_id: data.oss_access_key_id,
            policy: data.policy,
            signature: data.signature,
            bound,
            request_id: vendor::request_id(request_id.as_deref()),
            issued_at: now,
        })
    }
}

impl Fetch for Uploads {
    /// The model.
    type Key = String;
    type Credential = Form;

    async fn fetch(&self, cx: &Context, model: &String, deadline: Instant) -> Result<Form, Problem> {
        let now = clock::now();
        let answer = self.get_policy(cx, model, deadline).await?;
        self.read(cx, answer, now)
    }
}

impl Expires for Form {
    fn lifetime(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.bound.expires_at)
    }
}

/// `data` and request id of a success; a failure is a code, whatever the status.
fn data(reply: &Reply) -> Result<(Data, Option<String>), Refusal> {
    let Ok(answer) = serde_json::from_slice::<Answer>(&reply.body) else {
        return Err(match reply.status {
            200..300 => Refusal::new(RefusalKind::BadResponse, reply, None, None),
            _ => Refusal::by_status(reply),
        });
    };
    let code = answer.code.as_deref().filter(|code| !code.is_empty());
    match (answer.data, code) {
        (Some(data), None) if reply.is_success() => Ok((data, answer.request_id)),
        (_, Some(code)) => {
            Err(Refusal::new(kind(reply, code), reply, Some(code), answer.request_id.as_deref()))
        }
        (_, None) if reply.is_success() => {
            Err(Refusal::new(RefusalKind::BadResponse, reply, None, answer.request_id.as_deref()))
        }
        (_, None) => Err(Refusal::by_status(reply)),
    }
}

/// <https://help.aliyun.com/zh/model-studio/error-code>
fn kind(reply: &Reply, code: &str) -> RefusalKind {
    match code {
        "Arrearage" | "AccessDenied.Unpurchased" => RefusalKind::NotSubscribed,
        _ if code.starts_with("Throttling") || reply.status == 429 => RefusalKind::Throttled,
        _ if code == "InvalidApiKey" || code.starts_with("AccessDenied") => RefusalKind::Auth,
        _ if reply.status >= 500 => RefusalKind::Transient,
        _ if matches!(reply.status, 401 | 403) => RefusalKind::Auth,
        _ => RefusalKind::Rejected,
    }
}
