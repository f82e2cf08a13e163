//! Bailian, the knowledge base of Model Studio: `ApplyFileUploadLease`, then `AddFile` and `DescribeFile`. ROA, ACS3.

mod file;
mod lease;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Vendor, pop};
use crate::encode::unpercent;
use crate::facts::alibaba_env;
use crate::flow::Flow;
use crate::ids;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::Switches;
use crate::verify::keys::{Key, Scope};
use crate::verify::{Refused, acs3};
use crate::world::Ctx;

/// A workspace of the demo account.
pub const BAILIAN_WORKSPACE_ID: &str = "llm-5a4db0c000000001";
/// A category besides `default`.
pub const BAILIAN_CATEGORY_ID: &str = "cate_5a4db0c0000000000000000000000001_10000001";
/// Bailian's bucket, in `cn-hangzhou`.
pub const BAILIAN_BUCKET: &str = "bailian-sandbox";
const HOST: &str = "bailian-sandbox.oss-cn-hangzhou.aliyuncs.com";
const KEY_ID: &str = "LTAI5tSandboxBailian0001";
const KEY_SECRET: &str = "SandboxBailianOwnSecret0000001";

pub(crate) static FLOW: Flow = Flow {
    name: "alibaba-bailian",
    title: "Document for Model Studio",
    vendor: "Alibaba Cloud Bailian",
    service: Service::Bailian,
    calls: 1,
    modes: &["put", "relay"],
    params: &["workspace_id", "category_id", "category_type"],
    hint: "category_id (if the policy lets you)",
    file: "demo.md",
    bytes: include_bytes!("demo.md"),
    env: |url| {
        let own = [
            ("BAILIAN_ENDPOINT", url(Service::Bailian)),
            ("BAILIAN_WORKSPACE_ID", BAILIAN_WORKSPACE_ID.to_owned()),
            ("BAILIAN_CATEGORY_ID", "default".to_owned()),
            ("OSS_ENDPOINT", url(Service::Oss)),
        ];
        alibaba_env().into_iter().chain(own).collect()
    },
};

pub(crate) static VENDOR: Vendor = Vendor {
    flow: Some(&FLOW),
    handle,
    action: pop::action,
    buckets: &[(Service::Oss, BAILIAN_BUCKET, "cn-hangzhou")],
    keys: || vec![Key::long_term(KEY_ID, KEY_SECRET, Scope::Bucket(BAILIAN_BUCKET.to_owned()))],
    switches: Switches::of::<BailianSwitches>(),
    secrets: &["x-acs-security-token", "url", "signature"],
    ..Vendor::PLAIN
};

#[derive(Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "names in the one document of all switches")]
struct BailianSwitches {
    /// The lease's `Content-Type` is empty, and must be sent so.
    bailian_empty_type: bool,
    /// How many answers of `DescribeFile` say that a file is still being parsed.
    bailian_parsing: u32,
    /// The `Status` after those.
    bailian_status: String,
}

impl Default for BailianSwitches {
    fn default() -> Self {
        Self { bailian_empty_type: false, bailian_parsing: 1, bailian_status: "PARSE_SUCCESS".to_owned() }
    }
}

fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    answer(ctx, body).unwrap_or_else(|refused| pop::refuse(ctx, &refused, false))
}

fn answer(ctx: &Ctx<'_>, body: &[u8]) -> Result<Reply, Refused> {
    acs3::verify(ctx.arrived, body, &ctx.vendors.alibaba, &ctx.vendors.nonces, ctx.now)?;
    if ctx.arrived.header("x-acs-version").as_deref() != Some("2023-12-29") {
        return Err(pop::unknown_version());
    }
    let action = ctx.arrived.header("x-acs-action").unwrap_or_default();
    let segments: Vec<String> = ctx.arrived.path.split('/').skip(1).map(unpercent).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let Some((&workspace, path)) = segments.split_first() else { return Err(pop::unknown_action()) };
    if workspace != BAILIAN_WORKSPACE_ID {
        let message = "You do not have permission to access this workspace.";
        return Err(Refused::new(403, "Index.NoWorkspacePermissions", message));
    }
    // A form, and nothing of it in the query.
    let given = || match ctx.arrived.query.as_str() {
        "" => Ok(super::parameters(ctx.arrived, body)),
        _ => Err(pop::invalid("Query", "is not empty")),
    };
    let data = match (action.as_str(), ctx.arrived.method.as_str(), path) {
        ("ApplyFileUploadLease", "POST", ["datacenter", "category", category]) => {
            lease::apply(ctx, category, &given()?)?
        }
        ("AddFile", "PUT", ["datacenter", "file"]) => file::add(ctx, &given()?)?,
        ("DescribeFile", "GET", ["datacenter", "file", id, ""]) => file::describe(ctx, id)?,
        _ => return Err(pop::unknown_action()),
    };
    Ok(envelope(&data))
}

/// What is said of every success.
fn envelope(data: &Value) -> Reply {
    let reply = json!({
        "RequestId": ids::request_id(), "Code": "", "Message": "", "Status": "200", "Success": true, "Data": data,
    });
    Reply::json(200, &reply)
}
