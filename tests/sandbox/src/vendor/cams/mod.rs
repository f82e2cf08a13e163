//! CAMS `GetChatappUploadAuthorization`: STS keys for one directory of CAMS's bucket; templates and messages with
//! what was uploaded.

mod message;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Vendor, pop};
use crate::encode::sha256_hex;
use crate::facts::alibaba_env;
use crate::flow::Flow;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::Switches;
use crate::verify::keys::{Key, Scope};
use crate::verify::{Refused, acs3};
use crate::world::Ctx;
use crate::{ids, lock};

/// A customer space CAMS knows; `unknown` is the one it does not.
pub const CUST_SPACE_ID: &str = "cams-8c8e4c0d";
/// Region of the CAMS bucket.
pub const CAMS_REGION: &str = "ap-southeast-1";
/// CAMS's bucket.
pub const CAMS_BUCKET: &str = "cams-sandbox";

pub(crate) static FLOW: Flow = Flow {
    name: "alibaba-chatapp",
    title: "WhatsApp / Viber media",
    vendor: "Alibaba Cloud CAMS",
    service: Service::Cams,
    calls: 1,
    modes: &["form", "put", "relay", "credentials"],
    params: &["cust_space_id"],
    hint: "cust_space_id (if the policy lets you)",
    file: "demo.png",
    bytes: include_bytes!("demo.png"),
    env: |url| {
        let own = [
            ("CAMS_ENDPOINT", url(Service::Cams)),
            ("CAMS_CUST_SPACE_ID", CUST_SPACE_ID.to_owned()),
            ("OSS_ENDPOINT", url(Service::Oss)),
        ];
        alibaba_env().into_iter().chain(own).collect()
    },
};

pub(crate) static VENDOR: Vendor = Vendor {
    flow: Some(&FLOW),
    handle,
    action: pop::action,
    buckets: &[(Service::Oss, CAMS_BUCKET, CAMS_REGION)],
    switches: Switches::of::<CamsSwitches>(),
    secrets: pop::SECRETS,
    ..Vendor::PLAIN
};

/// What CAMS's `Expire` is; its documents say a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CamsExpire {
    #[default]
    Duration,
    Seconds,
    Milliseconds,
}

#[derive(Serialize, Deserialize)]
struct CamsSwitches {
    /// `EndPoint` as CAMS writes it.
    cams_endpoint: String,
    cams_expire: CamsExpire,
    quota: bool,
    quota_rps: u32,
    /// `AuditStatus` of templates: auditing, pass, fail or unaudit.
    cams_audit: String,
}

impl Default for CamsSwitches {
    fn default() -> Self {
        let cams_endpoint = format!("https://oss-{CAMS_REGION}.aliyuncs.com");
        let cams_audit = "auditing".to_owned();
        Self { cams_endpoint, cams_expire: CamsExpire::default(), quota: false, quota_rps: 5, cams_audit }
    }
}

/// Calls of the last second, one account.
#[derive(Default)]
struct Quota(Mutex<VecDeque<Instant>>);

impl Quota {
    fn admit(&self, per_second: u32) -> bool {
        let mut recent = lock(&self.0);
        let now = Instant::now();
        while recent.front().is_some_and(|at| now - *at >= Duration::from_secs(1)) {
            recent.pop_front();
        }
        let admitted = recent.len() < per_second as usize;
        if admitted {
            recent.push_back(now);
        }
        admitted
    }
}

fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    answer(ctx, body).unwrap_or_else(|refused| pop::refuse(ctx, &refused, false))
}

fn answer(ctx: &Ctx<'_>, body: &[u8]) -> Result<Reply, Refused> {
    acs3::verify(ctx.arrived, body, &ctx.vendors.alibaba, &ctx.vendors.nonces, ctx.now)?;
    if ctx.arrived.header("x-acs-version").as_deref() != Some("2020-06-06") {
        return Err(pop::unknown_version());
    }
    let action = ctx.arrived.header("x-acs-action").unwrap_or_default();
    let given = ctx.arrived.pairs();
    match action.as_str() {
        _ if ctx.arrived.path != "/" => Err(pop::unknown_action()),
        "GetChatappUploadAuthorization" => authorization(ctx, &given),
        "CreateChatappTemplate" => message::create_template(ctx, &given),
        "GetChatappTemplateDetail" => message::template(ctx, &given),
        "SendChatappMessage" => message::send(ctx, &given),
        _ => Err(pop::unknown_action()),
    }
}

fn authorization(ctx: &Ctx<'_>, given: &[(String, String)]) -> Result<Reply, Refused> {
    let settings = ctx.switches::<CamsSwitches>();
    if settings.quota && !ctx.vendors.state::<Quota>().admit(settings.quota_rps) {
        return Err(Refused::new(400, "System.LimitControl", "The system is limiting your requests."));
    }
    let space = pop::required(given, "CustSpaceId")?;
    if space == "unknown" {
        return Err(Refused::new(400, "Unknown.ResourceOwnerId", "The resource owner does not exist."));
    }
    Ok(Reply::json(200, &grant(ctx, &space)))
}

/// Every call mints new keys, as the real one does.
fn grant(ctx: &Ctx<'_>, space: &str) -> serde_json::Value {
    let (id, secret, token) = (format!("STS.N{}", ids::letters(24)), ids::letters(44), ids::token("CAIS"));
    let dir = format!("{}{}", sha256_hex(space.as_bytes())[..6].to_ascii_uppercase(), "/upload");
    let life = ctx.life(3600);
    ctx.vendors.alibaba.add(Key {
        id: id.clone(),
        secret: secret.clone(),
        token: Some(token.clone()),
        expires_at: Some(ctx.now + life),
        scope: Scope::Directory { bucket: CAMS_BUCKET.to_owned(), dir: dir.clone() },
    });
    let settings = ctx.switches::<CamsSwitches>();
    let expire = match settings.cams_expire {
        CamsExpire::Duration => life,
        CamsExpire::Seconds => ctx.now + life,
        CamsExpire::Milliseconds => (ctx.now + life) * 1000,
    };
    json!({
        "RequestId": ids::request_id(),
        "Code": "OK",
        "Message": "OK",
        "AccessDeniedDetail": "",
        "Data": {
            "AccessKeyId": id,
            "AccessKeySecret": secret,
            "SecurityToken": token,
            "BucketName": CAMS_BUCKET,
            "Dir": dir,
            "EndPoint": settings.cams_endpoint,
            "Expire": expire,
        },
    })
}
