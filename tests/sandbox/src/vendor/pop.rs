//! Alibaba Cloud's API gateway (POP): its error document, and what the RPC services share.

use serde_json::{Value, json};

use super::{last_segment, parameters};
use crate::arrived::Arrived;
use crate::ids;
use crate::reply::{Reply, xml_elements};
use crate::verify::Refused;
use crate::world::Ctx;

/// Where secrets are in what these services are sent and answer.
pub(crate) const SECRETS: &[&str] = &[
    "accesskeysecret",
    "securitytoken",
    "x-acs-security-token",
    "policy",
    "signature",
    "putsignedurl",
    "getsignedurl",
];

/// The action, in whichever of its places.
pub(crate) fn action(arrived: &Arrived, body: &[u8]) -> String {
    let given = || parameters(arrived, body).into_iter().find(|(name, _)| name == "Action");
    let header = arrived.header("x-acs-action");
    header.or_else(|| given().map(|(_, value)| value)).unwrap_or_else(|| last_segment(arrived))
}

/// The gateway's error, JSON unless the caller asked for nothing (then XML is the default of old RPC).
pub(crate) fn refuse(ctx: &Ctx<'_>, refused: &Refused, as_xml: bool) -> Reply {
    let id = ids::request_id();
    let host = ctx.arrived.host();
    let link = format!("https://api.aliyun.com/troubleshoot?q={}&requestId={id}", refused.code);
    let pairs = [
        ("RequestId", id),
        ("Message", refused.message.clone()),
        ("HostId", host),
        ("Code", refused.code.clone()),
        ("Recommend", link),
    ];
    let reply = if as_xml {
        let elements = xml_elements(pairs);
        let xml = format!("<?xml version='1.0' encoding='UTF-8'?>\n<Error>\n{elements}</Error>\n");
        Reply::bytes(refused.status, "text/xml;charset=utf-8", xml)
    } else {
        let object: serde_json::Map<String, Value> =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        Reply::json(refused.status, &Value::Object(object))
    };
    reply.code(&refused.code)
}

/// A value that must be there.
pub(crate) fn required(pairs: &[(String, String)], name: &str) -> Result<String, Refused> {
    let found = pairs.iter().find(|(n, value)| n == name && !value.is_empty());
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        Refused::new(400, &format!("Missing{name}"), format!("{name} is mandatory for this action."))
    })
}

/// Refuses parameters that the action does not have; the gateway's own and the signature's are left alone.
pub(crate) fn only(given: &[(String, String)], known: &[&str]) -> Result<(), Refused> {
    let own = [
        "Action",
        "Version",
        "Format",
        "AccessKeyId",
        "Signature",
        "SignatureMethod",
        "SignatureVersion",
        "SignatureNonce",
        "Timestamp",
        "SecurityToken",
        "RegionId",
    ];
    match given.iter().find(|(name, _)| !known.contains(&name.as_str()) && !own.contains(&name.as_str())) {
        Some((name, _)) => Err(invalid(name, "is not recognized")),
        None => Ok(()),
    }
}

/// A parameter that is wrong.
pub(crate) fn invalid(name: &str, why: &str) -> Refused {
    Refused::new(400, &format!("InvalidParameter.{name}"), format!("The parameter {name} {why}."))
}

/// The first value of that name, or nothing.
pub(crate) fn get<'a>(given: &'a [(String, String)], name: &str) -> &'a str {
    given.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
}

/// Action and version as the gateway knows them.
pub(crate) fn unknown_action() -> Refused {
    let message = "Specified api is not found, please check your url and method.";
    Refused::new(404, "InvalidAction.NotFound", message)
}

pub(crate) fn unknown_version() -> Refused {
    Refused::new(400, "InvalidVersion", "Specified parameter Version is not valid.")
}
