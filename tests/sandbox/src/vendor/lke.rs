//! LKE `DescribeStorageCredential`: COS keys for exactly one path, or for downloading.

use serde_json::{Map, Value, json};

use crate::encode::{percent, percent_path};
use crate::facts::{LKE_BUCKET, LKE_REALTIME_BUCKET, LKE_REGION};
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::LkeUploadUrl;
use crate::verify::keys::{Key, Scope};
use crate::verify::tc3::refused;
use crate::verify::{Refused, cos, tc3};
use crate::world::Ctx;
use crate::{Arrived, ids};

const FILE_TYPES: &str = " docx doc pdf txt md wps pages html mhtml epub xml json log xlsx xls csv tsv numbers pptx ppt ppsx \
     ppsm key png jpg jpeg gif bmp tiff webp heif heic jp2 eps icns im pcx ppm xbm xmind ";

pub(crate) fn handle(ctx: &Ctx<'_>, body: &[u8]) -> Reply {
    // The official SDK looks for an error only under exactly this type, without a charset.
    let reply = |response: Value| {
        let text = json!({ "Response": response }).to_string();
        Reply::bytes(200, "application/json", text)
    };
    match credential(ctx, body) {
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

fn credential(ctx: &Ctx<'_>, body: &[u8]) -> Result<Value, Refused> {
    let header = |name: &str| ctx.arrived.header(name);
    let action =
        header("x-tc-action").ok_or_else(|| refused("MissingParameter", "X-TC-Action is missing."))?;
    let version =
        header("x-tc-version").ok_or_else(|| refused("MissingParameter", "X-TC-Version is missing."))?;
    if ctx.arrived.method != "POST" {
        return Err(refused("UnsupportedProtocol", "The HTTP method is not supported; use POST."));
    }
    tc3::verify(ctx.arrived, body, "lke", &ctx.vendors.tencent, ctx.now)?;
    if version != "2023-11-30" {
        return Err(refused("NoSuchVersion", "The API version does not exist."));
    }
    if action != "DescribeStorageCredential" {
        return Err(refused("InvalidAction", "The requested API does not exist."));
    }
    if header("x-tc-region").is_some_and(|region| !["ap-guangzhou", "ap-jakarta"].contains(&region.as_str()))
    {
        return Err(refused("UnsupportedRegion", "The region is not supported."));
    }
    let request = Request::read(body)?;
    Ok(answer(ctx, &request))
}

struct Request {
    bot_biz_id: String,
    file_type: Option<String>,
    is_public: bool,
    is_realtime: bool,
}

impl Request {
    /// Types are checked as the gateway does: a 19-digit number is not a string.
    fn read(body: &[u8]) -> Result<Self, Refused> {
        let invalid = |message: &str| refused("InvalidParameter", message);
        let json: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| invalid("The request body is not a JSON object."))?;
        let known = ["BotBizId", "FileType", "IsPublic", "TypeKey"];
        if let Some(name) = json.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(refused("UnknownParameter", &format!("The parameter `{name}` is not recognized.")));
        }
        let text = |name: &str| match json.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(invalid(&format!("The type of `{name}` is wrong: string expected."))),
        };
        let bot_biz_id = text("BotBizId")?.ok_or_else(|| {
            refused("MissingParameter", "The request is missing a required parameter `BotBizId`.")
        })?;
        if !bot_biz_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid("`BotBizId` is not an application id."));
        }
        let file_type = text("FileType")?;
        if file_type.as_ref().is_some_and(|kind| !FILE_TYPES.contains(&format!(" {kind} "))) {
            return Err(invalid("`FileType` is not supported."));
        }
        let is_public = match json.get("IsPublic") {
            None | Some(Value::Null) => false,
            Some(value) => {
                value.as_bool().ok_or_else(|| invalid("The type of `IsPublic` is wrong: bool expected."))?
            }
        };
        let is_realtime = match text("TypeKey")?.as_deref() {
            None | Some("offline") => false,
            Some("realtime") => true,
            Some(_) => return Err(invalid("`TypeKey` is neither offline nor realtime.")),
        };
        Ok(Self { bot_biz_id, file_type, is_public, is_realtime })
    }
}

fn answer(ctx: &Ctx<'_>, request: &Request) -> Value {
    let settings = ctx.world.settings();
    let bucket = if request.is_realtime { LKE_REALTIME_BUCKET } else { LKE_BUCKET };
    let corp = "1737374499879124992";
    let (upload_path, file_path, life) = if let Some(kind) = &request.file_type {
        let name = format!("{}-{}.{kind}", ids::letters(20), ids::digits(19));
        let (root, folder) = if request.is_public { ("public", "image") } else { ("corp", "doc") };
        (format!("/{root}/{corp}/{}/{folder}/{name}", request.bot_biz_id), String::new(), 600)
    } else {
        (String::new(), "/corp/137/doc/".to_owned(), 3600)
    };
    let object_key = upload_path.trim_start_matches('/');
    let scope = match object_key {
        "" => Scope::Nothing,
        key => {
            Scope::Object { bucket: bucket.to_owned(), key: key.to_owned(), post: settings.lke_post_object }
        }
    };
    let expires_at = ctx.now + ctx.life(life);
    let key = Key {
        id: format!("AKID{}", ids::letters(60)),
        secret: ids::letters(44),
        token: Some(ids::token("")),
        expires_at: Some(expires_at),
        scope,
    };
    let mut response = json!({
        "Credentials": { "Token": key.token, "TmpSecretId": key.id, "TmpSecretKey": key.secret, "AppId": 1_250_000_000 },
        "ExpiredTime": expires_at,
        "StartTime": ctx.now,
        "Bucket": bucket,
        "Region": LKE_REGION,
        "FilePath": file_path,
        "Type": "cos",
        "CorpUin": "0",
        "ImagePath": "",
        "UploadPath": upload_path,
    });
    let setting = settings.lke_upload_url;
    if setting != LkeUploadUrl::None && !upload_path.is_empty() {
        response["UploadUrl"] = json!(presigned(ctx, "PUT", bucket, object_key, &key));
        response["FileUrl"] = json!(presigned(ctx, "GET", bucket, object_key, &key));
    }
    if setting == LkeUploadUrl::Only {
        response["Credentials"] = Value::Null;
    }
    ctx.vendors.tencent.add(key);
    response
}

/// A COS URL of this sandbox, in path style; host and path are signed as they will be sent.
fn presigned(ctx: &Ctx<'_>, method: &str, bucket: &str, object_key: &str, key: &Key) -> String {
    let base = ctx.world.url(Service::Cos);
    let host = base.trim_start_matches("http://").to_owned();
    let window = format!("{};{}", ctx.now - 60, key.expires_at.unwrap_or_default().max(ctx.now - 59));
    let token = percent(key.token.as_deref().unwrap_or_default());
    let target = format!("/{bucket}/{}?x-cos-security-token={token}", percent_path(object_key));
    let mut headers = http::HeaderMap::new();
    headers.extend(http::HeaderValue::try_from(host).ok().map(|value| (http::header::HOST, value)));
    let request = Arrived::new(method, &target, headers);
    let mut claim = cos::Presented {
        key_id: key.id.clone(),
        sign_time: window.clone(),
        key_time: window.clone(),
        header_list: vec!["host".to_owned()],
        url_param_list: vec!["x-cos-security-token".to_owned()],
        signature: String::new(),
        token: None,
    };
    let http_string = cos::http_string(&request, &claim).unwrap_or_default();
    let text = cos::string_to_sign(&window, &http_string);
    claim.signature = cos::signature(&cos::sign_key(&key.secret, &window), &text);
    let (window, signature) = (percent(&window), &claim.signature);
    format!(
        "{base}{target}&q-sign-algorithm=sha1&q-ak={}&q-sign-time={window}&q-key-time={window}&q-header-list=host\
         &q-url-param-list=x-cos-security-token&q-signature={signature}",
        key.id
    )
}
