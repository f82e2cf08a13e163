//! The chat's `docParse`: reads a file that was uploaded for a conversation. The answer is a stream of events.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{LKE_REALTIME_BUCKET, LkeSwitches};
use crate::ids;
use crate::reply::Reply;
use crate::service::Service;
use crate::world::Ctx;

pub(crate) const PATH: &str = "/v1/qbot/chat/docParse";

const MEMBERS: [&str; 10] = [
    "session_id",
    "request_id",
    "cos_bucket",
    "file_type",
    "file_name",
    "cos_url",
    "e_tag",
    "cos_hash",
    "size",
    "bot_app_key",
];

pub(crate) fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    let failed = ctx.switches::<LkeSwitches>().lke_status == 18;
    let payload = match fault(ctx, body) {
        Some(message) => {
            json!({ "doc_id": "0", "status": "FAILED", "error_message": message, "is_final": true, "process": 0 })
        }
        None if failed => {
            json!({ "doc_id": "0", "status": "FAILED", "error_message": "parse failed", "is_final": true, "process": 0 })
        }
        None => {
            let id = ids::digits(19);
            json!({ "doc_id": id, "status": "SUCCESS", "error_message": "", "is_final": true, "process": 100 })
        }
    };
    let event = json!({ "type": "parsing", "payload": payload });
    let reply = Reply::bytes(200, "text/event-stream", format!("event:parsing\ndata:{event}\n\n"));
    if payload["status"] == "FAILED" { reply.code("FAILED") } else { reply }
}

/// Why it cannot be read.
fn fault(ctx: &Ctx<'_>, body: &[u8]) -> Option<String> {
    let json: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let Some(json) = json.filter(|_| ctx.arrived.method == "POST") else {
        return Some("not a JSON object".into());
    };
    if let Some(name) = json.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Some(format!("{name} is unknown"));
    }
    // Texts all of them, the size too.
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(name) = MEMBERS.into_iter().find(|name| text(name).is_none()) {
        return Some(format!("{name} is missing"));
    }
    let get = |name: &str| text(name).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !(2..=64).contains(&get("session_id").len()) || !get("session_id").bytes().all(plain) {
        return Some("session_id is wrong".to_owned());
    }
    let key = get("cos_url").strip_prefix('/').unwrap_or_default();
    let object = ctx.world.objects.get(Service::Cos.name(), get("cos_bucket"), key);
    // A chat sees its own bucket only, and a path, never a URL.
    let Some(object) = object.filter(|object| object.bucket == LKE_REALTIME_BUCKET) else {
        return Some("Invalid-URL".to_owned());
    };
    let same = get("e_tag").trim_matches('"').eq_ignore_ascii_case(object.etag.trim_matches('"'))
        && get("cos_hash") == object.crc64.to_string()
        && get("size") == object.size.to_string()
        && key.ends_with(&format!(".{}", get("file_type")));
    (!same).then(|| "the file is another one".to_owned())
}
