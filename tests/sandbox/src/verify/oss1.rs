//! OSS signature V1 (HMAC-SHA1): signed URL, `Authorization` header, POST form. Being withdrawn, but the work-order
//! service still hands it out. <https://help.aliyun.com/en/oss/developer-reference/signature-version-1>

use super::keys::{Key, Keys, TokenFault};
use super::oss4::argument;
use super::policy::Fields;
use super::{Place, Refused};
use crate::arrived::Arrived;
use crate::clock::parse_http_date;
use crate::encode::{base64, hmac_sha1};

const SKEW: i64 = 900;

/// Query parameters that are part of the canonicalized resource.
const SUBRESOURCES: &[&str] = &[
    "acl",
    "append",
    "callback",
    "callback-var",
    "cors",
    "delete",
    "lifecycle",
    "location",
    "logging",
    "objectMeta",
    "partNumber",
    "position",
    "referer",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "security-token",
    "symlink",
    "tagging",
    "uploadId",
    "uploads",
    "versionId",
    "website",
    "x-oss-ac-source-ip",
    "x-oss-ac-subnet-mask",
    "x-oss-ac-vpc-id",
    "x-oss-process",
    "x-oss-traffic-limit",
];

/// What the caller presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Key id.
    pub key_id: String,
    /// The fourth line of the string to sign: `Expires` of a URL, the date of a header.
    pub date: String,
    /// Security token.
    pub token: Option<String>,
    /// Signature.
    pub signature: String,
    /// Whether `date` is the expiry of a URL.
    pub is_url: bool,
}

impl From<&Presented> for (String, String) {
    fn from(claim: &Presented) -> Self {
        (claim.key_id.clone(), claim.signature.clone())
    }
}

/// Reads `OSSAccessKeyId`, `Expires`, `Signature`.
pub fn presented_query(arrived: &Arrived) -> Result<Presented, Refused> {
    let get = |name: &str| {
        let message = format!("The query parameter {name} is missing.");
        arrived.parameter(name).ok_or_else(|| argument(name, &message))
    };
    Ok(Presented {
        key_id: get("OSSAccessKeyId")?,
        date: get("Expires")?,
        token: arrived.parameter("security-token"),
        signature: get("Signature")?,
        is_url: true,
    })
}

/// Reads `Authorization: OSS <id>:<signature>`.
pub fn presented_header(arrived: &Arrived) -> Result<Presented, Refused> {
    let authorization = arrived.header("authorization").unwrap_or_default();
    let Some((id, signature)) = authorization.strip_prefix("OSS ").and_then(|rest| rest.split_once(':'))
    else {
        return Err(argument("Authorization", "The Authorization header is malformed."));
    };
    Ok(Presented {
        key_id: id.to_owned(),
        date: arrived.header("x-oss-date").or_else(|| arrived.header("date")).unwrap_or_default(),
        token: arrived.header("x-oss-security-token"),
        signature: signature.to_owned(),
        is_url: false,
    })
}

/// String to sign; key and token stay raw.
pub fn string_to_sign(arrived: &Arrived, place: &Place, date: &str) -> String {
    let header = |name: &str| arrived.header(name).unwrap_or_default();
    let mut oss_headers = String::new();
    for name in arrived.header_names().iter().filter(|name| name.starts_with("x-oss-")) {
        oss_headers.push_str(&arrived.header_line(name).unwrap_or_default());
    }
    let pairs = arrived.pairs().into_iter();
    let mut sub: Vec<_> = pairs.filter(|(name, _)| SUBRESOURCES.contains(&name.as_str())).collect();
    sub.sort();
    let sub = sub.into_iter().map(|(n, v)| if v.is_empty() { n } else { format!("{n}={v}") });
    let sub = sub.collect::<Vec<_>>().join("&");
    let question = if sub.is_empty() { "" } else { "?" };
    let (method, md5, kind) = (&arrived.method, header("content-md5"), header("content-type"));
    format!("{method}\n{md5}\n{kind}\n{date}\n{oss_headers}/{}/{}{question}{sub}", place.bucket, place.key)
}

/// Signature of the string to sign, or of a form's base64 policy.
pub fn signature(secret: &str, text: &str) -> String {
    base64(&hmac_sha1(secret.as_bytes(), text.as_bytes()))
}

/// Everything OSS checks before it looks at the body; gives back the caller's key.
pub fn verify(
    arrived: &Arrived,
    claim: &Presented,
    place: &Place,
    keys: &Keys,
    now: i64,
) -> Result<Key, Refused> {
    if claim.is_url {
        let expires: i64 = claim.date.parse().map_err(|_| argument("Expires", "Expires is not a number."))?;
        if now > expires {
            return Err(Refused::new(403, "AccessDenied", "Request has expired.").ec("0002-00000069"));
        }
    } else if parse_http_date(&claim.date).is_none_or(|at| (now - at).abs() > SKEW) {
        let message = "The difference between the request time and the current time is too large.";
        return Err(Refused::new(403, "RequestTimeTooSkewed", message));
    }
    let key = find_key(keys, &claim.key_id, claim.token.as_deref(), now)?;
    let text = string_to_sign(arrived, place, &claim.date);
    if signature(&key.secret, &text) != claim.signature {
        return Err(signature_mismatch(claim, &text));
    }
    Ok(key)
}

/// The POST form: `Signature` over the base64 policy.
pub fn verify_form(fields: &Fields, keys: &Keys, now: i64) -> Result<Key, Refused> {
    let get = |name: &str| {
        let message = format!("The form field {name} is missing.");
        fields.get(name).ok_or_else(|| argument(name, &message))
    };
    let (id, policy, presented) = (get("OSSAccessKeyId")?, get("policy")?, get("Signature")?);
    let key = find_key(keys, id, fields.get("x-oss-security-token"), now)?;
    if signature(&key.secret, policy) != presented {
        let claim = (id.to_owned(), presented.to_owned());
        return Err(signature_mismatch(claim, policy).ec("0002-00000705"));
    }
    Ok(key)
}

/// Key and token together, in OSS's words.
pub(crate) fn find_key(keys: &Keys, id: &str, token: Option<&str>, now: i64) -> Result<Key, Refused> {
    let unknown = || {
        let message = "The OSS Access Key Id you provided does not exist in our records.";
        Refused::new(403, "InvalidAccessKeyId", message).with("OSSAccessKeyId", id).ec("0002-00000902")
    };
    let key = keys.find(id).ok_or_else(unknown)?;
    let refused = |code: &str, message: &str| Refused::new(403, code, message);
    keys.check_token(&key, token, now).map_err(|fault| match fault {
        TokenFault::Missing => unknown(),
        TokenFault::Unknown => {
            refused("InvalidSecurityToken", "The security token you provided is invalid.").ec("0002-00000008")
        }
        TokenFault::Mismatch => {
            let message = "The security token you provided does not match the access key id.";
            refused("AccessKeyIdAndSecurityTokenNotMatch", message).ec("0002-00000006")
        }
        TokenFault::Expired => {
            refused("SecurityTokenExpired", "The security token you provided has expired.")
                .ec("0002-00000007")
        }
    })?;
    Ok(key)
}

/// The refusal that echoes the string to sign, as the real one does.
pub(crate) fn signature_mismatch(claim: impl Into<(String, String)>, string_to_sign: &str) -> Refused {
    let (key_id, provided) = claim.into();
    let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    Refused::new(403, "SignatureDoesNotMatch", message)
        .with("OSSAccessKeyId", key_id)
        .with("SignatureProvided", provided)
        .with("StringToSign", string_to_sign)
}
