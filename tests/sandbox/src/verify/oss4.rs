//! OSS signature V4 (`OSS4-HMAC-SHA256`): presigned URL, `Authorization` header, POST form.
//! <https://help.aliyun.com/en/oss/developer-reference/recommend-to-use-signature-version-4>

use super::keys::{Key, Keys};
use super::oss1::{find_key, signature_mismatch};
use super::policy::Fields;
use super::{Place, Refused};
use crate::arrived::Arrived;
use crate::clock::parse_compact;
use crate::encode::{hex, hmac_sha256, percent, percent_path, sha256_hex};

/// Value of `x-oss-signature-version`.
pub const ALGORITHM: &str = "OSS4-HMAC-SHA256";
const SKEW: i64 = 900;
const WEEK: i64 = 604_800;
const HALF_DAY: i64 = 43_200;

/// What the caller presents, in whichever of the three forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Key id of the credential.
    pub key_id: String,
    /// `YYYYMMDD` of the credential scope.
    pub day: String,
    /// Region of the credential scope.
    pub region: String,
    /// `x-oss-date`.
    pub date: String,
    /// `x-oss-expires`, query form only.
    pub expires: Option<i64>,
    /// Additional headers, as listed.
    pub additional: Vec<String>,
    /// Security token.
    pub token: Option<String>,
    /// Signature.
    pub signature: String,
}

/// Splits `<key id>/<day>/<region>/oss/aliyun_v4_request`.
fn credential(text: &str) -> Option<(String, String, String)> {
    let parts: Vec<&str> = text.split('/').collect();
    let [id, day, region, "oss", "aliyun_v4_request"] = parts[..] else { return None };
    Some((id.to_owned(), day.to_owned(), region.to_owned()))
}

fn listed(names: Option<&str>) -> Vec<String> {
    names.map(|list| list.split(';').map(str::to_owned).collect()).unwrap_or_default()
}

/// Reads the query form.
pub fn presented_query(arrived: &Arrived) -> Result<Presented, Refused> {
    let get = |name: &str| {
        let message = format!("The query parameter {name} is missing or malformed.");
        arrived.parameter(name).ok_or_else(|| argument(name, &message).ec("0002-00000066"))
    };
    if get("x-oss-signature-version")? != ALGORITHM {
        return Err(argument("x-oss-signature-version", "The signature version is not supported."));
    }
    let Some((key_id, day, region)) = credential(&get("x-oss-credential")?) else {
        return Err(argument("x-oss-credential", "The credential is malformed."));
    };
    let expires = get("x-oss-expires")?.parse().ok();
    let expires = expires.ok_or_else(|| argument("x-oss-expires", "x-oss-expires is not a number."))?;
    let additional = arrived.parameter("x-oss-additional-headers");
    if additional.as_deref() == Some("") {
        return Err(argument("x-oss-additional-headers", "The list of additional headers is empty.")
            .ec("0002-00000076"));
    }
    Ok(Presented {
        key_id,
        day,
        region,
        date: get("x-oss-date")?,
        expires: Some(expires),
        additional: listed(additional.as_deref()),
        token: arrived.parameter("x-oss-security-token"),
        signature: get("x-oss-signature")?,
    })
}

/// Reads the header form.
pub fn presented_header(arrived: &Arrived) -> Result<Presented, Refused> {
    let authorization = arrived.header("authorization").unwrap_or_default();
    let malformed = || argument("Authorization", "The Authorization header is malformed.");
    let rest = authorization.strip_prefix(ALGORITHM).ok_or_else(malformed)?;
    let part = |name: &str| rest.split(',').find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='));
    let (key_id, day, region) = part("Credential").and_then(credential).ok_or_else(malformed)?;
    if arrived.header("x-oss-content-sha256").as_deref() != Some("UNSIGNED-PAYLOAD") {
        return Err(argument("x-oss-content-sha256", "x-oss-content-sha256 must be UNSIGNED-PAYLOAD."));
    }
    Ok(Presented {
        key_id,
        day,
        region,
        date: arrived.header("x-oss-date").ok_or_else(malformed)?,
        expires: None,
        additional: listed(part("AdditionalHeaders")),
        token: arrived.header("x-oss-security-token"),
        signature: part("Signature").ok_or_else(malformed)?.to_owned(),
    })
}

/// Canonical request: always `/bucket/key`, every sent `x-oss-*`, `content-type`, `content-md5`, and the listed ones.
pub fn canonical_request(arrived: &Arrived, place: &Place, additional: &[String]) -> String {
    let uri = percent_path(&format!("/{}/{}", place.bucket, place.key));
    let pairs = arrived.pairs().into_iter().filter(|(name, _)| name != "x-oss-signature");
    let mut query: Vec<(String, String)> = pairs.map(|(n, v)| (percent(&n), percent(&v))).collect();
    query.sort();
    let query = query.into_iter().map(|(n, v)| if v.is_empty() { n } else { format!("{n}={v}") });
    let mut headers = String::new();
    for name in arrived.header_names() {
        let always = name.starts_with("x-oss-") || name == "content-type" || name == "content-md5";
        if always || additional.contains(&name) {
            headers.push_str(&arrived.header_line(&name).unwrap_or_default());
        }
    }
    let query = query.collect::<Vec<_>>().join("&");
    let additional = additional.join(";");
    format!("{}\n{uri}\n{query}\n{headers}\n{additional}\nUNSIGNED-PAYLOAD", arrived.method)
}

/// String to sign.
pub fn string_to_sign(claim: &Presented, canonical_request: &str) -> String {
    let (date, day, region) = (&claim.date, &claim.day, &claim.region);
    let hash = sha256_hex(canonical_request.as_bytes());
    format!("{ALGORITHM}\n{date}\n{day}/{region}/oss/aliyun_v4_request\n{hash}")
}

/// Signing key of a day and region.
pub fn signing_key(secret: &str, day: &str, region: &str) -> [u8; 32] {
    let date = hmac_sha256(format!("aliyun_v4{secret}").as_bytes(), day.as_bytes());
    let region = hmac_sha256(&date, region.as_bytes());
    hmac_sha256(&hmac_sha256(&region, b"oss"), b"aliyun_v4_request")
}

/// Signature of the string to sign, or of a form's base64 policy.
pub fn signature(signing_key: &[u8; 32], text: &str) -> String {
    hex(&hmac_sha256(signing_key, text.as_bytes()))
}

/// Everything OSS checks before it looks at the body; gives back the caller's key.
pub fn verify(
    arrived: &Arrived,
    claim: &Presented,
    place: &Place,
    keys: &Keys,
    now: i64,
) -> Result<Key, Refused> {
    check_window(claim, now)?;
    check_region(claim, place, "0002-00000226")?;
    check_additional(arrived, claim)?;
    let key = find_key(keys, &claim.key_id, claim.token.as_deref(), now)?;
    let canonical = canonical_request(arrived, place, &claim.additional);
    let text = string_to_sign(claim, &canonical);
    if signature(&signing_key(&key.secret, &claim.day, &claim.region), &text) != claim.signature {
        return Err(signature_mismatch(claim, &text).with("CanonicalRequest", canonical));
    }
    Ok(key)
}

impl From<&Presented> for (String, String) {
    fn from(claim: &Presented) -> Self {
        (claim.key_id.clone(), claim.signature.clone())
    }
}

fn check_window(claim: &Presented, now: i64) -> Result<(), Refused> {
    let at =
        parse_compact(&claim.date).filter(|_| claim.date.starts_with(&claim.day) && claim.day.len() == 8);
    let at =
        at.ok_or_else(|| argument("x-oss-date", "x-oss-date is malformed or not the day of the scope."))?;
    let Some(expires) = claim.expires else {
        let skewed = (now - at).abs() > SKEW;
        let message = "The difference between the request time and the current time is too large.";
        return if skewed { Err(Refused::new(403, "RequestTimeTooSkewed", message)) } else { Ok(()) };
    };
    let longest = if claim.key_id.starts_with("STS.") { HALF_DAY } else { WEEK };
    if !(1..=longest).contains(&expires) {
        return Err(argument("x-oss-expires", "x-oss-expires is out of range.").ec("0002-00000072"));
    }
    if now < at - SKEW {
        return Err(Refused::new(403, "AccessDenied", "Request is not valid yet.").ec("0002-00000067"));
    }
    if now > at + expires {
        return Err(Refused::new(403, "AccessDenied", "Request has expired.").ec("0002-00000069"));
    }
    Ok(())
}

fn check_region(claim: &Presented, place: &Place, ec: &'static str) -> Result<(), Refused> {
    if claim.region == place.region {
        return Ok(());
    }
    let message = format!("Invalid signing region in Authorization header or credential: {}.", claim.region);
    Err(argument("x-oss-credential", &message).ec(ec))
}

/// Listed headers must be there, and must not be ones that are signed anyway.
fn check_additional(arrived: &Arrived, claim: &Presented) -> Result<(), Refused> {
    let query = claim.expires.is_some();
    for name in &claim.additional {
        let implied = name.starts_with("x-oss-") || name == "content-type" || name == "content-md5";
        let legal = !name.is_empty() && !name.contains('_') && *name == name.to_lowercase() && !implied;
        if !legal {
            let ec = if query { "0002-00000077" } else { "0002-00000213" };
            return Err(
                argument("AdditionalHeaders", &format!("{name} cannot be an additional header.")).ec(ec)
            );
        }
        if !arrived.headers.contains_key(name.as_str()) {
            let ec = if query { "0002-00000078" } else { "0002-00000211" };
            return Err(argument(
                "AdditionalHeaders",
                &format!("The additional header {name} was not sent."),
            )
            .ec(ec));
        }
    }
    if !claim.additional.is_sorted() {
        return Err(argument("AdditionalHeaders", "Additional headers must be sorted."));
    }
    Ok(())
}

/// The POST form: the base64 policy is the string to sign.
pub fn verify_form(fields: &Fields, place: &Place, keys: &Keys, now: i64) -> Result<Key, Refused> {
    let get = |name: &str| {
        let message = format!("The form field {name} is missing.");
        fields.get(name).ok_or_else(|| argument(name, &message).ec("0002-00000701"))
    };
    if get("x-oss-signature-version")? != ALGORITHM {
        return Err(argument("x-oss-signature-version", "The signature version is not supported."));
    }
    let Some((key_id, day, region)) = credential(get("x-oss-credential")?) else {
        return Err(argument("x-oss-credential", "The credential is malformed."));
    };
    let claim = Presented {
        key_id,
        day,
        region,
        date: get("x-oss-date")?.to_owned(),
        expires: None,
        additional: Vec::new(),
        token: fields.get("x-oss-security-token").map(str::to_owned),
        signature: get("x-oss-signature")?.to_owned(),
    };
    let at =
        parse_compact(&claim.date).filter(|_| claim.date.starts_with(&claim.day) && claim.day.len() == 8);
    let at =
        at.ok_or_else(|| argument("x-oss-date", "x-oss-date is malformed or not the day of the scope."))?;
    if now < at - SKEW || now > at + WEEK {
        return Err(Refused::new(403, "AccessDenied", "Invalid according to Policy: Policy expired."));
    }
    check_region(&claim, place, "0002-00000715")?;
    let key = find_key(keys, &claim.key_id, claim.token.as_deref(), now)?;
    let policy = get("policy")?;
    if signature(&signing_key(&key.secret, &claim.day, &claim.region), policy) != claim.signature {
        return Err(signature_mismatch(&claim, policy).ec("0002-00000705"));
    }
    Ok(key)
}

/// `InvalidArgument` naming the argument.
pub(crate) fn argument(name: &str, message: &str) -> Refused {
    Refused::new(400, "InvalidArgument", message).with("ArgumentName", name)
}
