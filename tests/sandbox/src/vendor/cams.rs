//! CAMS `GetChatappUploadAuthorization`: STS keys for one directory of CAMS's bucket.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use super::pop;
use crate::encode::sha256_hex;
use crate::facts::CAMS_BUCKET;
use crate::reply::Reply;
use crate::settings::CamsExpire;
use crate::verify::keys::{Key, Scope};
use crate::verify::{Refused, acs3};
use crate::world::Ctx;
use crate::{ids, lock};

/// Calls of the last second, one account.
#[derive(Default)]
pub(crate) struct Quota(Mutex<VecDeque<Instant>>);

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

pub(crate) fn handle(ctx: &Ctx<'_>, body: &[u8]) -> Reply {
    authorization(ctx, body).unwrap_or_else(|refused| pop::refuse(ctx, &refused, false))
}

fn authorization(ctx: &Ctx<'_>, body: &[u8]) -> Result<Reply, Refused> {
    acs3::verify(ctx.arrived, body, &ctx.vendors.alibaba, &ctx.vendors.nonces, ctx.now)?;
    if ctx.arrived.header("x-acs-version").as_deref() != Some("2020-06-06") {
        return Err(pop::unknown_version());
    }
    let action = ctx.arrived.header("x-acs-action").unwrap_or_default();
    if action != "GetChatappUploadAuthorization" || ctx.arrived.path != "/" {
        return Err(pop::unknown_action());
    }
    let settings = ctx.world.settings();
    if settings.quota && !ctx.vendors.cams_quota.admit(settings.quota_rps) {
        return Err(Refused::new(400, "System.LimitControl", "The system is limiting your requests."));
    }
    let space = pop::required(&ctx.arrived.pairs(), "CustSpaceId")?;
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
    let settings = ctx.world.settings();
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
