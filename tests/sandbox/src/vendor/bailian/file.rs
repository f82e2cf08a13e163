//! `AddFile` registers what was uploaded under a lease; `DescribeFile` says how far it is.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::lease::{Lease, Leases};
use super::{BAILIAN_BUCKET, BailianSwitches};
use crate::service::Service;
use crate::vendor::pop;
use crate::verify::Refused;
use crate::world::Ctx;
use crate::{clock, ids, lock};

const PARSERS: [&str; 6] = [
    "DOCMIND",
    "DOCMIND_DIGITAL",
    "DOCMIND_LLM_VERSION",
    "DASH_QWEN_VL_PARSER",
    "DOCMIND_LLM_VERSION_MEDIA",
    "AUTO_SELECT",
];

struct File {
    lease: Lease,
    parser: String,
    added_at: i64,
    /// Answers of `DescribeFile` so far.
    asked: u32,
}

/// The files, by their ids.
#[derive(Default)]
struct Files(Mutex<HashMap<String, File>>);

pub(crate) fn add(ctx: &Ctx<'_>, given: &[(String, String)]) -> Result<Value, Refused> {
    let known =
        ["CategoryId", "CategoryType", "LeaseId", "OriginalFileUrl", "Parser", "ParserConfig", "Tags"];
    pop::only(given, &known)?;
    let (id, parser) = (pop::required(given, "LeaseId")?, pop::required(given, "Parser")?);
    let category = pop::required(given, "CategoryId")?;
    let lease = ctx.vendors.state::<Leases>().find(&id);
    let lease = lease.ok_or_else(|| pop::invalid("LeaseId", "does not exist"))?;
    if !PARSERS.contains(&parser.as_str()) {
        return Err(pop::invalid("Parser", "is not supported"));
    }
    let category_type = Some(pop::get(given, "CategoryType")).filter(|text| !text.is_empty());
    if category != lease.category || category_type.unwrap_or("UNSTRUCTURED") != lease.category_type {
        return Err(pop::invalid("CategoryId", "or CategoryType is not the lease's"));
    }
    let object = ctx.world.objects.get(Service::Oss.name(), BAILIAN_BUCKET, &lease.key);
    // The vendor announces that it will compare these two.
    let same = |size: u64, md5: &str| size == lease.size && md5.eq_ignore_ascii_case(&lease.md5);
    if !object.is_some_and(|object| same(object.size, &object.md5)) {
        return Err(pop::invalid("LeaseId", "has no file, or another one"));
    }
    let file_id = format!("file_{}_10000001", ids::hex32());
    let file = File { lease, parser: parser.clone(), added_at: ctx.now, asked: 0 };
    lock(&ctx.vendors.state::<Files>().0).insert(file_id.clone(), file);
    Ok(json!({ "FileId": file_id, "Parser": parser }))
}

pub(crate) fn describe(ctx: &Ctx<'_>, id: &str) -> Result<Value, Refused> {
    let files = ctx.vendors.state::<Files>();
    let mut files = lock(&files.0);
    let file = files.get_mut(id).ok_or_else(|| pop::invalid("FileId", "does not exist"))?;
    file.asked += 1;
    let settings = ctx.switches::<BailianSwitches>();
    let parsed = file.asked > settings.bailian_parsing;
    let status = if parsed { settings.bailian_status.as_str() } else { "PARSING" };
    let extension = file.lease.file_name.rsplit('.').next().unwrap_or_default();
    Ok(json!({
        "FileId": id, "FileName": file.lease.file_name, "FileType": extension, "SizeInBytes": file.lease.size,
        "CategoryId": file.lease.category, "Parser": file.parser, "Status": status, "Tags": [],
        "CreateTime": clock::dashed(file.added_at).replace('T', " ").replace('Z', ""),
    }))
}
