//! LKE: `DescribeStorageCredential` of both its APIs, the knowledge base behind it, and the chat's `docParse`.

mod chat;
mod credential;
mod document;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Vendor;
use crate::flow::Flow;
use crate::ids;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::Switches;
use crate::verify::tc3::refused;
use crate::verify::{Refused, tc3};
use crate::world::Ctx;

/// An LKE application.
pub const BOT_BIZ_ID: &str = "1779863007508561920";
/// LKE's bucket for knowledge-base documents.
pub const LKE_BUCKET: &str = "lke-sandbox-1250000000";
/// LKE's bucket for chat files.
pub const LKE_REALTIME_BUCKET: &str = "lke-realtime-1250000000";
/// Region of both.
pub const LKE_REGION: &str = "ap-guangzhou";

pub(crate) static FLOW: Flow = Flow {
    name: "tencent-lke",
    title: "Knowledge base document",
    vendor: "Tencent Cloud LKE",
    service: Service::Lke,
    calls: 1,
    modes: &["put", "relay", "credentials"],
    params: &["bot_biz_id", "is_public", "type_key", "session_id"],
    hint: r#"type_key ("offline" or "realtime"), is_public"#,
    file: "demo.md",
    bytes: include_bytes!("demo.md"),
    env: |url| {
        vec![
            ("TENCENTCLOUD_SECRET_ID", crate::facts::TENCENT_SECRET_ID.to_owned()),
            ("TENCENTCLOUD_SECRET_KEY", crate::facts::TENCENT_SECRET_KEY.to_owned()),
            ("LKE_ENDPOINT", url(Service::Lke)),
            ("LKE_DOC_ENDPOINT", url(Service::Lke)),
            ("LKE_BOT_BIZ_ID", BOT_BIZ_ID.to_owned()),
            ("COS_ENDPOINT", url(Service::Cos)),
        ]
    },
};

pub(crate) static VENDOR: Vendor = Vendor {
    flow: Some(&FLOW),
    handle,
    action: |arrived, _| arrived.header("x-tc-action").unwrap_or_else(|| super::last_segment(arrived)),
    buckets: &[(Service::Cos, LKE_BUCKET, LKE_REGION), (Service::Cos, LKE_REALTIME_BUCKET, LKE_REGION)],
    switches: Switches::of::<LkeSwitches>(),
    secrets: &["tmpsecretkey", "token", "x-tc-token", "uploadurl", "fileurl", "downloadurl"],
    ..Vendor::PLAIN
};

/// Whether LKE answers with ready URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LkeUploadUrl {
    #[default]
    None,
    WithCredentials,
    Only,
}

/// What `StoragePath` of the newer API is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LkeStoragePath {
    #[default]
    Object,
    Text,
}

#[derive(Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "names in the one document of all switches")]
struct LkeSwitches {
    lke_upload_url: LkeUploadUrl,
    /// Upload keys may PostObject too.
    lke_post_object: bool,
    lke_storage_path: LkeStoragePath,
    /// How many answers of `DescribeDoc` say that a document is still being parsed.
    lke_parsing: u32,
    /// The `Status` after those: 10 is imported, 18 is failed.
    lke_status: u32,
}

impl Default for LkeSwitches {
    fn default() -> Self {
        Self {
            lke_upload_url: LkeUploadUrl::default(),
            lke_post_object: false,
            lke_storage_path: LkeStoragePath::default(),
            lke_parsing: 1,
            lke_status: 10,
        }
    }
}

/// The two APIs that know `DescribeStorageCredential`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Api {
    /// Service `lke`, 2023-11-30.
    Lke,
    /// Service `adp`, 2026-05-20.
    Adp,
}

fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    if ctx.arrived.path == chat::PATH {
        return chat::handle(ctx, body);
    }
    // The official SDK looks for an error only under exactly this type, without a charset.
    let reply = |response: Value| {
        let text = json!({ "Response": response }).to_string();
        Reply::bytes(200, "application/json", text)
    };
    match answer(ctx, body) {
        Ok(mut response) => {
            response["RequestId"] = json!(ids::uuid());
            reply(response)
        }
        Err(Refused { code, message, .. }) => {
            let error = json!({ "Code": code, "Message": message });
            reply(json!({ "Error": error, "RequestId": ids::uuid() })).code(&code)
        }
    }
}

fn answer(ctx: &Ctx<'_>, body: &[u8]) -> Result<Value, Refused> {
    let header = |name: &str| ctx.arrived.header(name);
    let missing = |name: &str| refused("MissingParameter", &format!("{name} is missing."));
    let action = header("x-tc-action").ok_or_else(|| missing("X-TC-Action"))?;
    let version = header("x-tc-version").ok_or_else(|| missing("X-TC-Version"))?;
    if ctx.arrived.method != "POST" {
        return Err(refused("UnsupportedProtocol", "The HTTP method is not supported; use POST."));
    }
    let api = signed_for(ctx, body)?;
    let region = header("x-tc-region");
    if region.is_some_and(|region| !["ap-guangzhou", "ap-jakarta"].contains(&region.as_str())) {
        return Err(refused("UnsupportedRegion", "The region is not supported."));
    }
    match (api, version.as_str(), action.as_str()) {
        (Api::Lke, "2023-11-30", "DescribeStorageCredential")
        | (Api::Adp, "2026-05-20", "DescribeStorageCredential") => credential::answer(ctx, api, body),
        (Api::Lke, "2023-11-30", "SaveDoc") => document::save(ctx, &object(body)?),
        (Api::Lke, "2023-11-30", "DescribeDoc") => document::describe(ctx, &object(body)?),
        (Api::Lke, "2023-11-30", _) | (Api::Adp, "2026-05-20", _) => {
            Err(refused("InvalidAction", "The requested API does not exist."))
        }
        _ => Err(refused("NoSuchVersion", "The API version does not exist.")),
    }
}

/// The service that the request was signed for.
fn signed_for(ctx: &Ctx<'_>, body: &[u8]) -> Result<Api, Refused> {
    let authorization = ctx.arrived.header("authorization").unwrap_or_default();
    let (api, service) =
        if authorization.contains("/adp/tc3_request,") { (Api::Adp, "adp") } else { (Api::Lke, "lke") };
    tc3::verify(ctx.arrived, body, service, &ctx.vendors.tencent, ctx.now)?;
    Ok(api)
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    serde_json::from_slice(body)
        .map_err(|_| refused("InvalidParameter", "The request body is not a JSON object."))
}

/// Refuses members that the API does not have.
fn only(json: &Map<String, Value>, known: &[&str]) -> Result<(), Refused> {
    match json.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(refused("UnknownParameter", &format!("The parameter `{name}` is not recognized."))),
        None => Ok(()),
    }
}

/// A text; types are checked as the gateway does: a 19-digit number is not a string. Empty is absent.
fn text(json: &Map<String, Value>, name: &str) -> Result<Option<String>, Refused> {
    match json.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(wrong_type(name, "string")),
    }
}

fn required(json: &Map<String, Value>, name: &str) -> Result<String, Refused> {
    text(json, name)?.ok_or_else(|| {
        refused("MissingParameter", &format!("The request is missing a required parameter `{name}`."))
    })
}

/// A whole number; digits as a text will do, for SDKs without types send what they were given.
fn number(json: &Map<String, Value>, name: &str) -> Result<Option<i64>, Refused> {
    let read = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match json.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read(value).map(Some).ok_or_else(|| wrong_type(name, "integer")),
    }
}

fn flag(json: &Map<String, Value>, name: &str) -> Result<bool, Refused> {
    match json.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or_else(|| wrong_type(name, "bool")),
    }
}

fn wrong_type(name: &str, wanted: &str) -> Refused {
    refused("InvalidParameter", &format!("The type of `{name}` is wrong: {wanted} expected."))
}
