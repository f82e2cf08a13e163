//! `DescribeStorageCredential`: COS keys for exactly one path, or for downloading.

use serde_json::{Map, Value, json};

use super::{
    Api, LKE_BUCKET, LKE_REALTIME_BUCKET, LKE_REGION, LkeStoragePath, LkeSwitches, LkeUploadUrl, flag,
    object, only, required, text,
};
use crate::encode::{percent, percent_path};
use crate::service::Service;
use crate::verify::keys::{Key, Scope};
use crate::verify::tc3::refused;
use crate::verify::{Refused, cos};
use crate::world::Ctx;
use crate::{Arrived, ids};

const FILE_TYPES: &str = " docx doc pdf txt md wps pages html mhtml epub xml json log xlsx xls csv tsv numbers pptx ppt ppsx \
     ppsm key png jpg jpeg gif bmp tiff webp heif heic jp2 eps icns im pcx ppm xbm xmind ";

/// An upload key for one new path, or a key for downloads where no file type is named.
pub(crate) fn answer(ctx: &Ctx<'_>, api: Api, body: &[u8]) -> Result<Value, Refused> {
    let request = Request::read(api, &object(body)?)?;
    Ok(issue(ctx, api, &request))
}

struct Request {
    application: String,
    file_type: Option<String>,
    is_public: bool,
    is_realtime: bool,
}

impl Request {
    fn read(api: Api, json: &Map<String, Value>) -> Result<Self, Refused> {
        let invalid = |message: &str| refused("InvalidParameter", message);
        let (name, own): (_, &[&str]) = match api {
            Api::Lke => ("BotBizId", &["BotBizId", "FileType", "IsPublic", "TypeKey"]),
            Api::Adp => ("AppId", &["AppId", "FileType", "IsPublic", "TypeKey", "CosUrl"]),
        };
        only(json, own)?;
        let application = required(json, name)?;
        if !application.bytes().all(|byte| byte.is_ascii_digit()) || (application == "0" && api == Api::Lke) {
            return Err(invalid(&format!("`{name}` is not an application id.")));
        }
        let file_type = text(json, "FileType")?;
        if file_type.as_ref().is_some_and(|kind| !FILE_TYPES.contains(&format!(" {kind} "))) {
            return Err(invalid("`FileType` is not supported."));
        }
        text(json, "CosUrl")?;
        let is_realtime = match text(json, "TypeKey")?.as_deref() {
            None | Some("offline") => false,
            Some("realtime") => true,
            Some(_) => return Err(invalid("`TypeKey` is neither offline nor realtime.")),
        };
        Ok(Self { application, file_type, is_public: flag(json, "IsPublic")?, is_realtime })
    }
}

fn issue(ctx: &Ctx<'_>, api: Api, request: &Request) -> Value {
    let settings = ctx.switches::<LkeSwitches>();
    let bucket = if request.is_realtime { LKE_REALTIME_BUCKET } else { LKE_BUCKET };
    let corp = "1737374499879124992";
    let (upload_path, file_path, life) = if let Some(kind) = &request.file_type {
        let name = format!("{}-{}.{kind}", ids::letters(20), ids::digits(19));
        let (root, folder) = if request.is_public { ("public", "image") } else { ("corp", "doc") };
        (format!("/{root}/{corp}/{}/{folder}/{name}", request.application), String::new(), 600)
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
    if api == Api::Adp { nested(response, settings.lke_storage_path) } else { response }
}

/// The newer API's shape: the paths in `StoragePath`, or the upload path alone as its text.
fn nested(mut flat: Value, shape: LkeStoragePath) -> Value {
    let Some(members) = flat.as_object_mut() else { return flat };
    let mut paths = Map::new();
    for name in ["FilePath", "ImagePath", "UploadPath", "UploadUrl", "FileUrl"] {
        paths.extend(members.shift_remove(name).map(|value| (name.to_owned(), value)));
    }
    let storage_path = match shape {
        LkeStoragePath::Object => Value::Object(paths),
        LkeStoragePath::Text => paths.remove("UploadPath").unwrap_or_default(),
    };
    members.insert("StoragePath".to_owned(), storage_path);
    flat
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
