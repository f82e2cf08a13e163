//! The OpenAPI 3.1 description of a function.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::auth::Auth;
use crate::flow::{Flow, Place};
use upload_grant::model::problem::Code;

/// The description of `app` as it is configured: its modes, its caller check, and the routes that are open.
pub(super) fn document<F: Flow>(app: &App<F>) -> Value {
    let mut document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap_or(Value::Null);
    document["info"]["title"] = format!("Upload grants: {}", F::SPEC.name).into();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document["security"] = security(app.auth.as_ref());
    let mut request = example::<F>();
    let schemas = &mut document["components"]["schemas"];
    name_the_flow(schemas, F::SPEC.name);
    schemas["Mode"]["enum"] = json!(app.flow.modes());
    schemas["Problem"]["properties"]["code"]["enum"] = json!(Code::ALL);
    schemas["GrantRequest"]["examples"] = json!([request]);
    schemas["Params"]["properties"] = F::SPEC
        .params
        .iter()
        .flat_map(|param| {
            [Some(param.name), param.alias].map(|name| Some((name?.to_owned(), param.schema())))
        })
        .flatten()
        .collect::<Map<_, _>>()
        .into();
    for (schema, others) in [("GrantVendor", Place::Receipts), ("ReceiptVendor", Place::Grants)] {
        let here = F::SPEC.vendor.iter().filter(|member| member.only_in != Some(others));
        here.for_each(|member| schemas[schema]["properties"][member.name] = member.schema());
    }
    let paths = &mut document["paths"];
    if let Some(paths) = paths.as_object_mut().filter(|_| !app.cx.settings.metrics) {
        paths.remove("/metrics");
    }
    if app.has_companion() {
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
