//! What a caller may set.

use std::net::IpAddr;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::caller::Caller;
use crate::encode;
use crate::problem::{Code, Problem};

/// Parameters any caller may set.
const FREE: [&str; 6] = ["type_key", "is_public", "core_type", "text", "locale", "user_name"];
/// The longest user id that the vendors' next calls take.
const MAX_USER_ID: usize = 24;

/// The parameters of an ask: the flow's defaults, then the caller's identity and address, then what the
/// caller sent and may set. Parameters the flow does not have are dropped.
///
/// # Errors
/// `forbidden` at the parameter that the caller may not set.
pub fn params(
    flow_params: &[&str],
    mut defaults: Map<String, Value>,
    sent: &Map<String, Value>,
    caller: &Caller,
    source: Option<IpAddr>,
) -> Result<Map<String, Value>, Problem> {
    if let Some(name) = sent.keys().find(|name| !FREE.contains(&name.as_str())) {
        let detail = format!("the caller may not set {name}");
        return Err(Problem::at(Code::Forbidden, format!("/params/{name}"), detail));
    }
    if flow_params.contains(&"user_id") {
        if let Some(name) = &caller.name {
            defaults.insert("user_id".into(), user_id(name).into());
        } else if !defaults.contains_key("user_id") {
            defaults.insert("user_id".into(), "anonymous".into());
        }
    }
    if flow_params.contains(&"user_client_ip") {
        if let Some(address) = source {
            defaults.insert("user_client_ip".into(), address.to_string().into());
        }
    }
    for (name, value) in sent {
        if flow_params.contains(&name.as_str()) {
            defaults.insert(name.clone(), value.clone());
        }
    }
    Ok(defaults)
}

/// `name` itself, or where it is too long for the vendors, 24 hex digits of its hash.
fn user_id(name: &str) -> String {
    if name.len() <= MAX_USER_ID {
        return name.to_owned();
    }
    let mut hex = String::with_capacity(64);
    encode::hex(&mut hex, &Sha256::digest(name.as_bytes()));
    hex.truncate(MAX_USER_ID);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(sent: &Value, caller: Option<&str>) -> Result<Value, Problem> {
        let caller = Caller { name: caller.map(str::to_owned) };
        let sent = sent.as_object().cloned().unwrap_or_default();
        let defaults = Map::from_iter([("channel_id".to_owned(), json!("c"))]);
        params(&["user_id", "locale", "channel_id"], defaults, &sent, &caller, None).map(Value::Object)
    }

    #[test]
    fn identity_is_not_the_callers_to_set() {
        assert_eq!(
            run(&json!({"locale": "en", "core_type": "x"}), None).unwrap(),
            json!({"channel_id": "c", "user_id": "anonymous", "locale": "en"})
        );
        assert_eq!(run(&json!({}), Some("shop")).unwrap()["user_id"], "shop");
        let hashed = run(&json!({}), Some("a-name-of-more-than-24-characters")).unwrap();
        assert_eq!(hashed["user_id"].as_str().unwrap().len(), 24);
        for name in ["user_id", "channel_id", "unheard_of"] {
            let problem = run(&json!({name: "x"}), Some("shop")).unwrap_err();
            assert_eq!(
                (problem.code, problem.errors[0].pointer.as_str()),
                (Code::Forbidden, &*format!("/params/{name}"))
            );
        }
    }
}
