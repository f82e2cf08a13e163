//! AICC: `tokenByAkSk`, `applyToken`, `uploadFileStream`, `send`. No signatures, two bearers.

mod send;

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Vendor;
use crate::encode::unbase64;
use crate::flow::Flow;
use crate::objects::Content;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::Switches;
use crate::world::Ctx;
use crate::{ids, lock};

/// AICC `app_key`.
pub const AICC_APP_KEY: &str = "5b3a7c52-0000-4a0e-9000-5a4db0c00001";
/// AICC `app_secret`.
pub const AICC_APP_SECRET: &str = "sandbox-app-secret-aicc-0000001";
/// AICC channel ("Configuration ID").
pub const AICC_CHANNEL_ID: &str = "202611210001";

pub(crate) static FLOW: Flow = Flow {
    name: "huawei-aicc",
    title: "File in an agent chat",
    vendor: "Huawei Cloud AICC",
    service: Service::Aicc,
    calls: 3,
    modes: &["relay"],
    params: &["user_id", "user_name", "channel_id", "locale"],
    hint: "locale, user_name",
    file: "demo.jpg",
    bytes: include_bytes!("demo.jpg"),
    env: |url| {
        vec![
            ("HUAWEI_AICC_BASE_URL", url(Service::Aicc)),
            ("HUAWEI_AICC_APP_KEY", AICC_APP_KEY.to_owned()),
            ("HUAWEI_AICC_APP_SECRET", AICC_APP_SECRET.to_owned()),
            ("HUAWEI_AICC_CHANNEL_ID", AICC_CHANNEL_ID.to_owned()),
            ("HUAWEI_AICC_LOCALE", "en_US".to_owned()),
        ]
    },
};

pub(crate) static VENDOR: Vendor = Vendor {
    flow: Some(&FLOW),
    handle,
    switches: Switches::of::<AiccSwitches>(),
    secrets: &["accesstoken", "token", "ccmessaging-token"],
    ..Vendor::PLAIN
};

#[derive(Default, Serialize, Deserialize)]
struct AiccSwitches {
    aicc_old_types: bool,
    aicc_rotate: bool,
}

/// In the 2025-11 document.
const TYPES: [&str; 9] = ["jpg", "jpeg", "png", "bmp", "mp3", "aac", "mp4", "txt", "csv"];
/// Before it, misprint included.
const OLD_TYPES: [&str; 8] = ["jpg", "png", "bpm", "mp3", "aac", "mp4", "txt", "csv"];

#[derive(Clone)]
struct Access {
    app_key: String,
    expires_at: i64,
}

#[derive(Clone)]
struct Conversation {
    app_key: String,
    channel_id: String,
    user_id: String,
    expires_at: i64,
}

/// The live bearers of both kinds.
#[derive(Default)]
struct Tokens {
    access: Mutex<HashMap<String, Access>>,
    conversations: Mutex<HashMap<String, Conversation>>,
}

fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    if ctx.arrived.method != "POST" {
        return Reply::bytes(404, "text/html", "<html><body>404 Not Found</body></html>").code("404");
    }
    let json_type = ctx.arrived.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let json: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let json = json.filter(|_| json_type.starts_with("application/json"));
    match (ctx.arrived.path.as_str(), json) {
        ("/apigovernance/api/oauth/tokenByAkSk", Some(json)) => token_by_ak_sk(ctx, &json),
        ("/apiaccess/ccmessaging/applyToken", Some(json)) => apply_token(ctx, &json),
        ("/apiaccess/ccmessaging/uploadFileStream", Some(json)) => {
            in_session(ctx, |session| upload(ctx, &json, session))
        }
        ("/apiaccess/ccmessaging/send", Some(json)) => {
            in_session(ctx, |session| send::answer(ctx, &json, session))
        }
        (path, None) if path.starts_with("/api") => gateway(400, "bad request: JSON expected"),
        _ => Reply::bytes(404, "text/html", "<html><body>404 Not Found</body></html>").code("404"),
    }
}

/// The API gateway's own error.
fn gateway(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "errorCode": "0", "exceptionInfo": message })).code(&status.to_string())
}

fn unauthorized(status: u16) -> Reply {
    let message =
        "auth fail! illegal or expired token info. please apply or refresh the access token from the server!";
    gateway(status, message)
}

fn token_by_ak_sk(ctx: &Ctx<'_>, json: &Map<String, Value>) -> Reply {
    let expire = ctx.arrived.header("x-token-expire").unwrap_or_else(|| "600".to_owned());
    let Some(expire) = expire.parse::<i64>().ok().filter(|seconds| (1..=3600).contains(seconds)) else {
        return gateway(400, "X-Token-Expire must be between 1 and 3600");
    };
    if json.get("app_key") != Some(&json!(AICC_APP_KEY))
        || json.get("app_secret") != Some(&json!(AICC_APP_SECRET))
    {
        return unauthorized(403);
    }
    let token = ids::hex32();
    let life = ctx.life(expire);
    let access = Access { app_key: AICC_APP_KEY.to_owned(), expires_at: ctx.now + life };
    lock(&ctx.vendors.state::<Tokens>().access).insert(token.clone(), access);
    // Dead on arrival still claims its usual life: only the 401 gives it away.
    let expires = if life > 0 { life } else { expire };
    let reply = json!({
        "AccessToken": token, "ApplyType": "Bearer", "CreateTime": ctx.now.to_string(),
        "Expires": expires.to_string(), "Scope": "public", "AppKey": AICC_APP_KEY, "UserID": "Anonymous",
    });
    Reply::json(200, &reply)
}

/// `x-app-key` and a bearer of that very key.
fn check_access(ctx: &Ctx<'_>) -> Option<String> {
    let app_key = ctx.arrived.header("x-app-key").unwrap_or_default();
    let authorization = ctx.arrived.header("authorization").unwrap_or_default();
    let token = authorization.strip_prefix("Bearer ").unwrap_or_default();
    let access = lock(&ctx.vendors.state::<Tokens>().access).get(token).cloned();
    let live = access.filter(|access| access.app_key == app_key && ctx.now < access.expires_at);
    live.map(|access| access.app_key)
}

fn apply_token(ctx: &Ctx<'_>, json: &Map<String, Value>) -> Reply {
    let Some(app_key) = check_access(ctx) else { return unauthorized(401) };
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    let user = text("userId").chars().count();
    let named = ["userName", "channelId", "locale"].iter().all(|name| !text(name).is_empty());
    if !(1..=32).contains(&user) || !named || !is_locale(text("locale")) {
        return Reply::json(200, &json!({ "resultCode": "1" })).code("1");
    }
    let conversation = Conversation {
        app_key,
        channel_id: text("channelId").to_owned(),
        user_id: text("userId").to_owned(),
        expires_at: ctx.now + ctx.life(3600),
    };
    let token = ids::token("eyJ");
    lock(&ctx.vendors.state::<Tokens>().conversations).insert(token.clone(), conversation);
    Reply::json(200, &json!({ "resultCode": "0", "token": token }))
}

/// `zh`, `zh_CN`
fn is_locale(text: &str) -> bool {
    let (language, country) = text.split_once('_').unwrap_or((text, "XX"));
    let shape = |part: &str, upper: bool| {
        part.len() == 2
            && part.bytes().all(|b| if upper { b.is_ascii_uppercase() } else { b.is_ascii_lowercase() })
    };
    shape(language, false) && shape(country, true)
}

/// What `answer` says where both bearers are live.
fn in_session(ctx: &Ctx<'_>, answer: impl FnOnce(&Conversation) -> Reply) -> Reply {
    let Some(app_key) = check_access(ctx) else { return unauthorized(401) };
    let token = ctx.arrived.header("ccmessaging-token").unwrap_or_default();
    let conversation = lock(&ctx.vendors.state::<Tokens>().conversations).get(&token).cloned();
    let live = conversation.filter(|one| one.app_key == app_key && ctx.now < one.expires_at);
    let Some(conversation) = live else { return unauthorized(401) };
    let reply = answer(&conversation);
    if !ctx.switches::<AiccSwitches>().aicc_rotate {
        return reply;
    }
    let next = ids::token("eyJ");
    let tokens = ctx.vendors.state::<Tokens>();
    let mut conversations = lock(&tokens.conversations);
    conversations.remove(&token);
    conversations.insert(next.clone(), conversation);
    reply.header("ccmessaging-token", &next)
}

fn upload(ctx: &Ctx<'_>, json: &Map<String, Value>, session: &Conversation) -> Reply {
    let old = ctx.switches::<AiccSwitches>().aicc_old_types;
    let types: &[&str] = if old { &OLD_TYPES } else { &TYPES };
    let code = |code: &str| Reply::json(200, &json!({ "returnCode": code })).code(code);
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(kind), Some(channel), Some(stream)) = (text("fileType"), text("channel"), text("fileStream"))
    else {
        return code("2");
    };
    // Standard base64 only: a `data:` prefix or a line break makes the file unreadable for the agent.
    let Some(data) = unbase64(stream).filter(|_| channel == "WEB" && types.contains(&kind)) else {
        return code("3");
    };
    if data.is_empty() {
        return code("13");
    }
    let key = ids::uuid();
    let mut object = Content::of(&data).object("aicc", &session.channel_id, &key, ctx.now);
    object.content_type = Some(kind.to_owned());
    ctx.world.objects.put(object, false);
    Reply::json(200, &json!({ "returnCode": "0", "objectKey": key }))
}
