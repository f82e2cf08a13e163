//! `AddFile` and `DescribeFile`: the upload becomes a file of the knowledge base.
//!
//! <https://help.aliyun.com/zh/model-studio/api-bailian-2023-12-29-addfile>

use http::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Document, Receipt};
use upload_grant::wire::encode;
use upload_grant_runtime::flow::{Context, Finish};
use upload_grant_runtime::vendor;

use crate::lease::{Leases, path, success};

/// `Status` of a file that can no longer be used, besides those with `FAILED` in it.
const GONE: [&str; 2] = ["INDEX_DELETED", "FILE_EXPIRED"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Added {
    file_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    status: String,
}

/// The next step: `AddFile` where there is no file yet, else `DescribeFile` for its status.
pub(crate) async fn step(
    leases: &Leases,
    cx: &Context,
    receipt: &Receipt,
    deadline: Instant,
) -> Result<Finish, Problem> {
    let Some(add) = &receipt.handoff else { return Ok(Finish::Done(None)) };
    let param = |name: &str| add.params.get(name).and_then(Value::as_str).unwrap_or_default();
    let (workspace, files) = (param("WorkspaceId"), "datacenter");
    let Some(document) = &receipt.document else {
        let form = ["CategoryId", "CategoryType", "LeaseId", "Parser"].map(|name| (name, param(name)));
        let path = path(&[workspace, files, "file"]);
        let action = (Method::PUT, "AddFile", &*path);
        let form = encode::query(&form);
        let (added, _) = leases.call(cx, action, Some(&form), deadline, success::<Added>).await?;
        let id = vendor::request_id(Some(&added.file_id))
            .ok_or_else(|| vendor::bad_answer("no usable file id"))?;
        return Ok(Finish::Pending(Document { id, status: Value::Null }));
    };
    // The vendor's path ends with a slash.
    let path = path(&[workspace, files, "file", &document.id, ""]);
    let action = (Method::GET, "DescribeFile", &*path);
    let (described, _) = leases.call(cx, action, None, deadline, success::<Described>).await?;
    let status = described.status;
    if status.contains("FAILED") || GONE.contains(&&*status) {
        return Err(Problem::new(Code::VendorRejected, "the vendor could not make a file of the upload"));
    }
    // A conversation's file goes on from there to an index of its own.
    let last = if param("CategoryType") == "SESSION_FILE" { "FILE_IS_READY" } else { "PARSE_SUCCESS" };
    let usable = status == last;
    let document = Document { id: document.id.clone(), status: status.into() };
    Ok(if usable { Finish::Done(Some(document)) } else { Finish::Pending(document) })
}
