//! A model call with uploaded files: `oss://` URLs, which are resolved only where a header says so.

use serde_json::{Value, json};

use super::{DASHSCOPE_BUCKET, Failed, is_model, object};
use crate::service::Service;
use crate::world::Ctx;

pub(crate) const PATH: &str = "/api/v1/services/aigc/multimodal-generation/generation";

pub(crate) fn generate(ctx: &Ctx<'_>, body: &[u8]) -> Result<Value, Failed> {
    let json = object(body)?;
    if !json.get("model").and_then(Value::as_str).is_some_and(is_model) {
        return Err((404, "ModelNotFound", "Model can not be found."));
    }
    let Some(messages) = json.get("input").map(|input| &input["messages"]).filter(|list| list.is_array())
    else {
        return Err((400, "InvalidParameter", "Required parameter(s) missing or invalid: input.messages."));
    };
    let mut keys = Vec::new();
    collect(messages, &mut keys);
    let resolves = ctx.arrived.header("x-dashscope-ossresourceresolve").as_deref() == Some("enable");
    if !keys.is_empty() && !resolves {
        return Err((400, "InvalidParameter", "The provided URL does not appear to be valid."));
    }
    let stored = |key: &&str| ctx.world.objects.get(Service::Oss.name(), DASHSCOPE_BUCKET, key).is_some();
    if !keys.iter().all(stored) {
        return Err((400, "InvalidParameter.DataInspection", "Unable to download the media resource."));
    }
    let message = json!({ "role": "assistant", "content": [{ "text": format!("{} files", keys.len()) }] });
    Ok(json!({ "output": { "choices": [{ "finish_reason": "stop", "message": message }] }, "usage": {} }))
}

/// Keys of all `oss://` URLs.
fn collect<'a>(value: &'a Value, keys: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => keys.extend(text.strip_prefix("oss://")),
        Value::Array(items) => items.iter().for_each(|item| collect(item, keys)),
        Value::Object(members) => members.values().for_each(|member| collect(member, keys)),
        _ => {}
    }
}
