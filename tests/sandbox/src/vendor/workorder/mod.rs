//! The ticket service: `getOSSTempAuthor` (a ready POST form, V1) and its successor `GetAttachmentUploadUrl`; tickets
//! with what was uploaded.

mod ticket;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Vendor, parameters, pop, presigned};
use crate::encode::base64;
use crate::facts::alibaba_env;
use crate::flow::Flow;
use crate::reply::Reply;
use crate::service::Service;
use crate::settings::Switches;
use crate::verify::keys::{Key, Scope};
use crate::verify::{Refused, acs3, oss1, rpc_v1};
use crate::world::Ctx;
use crate::{clock, ids};

/// The key the ticket service signs its forms and URLs with.
pub const WORKORDER_KEY_ID: &str = "LTAI5tSandboxTickets0001";
const WORKORDER_KEY_SECRET: &str = "SandboxTicketsOwnSecret0000001";
/// The ticket service's bucket, in `cn-hangzhou`.
pub const WORKORDER_BUCKET: &str = "workorder-sandbox";

pub(crate) static FLOW: Flow = Flow {
    name: "alibaba-workorder",
    title: "Support ticket attachment",
    vendor: "Alibaba Cloud tickets",
    service: Service::Workorder,
    calls: 1,
    modes: &["form", "relay"],
    params: &[],
    hint: "none",
    file: "demo.txt",
    bytes: include_bytes!("demo.txt"),
    env: |url| {
        let own = [("WORKORDER_ENDPOINT", url(Service::Workorder)), ("OSS_ENDPOINT", url(Service::Oss))];
        alibaba_env().into_iter().chain(own).collect()
    },
};

pub(crate) static VENDOR: Vendor = Vendor {
    flow: Some(&FLOW),
    handle,
    action: pop::action,
    buckets: &[(Service::Oss, WORKORDER_BUCKET, "cn-hangzhou")],
    keys: || {
        let tickets = Scope::Bucket(WORKORDER_BUCKET.to_owned());
        vec![Key::long_term(WORKORDER_KEY_ID, WORKORDER_KEY_SECRET, tickets)]
    },
    switches: Switches::of::<WorkorderSwitches>(),
    secrets: pop::SECRETS,
    ..Vendor::PLAIN
};

/// What the policy says about `$key`. Its siblings do any of these; the directory is `dir` in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WorkorderPolicy {
    /// It starts with `dir`.
    #[default]
    StartsWith,
    /// It starts with anything.
    StartsWithEmpty,
    /// It is one key below `dir`.
    Eq,
    None,
}

#[derive(Serialize, Deserialize)]
#[allow(clippy::struct_field_names, reason = "names in the one document of all switches")]
struct WorkorderSwitches {
    workorder_policy: WorkorderPolicy,
    /// What stands before the host: `http://`, `https://`, `//` or nothing.
    workorder_scheme: String,
    /// `dir` ends in a slash.
    workorder_dir_slash: bool,
}

impl Default for WorkorderSwitches {
    fn default() -> Self {
        Self {
            workorder_policy: WorkorderPolicy::default(),
            workorder_scheme: "http://".to_owned(),
            workorder_dir_slash: true,
        }
    }
}

const HOST: &str = "workorder-sandbox.oss-cn-hangzhou.aliyuncs.com";
const OLD_VERSIONS: [&str; 4] = ["2016-06-18", "2016-08-30", "2016-09-19", "2018-10-12"];

fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    let given = parameters(ctx.arrived, body);
    // Not by x-acs-action: an old SDK sends that header along with a V1 signature.
    let is_v3 = ctx.arrived.header("authorization").is_some_and(|value| value.starts_with("ACS3-"));
    let get = |name: &str| given.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    // Without Format=JSON the old gateway answers XML.
    let as_xml = !is_v3 && !get("Format").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let result = if is_v3 {
        let (keys, nonces) = (&ctx.vendors.alibaba, &ctx.vendors.nonces);
        let header = |name: &str| ctx.arrived.header(name).unwrap_or_default();
        acs3::verify(ctx.arrived, body, keys, nonces, ctx.now)
            .and_then(|_| answer(ctx, &header("x-acs-action"), &header("x-acs-version"), &given))
    } else {
        rpc_v1::verify(&ctx.arrived.method, &given, &ctx.vendors.alibaba, &ctx.vendors.nonces, ctx.now)
            .and_then(|_| {
                let (action, version) = (pop::required(&given, "Action")?, pop::required(&given, "Version")?);
                answer(ctx, &action, &version, &given)
            })
    };
    result.unwrap_or_else(|refused| pop::refuse(ctx, &refused, as_xml))
}

fn answer(ctx: &Ctx<'_>, action: &str, version: &str, given: &[(String, String)]) -> Result<Reply, Refused> {
    if ctx.arrived.path != "/" {
        return Err(pop::unknown_action());
    }
    match (version, action) {
        (old, "getOSSTempAuthor" | "GetOSSTempAuthor") if OLD_VERSIONS.contains(&old) => Ok(temp_author(ctx)),
        ("2021-06-10", "GetAttachmentUploadUrl") => {
            // The parameter is "in: formData"; in the query it is not seen.
            let in_query = ctx.arrived.parameter("FileName").is_some();
            let name = given.iter().find(|(n, value)| n == "FileName" && !value.is_empty() && !in_query);
            let message = "The parameter FileName is illegal.";
            let (_, name) = name.ok_or_else(|| Refused::new(400, "param.illegal", message))?;
            Ok(upload_url(ctx, name))
        }
        ("2021-06-10", "CreateTicket") => ticket::create(ctx, given),
        ("2021-06-10", "ReplyTicket") => ticket::reply(ctx, given),
        (old, "add" | "Add") if OLD_VERSIONS.contains(&old) => ticket::add(ctx, given),
        (old, "QuestionReply") if OLD_VERSIONS.contains(&old) => ticket::question_reply(ctx, given),
        ("2021-06-10", _) => Err(pop::unknown_action()),
        (old, _) if OLD_VERSIONS.contains(&old) => Err(pop::unknown_action()),
        _ => Err(pop::unknown_version()),
    }
}

/// About two minutes, 2 MiB, one directory.
fn temp_author(ctx: &Ctx<'_>) -> Reply {
    let settings = ctx.switches::<WorkorderSwitches>();
    let dir = format!("pop_temp{}/", ids::digits(5));
    let key = match settings.workorder_policy {
        WorkorderPolicy::StartsWith => Some(json!(["starts-with", "$key", dir])),
        WorkorderPolicy::StartsWithEmpty => Some(json!(["starts-with", "$key", ""])),
        WorkorderPolicy::Eq => Some(json!(["eq", "$key", format!("{dir}{}", ids::hex32())])),
        WorkorderPolicy::None => None,
    };
    let conditions: Vec<_> = [json!(["content-length-range", 0, 2_097_152])].into_iter().chain(key).collect();
    let expires = ctx.now + ctx.life(120);
    let policy = json!({
        "expiration": clock::dashed(expires).replace('Z', ".471Z"),
        "conditions": conditions,
    });
    let policy = base64(policy.to_string().as_bytes());
    let reply = json!({
        "RequestId": ids::request_id(),
        "success": true,
        "code": "200",
        "message": "successful",
        "data": {
            "accessId": WORKORDER_KEY_ID,
            "signature": oss1::signature(WORKORDER_KEY_SECRET, &policy),
            "policy": policy,
            "dir": if settings.workorder_dir_slash { &dir } else { dir.trim_end_matches('/') },
            "host": format!("{}{HOST}", settings.workorder_scheme),
            "expire": expires.to_string(),
        },
    });
    Reply::json(200, &reply)
}

fn upload_url(ctx: &Ctx<'_>, file_name: &str) -> Reply {
    let key = format!("ticket/{}/{file_name}", ids::hex32());
    let expires = ctx.now + ctx.life(600);
    let put = signed_url("PUT", &key, Some("application/octet-stream"), expires);
    let get = signed_url("GET", &key, None, expires);
    let reply = json!({
        "RequestId": ids::request_id(),
        "Code": 0,
        "Success": true,
        "Message": "success",
        "Data": { "ObjectKey": key, "PutSignedUrl": put, "GetSignedUrl": get },
    });
    Reply::json(200, &reply)
}

fn signed_url(method: &str, key: &str, content_type: Option<&str>, expires: i64) -> String {
    let target = presigned::Target { host: HOST, bucket: WORKORDER_BUCKET, key };
    presigned::url(method, &target, content_type, (WORKORDER_KEY_ID, WORKORDER_KEY_SECRET), expires)
}
