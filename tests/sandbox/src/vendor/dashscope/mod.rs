//! DashScope: `GET /api/v1/uploads?action=getPolicy`, a ready form for a directory, and the model calls that take what
//! was uploaded.

mod model;

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Vendor;
use crate::encode::base64;
use crate::flow::Flow;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::Switches;
use crate::verify::keys::{Key, Scope};
use crate::verify::oss1;
use crate::world::Ctx;
use crate::{clock, ids, lock};

/// DashScope demo key.
pub const DASHSCOPE_API_KEY: &str = "sk-5a4db0c000000000000000000000da5h";
/// DashScope's bucket, in `cn-beijing`.
pub const DASHSCOPE_BUCKET: &str = "dashscope-sandbox";
/// A model that takes files.
pub const DASHSCOPE_MODEL: &str = "qwen-vl-max";
const MODELS: [&str; 4] = [DASHSCOPE_MODEL, "qwen-vl-plus", "wan2.5-i2v-preview", "paraformer-v2"];
const KEY_ID: &str = "LTAI5tSandboxDashScope01";
const KEY_SECRET: &str = "SandboxDashScopeOwnSecret00001";
/// 1 GiB.
const LARGEST: u64 = 1024 * 1024 * 1024;

pub(crate) static FLOW: Flow = Flow {
    name: "alibaba-dashscope",
    title: "Media for a model call",
    vendor: "Alibaba Cloud DashScope",
    service: Service::Dashscope,
    calls: 1,
    modes: &["form", "relay"],
    params: &["model"],
    hint: "model (if the policy lets you)",
    file: "demo.png",
    bytes: include_bytes!("demo.png"),
    env: |url| {
        vec![
            ("DASHSCOPE_ENDPOINT", url(Service::Dashscope)),
            ("DASHSCOPE_API_KEY", DASHSCOPE_API_KEY.to_owned()),
            ("DASHSCOPE_MODEL", DASHSCOPE_MODEL.to_owned()),
            ("OSS_ENDPOINT", url(Service::Oss)),
        ]
    },
};

pub(crate) static VENDOR: Vendor = Vendor {
    flow: Some(&FLOW),
    handle,
    action: |arrived, _| arrived.parameter("action").unwrap_or_else(|| super::last_segment(arrived)),
    buckets: &[(Service::Oss, DASHSCOPE_BUCKET, "cn-beijing")],
    keys: || vec![Key::long_term(KEY_ID, KEY_SECRET, Scope::Bucket(DASHSCOPE_BUCKET.to_owned()))],
    switches: Switches::of::<DashscopeSwitches>(),
    secrets: &["policy", "signature"],
    ..Vendor::PLAIN
};

/// How `x_oss_forbid_overwrite` comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DashscopeOverwrite {
    /// `"true"`, and the policy says so.
    #[default]
    Text,
    /// `true`, and the policy says so.
    Bool,
    /// Not at all, though the policy says so.
    Hidden,
    /// Not at all, and the policy says nothing.
    Absent,
}

#[derive(Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "names in the one document of all switches")]
struct DashscopeSwitches {
    dashscope_overwrite: DashscopeOverwrite,
    /// Calls a second, of an account and a model.
    dashscope_rps: usize,
}

impl Default for DashscopeSwitches {
    fn default() -> Self {
        Self { dashscope_overwrite: DashscopeOverwrite::default(), dashscope_rps: 100 }
    }
}

/// Calls of the last second, of each model.
#[derive(Default)]
struct Quota(Mutex<HashMap<String, VecDeque<Instant>>>);

impl Quota {
    fn admits(&self, model: &str, per_second: usize) -> bool {
        let mut models = lock(&self.0);
        let recent = models.entry(model.to_owned()).or_default();
        let now = Instant::now();
        recent.retain(|at| now - *at < Duration::from_secs(1));
        let admitted = recent.len() < per_second;
        recent.extend(admitted.then_some(now));
        admitted
    }
}

/// A failure: status, code, message.
type Failed = (u16, &'static str, &'static str);

fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    let result = match (ctx.arrived.method.as_str(), ctx.arrived.path.as_str()) {
        _ if !is_authorized(ctx) => Err((401, "InvalidApiKey", "Invalid API-key provided.")),
        ("GET", "/api/v1/uploads") => uploads(ctx),
        ("POST", model::PATH) => model::generate(ctx, body),
        _ => Err((404, "NotFound", "The requested path does not exist.")),
    };
    let id = ids::uuid();
    match result {
        Ok(mut reply) => {
            reply["request_id"] = json!(id);
            Reply::json(200, &reply)
        }
        Err((status, code, message)) => {
            Reply::json(status, &json!({ "code": code, "message": message, "request_id": id })).code(code)
        }
    }
}

fn is_authorized(ctx: &Ctx<'_>) -> bool {
    ctx.arrived.header("authorization") == Some(format!("Bearer {DASHSCOPE_API_KEY}"))
}

fn uploads(ctx: &Ctx<'_>) -> Result<Value, Failed> {
    let get = |name: &str| ctx.arrived.parameter(name).unwrap_or_default();
    if get("action") != "getPolicy" {
        return Err((400, "InvalidParameter", "Required parameter(s) missing or invalid: action."));
    }
    let model = get("model");
    if model.is_empty() {
        return Err((400, "InvalidParameter", "Required parameter(s) missing or invalid: model."));
    }
    if !is_model(&model) {
        return Err((404, "ModelNotFound", "Model can not be found."));
    }
    let settings = ctx.switches::<DashscopeSwitches>();
    if !ctx.vendors.state::<Quota>().admits(&model, settings.dashscope_rps) {
        return Err((429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."));
    }
    Ok(json!({ "data": policy(ctx, settings.dashscope_overwrite) }))
}

fn is_model(name: &str) -> bool {
    MODELS.contains(&name)
}

/// One directory for every file, until it expires.
fn policy(ctx: &Ctx<'_>, overwrite: DashscopeOverwrite) -> Value {
    let life = ctx.life(300);
    let expiration = clock::dashed(ctx.now + life);
    let dir = format!("dashscope-instant/{}/{}/{}", ids::hex32(), &expiration[..10], ids::uuid());
    let mut conditions = vec![
        json!(["content-length-range", 0, LARGEST]),
        json!(["starts-with", "$key", dir]),
        json!({ "bucket": DASHSCOPE_BUCKET }),
        json!({ "x-oss-object-acl": "private" }),
    ];
    if overwrite != DashscopeOverwrite::Absent {
        conditions.push(json!({ "x-oss-forbid-overwrite": "true" }));
    }
    let document = json!({ "expiration": expiration.replace('Z', ".488Z"), "conditions": conditions });
    // Slashes come escaped, which is JSON too.
    let policy = base64(document.to_string().replace('/', "\\/").as_bytes());
    let mut data = json!({
        "signature": oss1::signature(KEY_SECRET, &policy),
        "policy": policy,
        "upload_dir": dir,
        "upload_host": format!("https://{DASHSCOPE_BUCKET}.oss-cn-beijing.aliyuncs.com"),
        "expire_in_seconds": life,
        "max_file_size_mb": LARGEST / 1024 / 1024,
        "capacity_limit_mb": 999_999_999,
        "oss_access_key_id": KEY_ID,
        "x_oss_object_acl": "private",
    });
    match overwrite {
        DashscopeOverwrite::Text => data["x_oss_forbid_overwrite"] = json!("true"),
        DashscopeOverwrite::Bool => data["x_oss_forbid_overwrite"] = json!(true),
        DashscopeOverwrite::Hidden | DashscopeOverwrite::Absent => {}
    }
    data
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Failed> {
    serde_json::from_slice(body)
        .map_err(|_| (400, "InvalidParameter", "The request body is not a JSON object."))
}
