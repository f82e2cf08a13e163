//! The evaluation platform: `/auth/authorize` mints warrants without Alibaba Cloud keys.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::json;

use super::{AICONTENT_APP_ID, AICONTENT_APP_SECRET, class_task, evaluation, stream};
use crate::reply::Reply;
use crate::vendor::parameters;
use crate::verify::ssecp::{Claim, request_sign, sign_string};
use crate::world::Ctx;
use crate::{ids, lock};

/// A warrant: which user may evaluate until when.
#[derive(Clone, Debug)]
pub(crate) struct Warrant {
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) expires_at: i64,
}

impl Warrant {
    pub(crate) fn new(user_id: &str, expires_at: i64) -> Self {
        Self { id: ids::hex32(), user_id: user_id.to_owned(), expires_at }
    }
}

/// All warrants issued, by either transport.
#[derive(Default)]
pub(crate) struct Warrants(Mutex<HashMap<String, Warrant>>);

impl Warrants {
    pub(crate) fn add(&self, warrant: Warrant) {
        lock(&self.0).insert(warrant.id.clone(), warrant);
    }

    pub(crate) fn find(&self, id: &str) -> Option<Warrant> {
        lock(&self.0).get(id).cloned()
    }
}

/// The refusal of a wrong sign; the real one leaks the expected sign, so this one does too.
pub(crate) fn bad_sign(claim: Claim<'_>, presented: &str) -> Option<String> {
    let expected = request_sign(&sign_string(AICONTENT_APP_SECRET, claim));
    let wrong = presented != expected || claim.timestamp.len() != 10;
    wrong.then(|| format!("request_sign error, expect {expected} but {presented}"))
}

pub(crate) fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    match (ctx.arrived.method.as_str(), ctx.arrived.path.as_str()) {
        ("POST", "/auth/authorize") => authorize(ctx, body),
        ("POST", class_task::SUBMIT) => class_task::submit(ctx, body),
        ("POST", class_task::QUERY) => class_task::query(ctx, body),
        ("POST", _) => evaluation::handle(ctx, body),
        ("GET", _) if stream::is_asked_for(ctx.arrived) => stream::switch(ctx.arrived),
        _ => Reply::text(404, "404 page not found").code("404"),
    }
}

fn authorize(ctx: &Ctx<'_>, body: &[u8]) -> Reply {
    let given = parameters(ctx.arrived, body);
    let get = |name: &str| given.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let refuse = |code: i64, message: &str| {
        Reply::json(200, &json!({ "code": code, "message": message })).code(&code.to_string())
    };
    for name in ["appid", "timestamp", "user_id", "user_client_ip", "request_sign"] {
        if get(name).is_empty() {
            return refuse(430_001, &format!("{name} is required"));
        }
    }
    if get("appid") != AICONTENT_APP_ID {
        return refuse(430_002, "appid does not exist");
    }
    let claim = Claim {
        app_id: get("appid"),
        timestamp: get("timestamp"),
        user_client_ip: get("user_client_ip"),
        user_id: get("user_id"),
    };
    if let Some(message) = bad_sign(claim, get("request_sign")) {
        return refuse(430_008, &message);
    }
    let life = ctx.life(get("warrant_available").parse().unwrap_or(7200));
    let warrant = Warrant::new(get("user_id"), ctx.now + life);
    let data = json!({
        "warrant_id": warrant.id, "expire_at": warrant.expires_at, "timestamp": ctx.now.to_string(),
    });
    ctx.vendors.state::<Warrants>().add(warrant);
    Reply::json(200, &json!({ "code": 0, "message": "ok", "data": data }))
}
