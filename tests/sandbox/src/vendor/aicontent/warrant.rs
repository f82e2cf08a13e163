//! aicontent `CreateAccessWarrant`: an evaluation warrant for one user.

use serde_json::{Map, Value, json};

use super::ssapi::{Warrant, Warrants, bad_sign};
use super::{AICONTENT_APP_ID, AicontentShape, AicontentSwitches};
use crate::reply::Reply;
use crate::vendor::pop;
use crate::verify::ssecp::Claim;
use crate::verify::{Refused, acs3};
use crate::world::Ctx;
use crate::{clock, ids};

const PATH: &str = "/api/v1/aliyunConsole/createAccessWarrant";

pub(crate) fn handle(ctx: &Ctx<'_>, body: &bytes::Bytes) -> Reply {
    create(ctx, body).unwrap_or_else(|refused| pop::refuse(ctx, &refused, false))
}

fn create(ctx: &Ctx<'_>, body: &[u8]) -> Result<Reply, Refused> {
    acs3::verify(ctx.arrived, body, &ctx.vendors.alibaba, &ctx.vendors.nonces, ctx.now)?;
    if ctx.arrived.header("x-acs-version").as_deref() != Some("20240611") {
        return Err(pop::unknown_version());
    }
    let action = ctx.arrived.header("x-acs-action").unwrap_or_default();
    if ctx.arrived.path != PATH || ctx.arrived.method != "POST" || action != "CreateAccessWarrant" {
        return Err(pop::unknown_action());
    }
    let json: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| Refused::new(400, "InvalidParameter", "The request body is not a JSON object."))?;
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("appId") != AICONTENT_APP_ID {
        return Ok(failure("APPLICATION_NOT_FOUND", "The application does not exist."));
    }
    let claim = Claim {
        app_id: text("appId"),
        timestamp: text("timestamp"),
        user_client_ip: text("userClientIp"),
        user_id: text("userId"),
    };
    let looks = ctx.switches::<AicontentSwitches>().aicontent_signed && !text("requestSign").is_empty();
    if let Some(message) = bad_sign(claim, text("requestSign")).filter(|_| looks) {
        return Ok(failure("430008", &message));
    }
    let life = ctx.life(json.get("warrantAvailable").and_then(Value::as_i64).unwrap_or(7200));
    let warrant = Warrant::new(text("userId"), ctx.now + life);
    let reply = success(ctx, &warrant);
    ctx.vendors.state::<Warrants>().add(warrant);
    Ok(reply)
}

/// The envelope decides by `success`; the real one carries UNKNOWN_ERROR beside a success.
fn success(ctx: &Ctx<'_>, warrant: &Warrant) -> Reply {
    let (user, id, end) = (&warrant.user_id, &warrant.id, warrant.expires_at);
    let token = ids::hex32();
    let data = match ctx.switches::<AicontentSwitches>().aicontent_shape {
        AicontentShape::Pascal => json!({
            "ApplicationAccessId": AICONTENT_APP_ID, "UserId": user, "AccessToken": token, "AccessWarrantId": id,
            "ExpireTime": end.to_string(), "CreateTime": ctx.now.to_string(),
        }),
        AicontentShape::Camel => json!({
            "appId": AICONTENT_APP_ID, "userId": user, "accessToken": token, "warrantId": id,
            "expireTime": clock::dashed(end),
        }),
    };
    let envelope = json!({
        "requestId": ids::request_id(), "success": true, "errCode": "UNKNOWN_ERROR", "errMessage": "",
        "httpStatusCode": 200, "data": data,
    });
    Reply::json(200, &envelope)
}

fn failure(code: &str, message: &str) -> Reply {
    let envelope = json!({
        "requestId": ids::request_id(), "success": false, "errCode": code, "errMessage": message,
        "httpStatusCode": 400, "data": [],
    });
    Reply::json(200, &envelope).code(code)
}
