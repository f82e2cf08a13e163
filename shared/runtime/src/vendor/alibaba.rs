//! Alibaba Cloud's API gateway: its error document and its codes.
//!
//! <https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature>

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::Value;

use super::bucket::authority;
use super::{Attempt, Outgoing, Refusal, RefusalKind, Reply};
use crate::platform::{Env, KeyNames, KeyRing, Keys};
use upload_grant::sign::acs3;
use upload_grant::wire::secret::Secret;

/// What an operator can do about the gateway's codes for keys; `{id}` and `{secret}` are the variables.
pub const KEY_CODES: [(&str, &str); 7] = [
    ("SignatureDoesNotMatch", "{secret} is not the secret of {id}: copy both again"),
    ("IncompleteSignature", "{secret} is not the secret of {id}: copy both again"),
    ("InvalidAccessKeyId.Inactive", "the key in {id} is disabled: enable it, or make another"),
    ("InvalidAccessKeyId", "the key in {id} does not exist: copy it again, or make another"),
    ("MissingAccessKeyId", "the key in {id} does not exist: copy it again, or make another"),
    ("InvalidSecurityToken", "the temporary key in {id} has ended, or its token is another key's"),
    (
        "InvalidAction",
        "the endpoint does not know this call: check its variable, and the API's where there is one",
    ),
];

/// The account's keys: the neutral names win, the others are what Function Compute injects for its role.
pub fn keys(env: &mut Env) -> KeyRing {
    let sets = [
        KeyNames {
            id: "ALIBABA_ACCESS_KEY_ID",
            secret: "ALIBABA_ACCESS_KEY_SECRET",
            token: &["ALIBABA_ACCESS_KEY_TOKEN", "ALIBABA_TOKEN"],
        },
        KeyNames {
            id: "ALIBABA_CLOUD_ACCESS_KEY_ID",
            secret: "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            token: &["ALIBABA_CLOUD_SECURITY_TOKEN"],
        },
    ];
    env.key_ring(sets, "FC_FUNCTION_NAME", "ALIBABA_CLOUD_ACCESS_KEY_ID")
}

/// The content type of a form body.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// One API call, to be signed with ACS3-HMAC-SHA256.
pub struct Call<'a> {
    /// Method.
    pub method: Method,
    /// Endpoint with scheme.
    pub endpoint: &'a str,
    /// Action name.
    pub action: &'a str,
    /// API version.
    pub version: &'a str,
    /// Encoded path.
    pub path: &'a str,
    /// Canonical query string, also the one sent.
    pub query: &'a str,
    /// Content type and body, if there is one.
    pub body: Option<(&'a str, &'a [u8])>,
}

impl<'a> Call<'a> {
    /// A `POST` to `/` without query and body: what a call has besides is set over it.
    pub fn post(endpoint: &'a str, action: &'a str, version: &'a str) -> Self {
        Self { method: Method::POST, endpoint, action, version, path: "/", query: "", body: None }
    }

    /// The signed request.
    pub fn sign(&self, keys: &Keys, attempt: &Attempt) -> Outgoing {
        let (content_type, body) = self.body.map_or((None, &[][..]), |(kind, body)| (Some(kind), body));
        let call = acs3::Call {
            method: self.method.as_str(),
            host: authority(self.endpoint),
            path: self.path,
            query: self.query,
            action: self.action,
            version: self.version,
            content_type,
            body,
            access_key_id: &keys.id,
            token: keys.token.as_ref().map(Secret::expose),
            nonce: &attempt.nonce,
        };
        let headers = acs3::headers(&acs3::key(&keys.secret), &call, attempt.at);
        let mark = if self.query.is_empty() { "" } else { "?" };
        Outgoing {
            method: self.method.clone(),
            url: format!("{}{}{mark}{}", self.endpoint, self.path, self.query),
            headers,
            body: Bytes::copy_from_slice(body),
        }
    }
}

/// The JSON document of a success, or the gateway's refusal. Business failures inside it are the flow's to see.
///
/// # Errors
/// A refusal judged by the gateway's code, or by the status where there is none.
pub fn document(reply: &Reply) -> Result<Value, Refusal> {
    let document = reply.json();
    if reply.is_success() {
        let object = document.filter(Value::is_object);
        return object.ok_or_else(|| Refusal::new(RefusalKind::BadResponse, reply, None, None));
    }
    let (code, request_id) = match &document {
        Some(json) => (text(json, "Code"), text(json, "RequestId")),
        None => (reply.xml("Code"), reply.xml("RequestId")),
    };
    Err(match code {
        Some(code) => refusal(reply, &code, request_id.as_deref()),
        None => Refusal::by_status(reply),
    })
}

/// The refusal behind one of the gateway's or a product's codes.
pub fn refusal(reply: &Reply, code: &str, request_id: Option<&str>) -> Refusal {
    let refusal = Refusal::new(kind(reply, code), reply, Some(code), request_id);
    Refusal { after: hint(reply).or(refusal.after), ..refusal }
}

/// A member in either spelling, `Name` or `name`, as text: these products mix cases and types.
pub fn text(json: &Value, name: &str) -> Option<String> {
    match member(json, name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// A member in either spelling, `Name` or `name`; null counts as absent.
pub fn member<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    let lower = || {
        let mut name = name.to_owned();
        name[..1].make_ascii_lowercase();
        json.get(name)
    };
    json.get(name).or_else(lower).filter(|value| !value.is_null())
}

fn kind(reply: &Reply, code: &str) -> RefusalKind {
    match code {
        "" => RefusalKind::BadResponse,
        "System.LimitControl" => RefusalKind::Throttled,
        _ if code.starts_with("Throttling") || reply.status == 429 => RefusalKind::Throttled,
        "SignatureNonceUsed" => RefusalKind::Nonce,
        "InvalidTimeStamp.Expired" | "IllegalTimestamp" | "InvalidTimeStamp.Format" => RefusalKind::Clock,
        "Product.Unsubscript" => RefusalKind::NotSubscribed,
        "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAccessKeyId"
        | "NoPermission"
        | "Ram.PermissionDeny"
        | "ILLEGAL_AUTH"
        | "-121"
        | "illegal.auth"
        | "401"
        | "Forbidden" => RefusalKind::Auth,
        _ if ["Forbidden.", "InvalidAccessKeyId", "InvalidSecurityToken"]
            .iter()
            .any(|p| code.starts_with(p)) =>
        {
            RefusalKind::Auth
        }
        "ServiceUnavailable" | "InternalError" | "SYSTEM_BUSY" | "-153" | "System.error" | "500" => {
            RefusalKind::Transient
        }
        _ if reply.status >= 500 => RefusalKind::Transient,
        _ if matches!(reply.status, 401 | 403) => RefusalKind::Auth,
        _ => RefusalKind::Rejected,
    }
}

/// `x-acs-retry-after`, in milliseconds.
fn hint(reply: &Reply) -> Option<Duration> {
    let millis: u32 = reply.header("x-acs-retry-after")?.trim().parse().ok()?;
    (millis > 0).then(|| Duration::from_millis(millis.into()))
}
