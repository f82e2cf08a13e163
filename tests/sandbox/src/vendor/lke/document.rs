//! `SaveDoc` and `DescribeDoc`: an uploaded file becomes a document of the knowledge base, or does not.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::{LKE_BUCKET, LkeSwitches, number, only, required};
use crate::service::Service;
use crate::verify::Refused;
use crate::verify::tc3::refused;
use crate::world::Ctx;
use crate::{ids, lock};

/// Members of `SaveDocRequest` (lke 3.1.101).
const SAVE_DOC: &[&str] = &[
    "BotBizId",
    "FileName",
    "FileType",
    "CosUrl",
    "ETag",
    "CosHash",
    "Size",
    "AttrRange",
    "Source",
    "WebUrl",
    "AttrLabels",
    "ReferUrlType",
    "ExpireStart",
    "ExpireEnd",
    "IsRefer",
    "Opt",
    "CateBizId",
    "IsDownload",
    "DuplicateFileHandles",
    "SplitRule",
    "UpdatePeriodInfo",
    "EnableScope",
    "FileUrl",
];
/// Still being parsed.
const PARSING: u32 = 17;

#[derive(Clone)]
struct Document {
    bot_biz_id: String,
    file_name: String,
    file_type: String,
    cos_url: String,
    cos_hash: String,
    enable_scope: i64,
    /// Answers of `DescribeDoc` so far.
    asked: u32,
}

/// The documents, by their ids.
#[derive(Default)]
struct Documents(Mutex<HashMap<String, Document>>);

/// Takes an uploaded file in, once: the same `CosHash` again is a duplicate.
pub(crate) fn save(ctx: &Ctx<'_>, json: &Map<String, Value>) -> Result<Value, Refused> {
    let document = read(ctx, json)?;
    let documents = ctx.vendors.state::<Documents>();
    let mut documents = lock(&documents.0);
    let same = |one: &Document| one.bot_biz_id == document.bot_biz_id && one.cos_hash == document.cos_hash;
    if let Some(id) = documents.iter().find(|(_, one)| same(one)).map(|(id, _)| id.clone()) {
        return if skips_duplicates(json)? {
            Ok(saved(&id, 1))
        } else {
            Err(refused("FailedOperation", "The document already exists."))
        };
    }
    let id = ids::digits(19);
    documents.insert(id.clone(), document);
    Ok(saved(&id, 0))
}

fn saved(id: &str, duplicate: u32) -> Value {
    json!({ "DocBizId": id, "ErrorMsg": "", "ErrorLink": "", "ErrorLinkText": "", "DuplicateFileCheckType": duplicate })
}

/// What it says must be what was uploaded.
fn read(ctx: &Ctx<'_>, json: &Map<String, Value>) -> Result<Document, Refused> {
    let invalid = |message: &str| Err(refused("InvalidParameter", message));
    only(json, SAVE_DOC)?;
    let (file_name, file_type) = (required(json, "FileName")?, required(json, "FileType")?);
    let (cos_url, cos_hash) = (required(json, "CosUrl")?, required(json, "CosHash")?);
    let (etag, size) = (required(json, "ETag")?, required(json, "Size")?);
    let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if extension.is_empty() || !extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return invalid("`FileName` has no extension.");
    }
    let key = cos_url.strip_prefix('/').unwrap_or_default();
    let Some(object) = ctx.world.objects.get(Service::Cos.name(), LKE_BUCKET, key) else {
        return invalid("`CosUrl` does not exist.");
    };
    let plain = |tag: &str| tag.trim_matches('"').to_ascii_lowercase();
    if plain(&etag) != plain(&object.etag) {
        return invalid("`ETag` is not the object's.");
    }
    if cos_hash != object.crc64.to_string() || size != object.size.to_string() {
        return invalid("`CosHash` or `Size` is not the object's.");
    }
    if !key.ends_with(&format!(".{file_type}")) {
        return invalid("`FileType` is not the one that the path was issued for.");
    }
    if number(json, "Opt")?.is_some_and(|opt| opt != 2) {
        return invalid("`Opt` 1 takes the platform's own workbook only.");
    }
    let enable_scope = number(json, "EnableScope")?.unwrap_or(2);
    if !(1..=4).contains(&enable_scope) {
        return invalid("`EnableScope` is none of 1 to 4.");
    }
    let bot_biz_id = required(json, "BotBizId")?;
    Ok(Document { bot_biz_id, file_name, file_type, cos_url, cos_hash, enable_scope, asked: 0 })
}

/// `DuplicateFileHandles`: by content, 1 is an error and 2 is the document that is there.
fn skips_duplicates(json: &Map<String, Value>) -> Result<bool, Refused> {
    let Some(handles) = json.get("DuplicateFileHandles").filter(|value| !value.is_null()) else {
        return Ok(false);
    };
    let first = handles.as_array().and_then(|all| all.first());
    match first.map(|one| (one["CheckType"].as_i64(), one["HandleType"].as_i64())) {
        Some((Some(1), Some(1))) => Ok(false),
        Some((Some(1), Some(2))) => Ok(true),
        _ => Err(refused("InvalidParameter", "`DuplicateFileHandles` is wrong.")),
    }
}

/// How far it is: parsing for as long as the switches say, then what they say.
pub(crate) fn describe(ctx: &Ctx<'_>, json: &Map<String, Value>) -> Result<Value, Refused> {
    only(json, &["BotBizId", "DocBizId"])?;
    let (bot_biz_id, id) = (required(json, "BotBizId")?, required(json, "DocBizId")?);
    let documents = ctx.vendors.state::<Documents>();
    let mut documents = lock(&documents.0);
    let document = documents.get_mut(&id).filter(|document| document.bot_biz_id == bot_biz_id);
    let document = document.ok_or_else(|| refused("FailedOperation", "The document does not exist."))?;
    document.asked += 1;
    let settings = ctx.switches::<LkeSwitches>();
    let status = if document.asked > settings.lke_parsing { settings.lke_status } else { PARSING };
    let reason = if status == 18 { "the document cannot be parsed" } else { "" };
    Ok(json!({
        "DocBizId": id, "FileName": document.file_name, "FileType": document.file_type, "CosUrl": document.cos_url,
        "UpdateTime": ctx.now.to_string(), "Status": status, "StatusDesc": "", "Reason": reason, "IsRefer": false,
        "QaNum": 0, "IsDeleted": false, "Source": 0, "DocCharSize": "0", "AttrRange": 1,
        "EnableScope": document.enable_scope, "IsDisabled": false,
    }))
}
