//! `send`: a message of the conversation's user to its channel, with what was uploaded as its content.

use serde_json::{Map, Value, json};

use super::{Conversation, OLD_TYPES, TYPES};
use crate::reply::Reply;
use crate::world::Ctx;

const REQUIRED: [&str; 7] = ["channel", "controlType", "sourceType", "from", "to", "mediaType", "content"];
const OPTIONAL: [&str; 4] = ["senderNickname", "timestamp", "userAgent", "senderAvatar"];
const CONTROLS: [&str; 6] = ["CONNECT", "CHAT", "TRANS2AGENT", "INPUT", "DISCONNECT", "READ"];

/// Failures are codes inside an HTTP 200: 2 is missing, 3 is wrong.
pub(crate) fn answer(ctx: &Ctx<'_>, json: &Map<String, Value>, session: &Conversation) -> Reply {
    let code =
        |code: &str| Reply::json(200, &json!({ "resultCode": code, "resultDesc": "failed" })).code(code);
    let get = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    if REQUIRED.iter().any(|name| get(name).is_empty()) {
        return code("2");
    }
    let known = |name: &String| REQUIRED.contains(&name.as_str()) || OPTIONAL.contains(&name.as_str());
    let addressed = get("channel") == "WEB"
        && get("sourceType") == "CUSTOMER"
        && CONTROLS.contains(&get("controlType"))
        && (get("from"), get("to")) == (session.user_id.as_str(), session.channel_id.as_str());
    if !json.keys().all(known) || !addressed || !is_content(ctx, session, get("mediaType"), get("content")) {
        return code("3");
    }
    Reply::json(200, &json!({ "resultCode": "0", "resultDesc": "success" }))
}

/// Whether the content is what its media type wants, of a file that this channel has.
fn is_content(ctx: &Ctx<'_>, session: &Conversation, media_type: &str, content: &str) -> bool {
    let stored = |key: &str| ctx.world.objects.get("aicc", &session.channel_id, key);
    let is_type = |kind: &str| TYPES.contains(&kind) || OLD_TYPES.contains(&kind);
    match media_type {
        "TEXT" => content.len() <= 1024,
        "IMAGE" | "AUDIO" | "VIDEO" => stored(content).is_some(),
        // The name, the size, the key, the type: a comma in the name would shift them.
        "FILE" => match content.split(',').collect::<Vec<_>>()[..] {
            [name, size, key, kind] => {
                !name.is_empty()
                    && is_type(kind)
                    && stored(key).is_some_and(|file| file.size.to_string() == size)
            }
            _ => false,
        },
        "FILE_IMAGE" | "FILE_VIDEO" => {
            content.split_once(',').is_some_and(|(key, kind)| is_type(kind) && stored(key).is_some())
        }
        _ => false,
    }
}
