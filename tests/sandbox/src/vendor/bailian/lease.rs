//! `ApplyFileUploadLease`: a signed URL and its headers, for one file whose name, size and MD5 are said.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{BAILIAN_BUCKET, BAILIAN_CATEGORY_ID, BailianSwitches, HOST, KEY_ID, KEY_SECRET};
use crate::encode::base64;
use crate::vendor::{pop, presigned};
use crate::verify::Refused;
use crate::world::Ctx;
use crate::{ids, lock};

/// The formats of the documents, with the types that the lease binds.
const FORMATS: &[(&str, &str)] = &[
    ("doc docx wps", "application/msword"),
    ("ppt pptx", "application/vnd.ms-powerpoint"),
    ("xls xlsx", "application/vnd.ms-excel"),
    ("md", "text/markdown"),
    ("txt", "text/plain"),
    ("pdf", "application/pdf"),
    ("epub mobi", "application/epub+zip"),
    ("png", "image/png"),
    ("jpg jpeg", "image/jpeg"),
    ("bmp", "image/bmp"),
    ("gif", "image/gif"),
    ("aac amr flac flv m4a mp3 mpeg ogg opus wav webm wma", "application/octet-stream"),
    ("mp4 mkv avi mov wmv", "application/octet-stream"),
];
/// 100 MB.
const LARGEST: u64 = 100 * 1024 * 1024;

/// What a lease is for.
#[derive(Clone)]
pub(crate) struct Lease {
    pub(crate) key: String,
    pub(crate) file_name: String,
    pub(crate) md5: String,
    pub(crate) size: u64,
    pub(crate) category: String,
    pub(crate) category_type: String,
}

/// The leases, by their ids.
#[derive(Default)]
pub(crate) struct Leases(Mutex<HashMap<String, Lease>>);

impl Leases {
    pub(crate) fn find(&self, id: &str) -> Option<Lease> {
        lock(&self.0).get(id).cloned()
    }
}

pub(crate) fn apply(ctx: &Ctx<'_>, category: &str, given: &[(String, String)]) -> Result<Value, Refused> {
    pop::only(given, &["FileName", "Md5", "SizeInBytes", "CategoryType", "UseInternalEndpoint"])?;
    let file_name = pop::required(given, "FileName")?;
    let (md5, size) = (pop::required(given, "Md5")?, pop::required(given, "SizeInBytes")?);
    let extension = file_name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    let format = FORMATS.iter().find(|(names, _)| names.split(' ').any(|name| name == extension));
    let length = file_name.chars().count();
    let Some((_, content_type)) = format.filter(|_| (4..=128).contains(&length)) else {
        return Err(pop::invalid("FileName", "is not supported"));
    };
    if md5.len() != 32 || !md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(pop::invalid("Md5", "is not 32 hex digits"));
    }
    let size: u64 = size
        .parse()
        .ok()
        .filter(|size| (1..=LARGEST).contains(size))
        .ok_or_else(|| pop::invalid("SizeInBytes", "is not between 1 and 104857600"))?;
    let category_type = Some(pop::get(given, "CategoryType")).filter(|text| !text.is_empty());
    let category_type = category_type.unwrap_or("UNSTRUCTURED").to_owned();
    if !["UNSTRUCTURED", "SESSION_FILE"].contains(&category_type.as_str()) {
        return Err(pop::invalid("CategoryType", "is not supported"));
    }
    if !["default", BAILIAN_CATEGORY_ID].contains(&category) {
        return Err(pop::invalid("CategoryId", "does not exist"));
    }
    if !["", "false"].contains(&pop::get(given, "UseInternalEndpoint")) {
        return Err(pop::invalid("UseInternalEndpoint", "needs secure storage"));
    }

    let id = format!("{}.{}", ids::hex32(), ctx.now * 1000);
    let key = format!("1005426495169178/10024405/{}.{}.{extension}", ids::hex32(), ctx.now * 1000);
    let content_type = if ctx.switches::<BailianSwitches>().bailian_empty_type { "" } else { content_type };
    let target = presigned::Target { host: HOST, bucket: BAILIAN_BUCKET, key: &key };
    let expires = ctx.now + ctx.life(600);
    let url = presigned::url("PUT", &target, Some(content_type), (KEY_ID, KEY_SECRET), expires);
    let lease = Lease { key, file_name, md5, size, category: category.to_owned(), category_type };
    lock(&ctx.vendors.state::<Leases>().0).insert(id.clone(), lease);
    let extra = base64(b"1005426495169178");
    Ok(json!({
        "FileUploadLeaseId": id,
        "Type": "OSS.PreSignedUrl",
        "Param": {
            "Method": "PUT", "Url": url, "Headers": { "X-bailian-extra": extra, "Content-Type": content_type },
        },
    }))
}
