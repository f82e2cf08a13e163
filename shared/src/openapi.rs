//! The OpenAPI 3.1 description of a function.

use serde_json::{Value, json};

use crate::problem::Code;
use crate::request::Mode;

/// The description of the function `flow`, which offers `modes` and takes `params`.
pub fn document(flow: &str, modes: &[Mode], params: &[&str]) -> Value {
    let mut document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap_or(Value::Null);
    document["info"]["title"] = format!("Upload grants: {flow}").into();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    let schemas = &mut document["components"]["schemas"];
    schemas["Mode"]["enum"] = json!(modes);
    schemas["Problem"]["properties"]["code"]["enum"] = json!(Code::ALL);
    if let Some(known) = schemas["Params"]["properties"].as_object_mut() {
        known.retain(|name, _| params.contains(&name.as_str()));
    }
    document
}
