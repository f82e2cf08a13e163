//! The OpenAPI 3.1 description of a function.

use serde_json::{Map, Value, json};

use crate::auth::Auth;
use crate::flow::Flow;
use upload_grant::model::problem::Code;
use upload_grant::model::request::Mode;

/// The description of the function that serves `F`, which offers `modes` to callers that `auth` lets in, and
/// Uppy's Companion route if `companion`.
pub fn document<F: Flow>(modes: &[Mode], companion: bool, auth: Option<&Auth>) -> Value {
    let mut document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap_or(Value::Null);
    document["info"]["title"] = format!("Upload grants: {}", F::SPEC.name).into();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["security"] = security(auth);
    let mut request = example::<F>();
    let schemas = &mut document["components"]["schemas"];
    name_the_flow(schemas, F::SPEC.name);
    schemas["Mode"]["enum"] = json!(modes);
    schemas["Problem"]["properties"]["code"]["enum"] = json!(Code::ALL);
    schemas["GrantRequest"]["examples"] = json!([request]);
    schemas["Params"]["properties"] = F::SPEC
        .params
        .iter()
        .map(|param| (param.name.to_owned(), param.schema()))
        .collect::<Map<_, _>>()
        .into();
    let paths = &mut document["paths"];
    if companion {
        let parameters = &mut paths["/s3/params"]["get"]["parameters"];
        parameters[0]["example"] = request["filename"].clone();
        parameters[1]["example"] = request["content_type"].clone();
    } else if let Some(paths) = paths.as_object_mut() {
        paths.remove("/s3/params");
    }
    request["source"] = json!({ "base64": "aGVsbG8=" });
    paths["/events"]["post"]["requestBody"]["content"]["application/json"]["example"] = request;
    document
}

/// Whatever has a flow has this one.
fn name_the_flow(schemas: &mut Value, name: &str) {
    for schema in schemas.as_object_mut().into_iter().flatten().map(|(_, schema)| schema) {
        if let Some(flow) = schema.pointer_mut("/properties/flow") {
            flow["enum"] = json!([name]);
            schema.pointer_mut("/examples/0/flow").into_iter().for_each(|flow| *flow = name.into());
        }
    }
}

/// What a caller must bring; operations that need nothing say so themselves.
fn security(auth: Option<&Auth>) -> Value {
    match auth {
        Some(Auth::None { .. }) => json!([]),
        Some(Auth::ApiKey(_)) => json!([{ "apiKey": [] }]),
        Some(Auth::Jwt(_)) => json!([{ "bearer": [] }]),
        // The gateway's authorizer may want anything; without a setting nobody is let in yet.
        Some(Auth::Gateway) | None => json!([{ "apiKey": [] }, { "bearer": [] }, {}]),
    }
}

/// A request for the flow's first type, 5 bytes long.
fn example<F: Flow>() -> Value {
    let row = F::SPEC.types.listed.first();
    let (content_type, extension) =
        row.map_or(("application/pdf", "pdf"), |row| (row.content_type, row.extensions[0]));
    json!({ "filename": format!("example.{extension}"), "content_type": content_type, "size": 5 })
}
