//! What a caller asks: the GrantRequest of the contract, its aliases and its checks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::problem::{Code, Problem};

/// How the bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A multipart form, the file last.
    Form,
    /// A plain PUT of the bytes.
    Put,
    /// A PUT to the function, which uploads.
    Relay,
    /// Temporary credentials for a vendor's SDK.
    Credentials,
}

impl Mode {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Put => "put",
            Self::Relay => "relay",
            Self::Credentials => "credentials",
        }
    }
}

/// Checksums of the file, as far as the caller knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksums {
    /// Base64 of the 16 bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub md5: Option<String>,
    /// 64 lower-case hex digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// CRC-64/XZ as a decimal string: above 2^53 in JSON numbers would lose digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crc64: Option<String>,
}

/// A parsed request. Nothing in it has been checked against a flow yet.
#[derive(Clone, Debug, Default)]
pub struct GrantRequest {
    /// The caller's file name; never part of key or headers.
    pub filename: String,
    /// The declared content type.
    pub content_type: Option<String>,
    /// Bytes, at least 1.
    pub size: Option<u64>,
    /// Checksums the caller knows.
    pub checksums: Checksums,
    /// The wanted mode.
    pub mode: Option<Mode>,
    /// The flow's own parameters, none of them null.
    pub params: Map<String, Value>,
}

/// The most bytes of a request document.
pub const MAX_BODY: usize = 64 * 1024;

/// Where a file name's problem is, however the member was spelled.
const FILENAME: &str = "/filename";
/// The longest file name, in characters: what file systems of phones and desktops allow at most.
const MAX_FILENAME: usize = 255;

impl GrantRequest {
    /// Reads the JSON document. Unknown members are ignored, `null` counts as absent.
    ///
    /// # Errors
    /// `invalid_request` or `invalid_filename` with a pointer to the member.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        Self::from_value(&Self::document(body)?)
    }

    /// The JSON of a request's body, not yet read.
    pub(super) fn document(body: &[u8]) -> Result<Value, Problem> {
        serde_json::from_slice(body).map_err(|_| Problem::invalid("", "the body is not valid JSON"))
    }

    /// Reads an already parsed document.
    ///
    /// # Errors
    /// As [`GrantRequest::parse`].
    pub fn from_value(value: &Value) -> Result<Self, Problem> {
        let members = value.as_object().ok_or_else(|| Problem::invalid("", "a JSON object is expected"))?;
        // Uppy 6 sends {method, key, contentType}: its key is only a file name to us.
        let filename = string(members, &["filename", "name", "key"])?
            .ok_or_else(|| Problem::invalid(FILENAME, "filename is required"))?;
        check_filename(filename)?;
        let content_type = string(members, &["content_type", "type", "contentType"])?
            .filter(|value| !value.is_empty())
            .map(str::to_owned);
        Ok(Self {
            filename: filename.to_owned(),
            content_type,
            size: size(members)?,
            checksums: match present(members, "checksums") {
                None => Checksums::default(),
                Some(value) => checksums(value, "/checksums")?,
            },
            mode: mode(members)?,
            params: params(members)?,
        })
    }
}

/// Checks checksums as they arrive (also at completion and in jobs).
///
/// # Errors
/// `invalid_request` with a pointer below `at`.
pub fn checksums(value: &Value, at: &str) -> Result<Checksums, Problem> {
    let members = value.as_object().ok_or_else(|| Problem::invalid(at, "an object is expected"))?;
    let member = |name: &str| -> Result<Option<&str>, Problem> {
        let Some(value) = present(members, name) else { return Ok(None) };
        value
            .as_str()
            .map(Some)
            .ok_or_else(|| Problem::invalid(format!("{at}/{name}"), "a string is expected"))
    };
    let wrong = |name: &str, detail: &str| Problem::invalid(format!("{at}/{name}"), detail);
    let md5 = member("md5")?;
    if md5.is_some_and(|md5| STANDARD.decode(md5).map_or(true, |bytes| bytes.len() != 16)) {
        return Err(wrong("md5", "the base64 of 16 bytes is expected"));
    }
    let sha256 = member("sha256")?;
    if sha256.is_some_and(|hex| hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(wrong("sha256", "64 hex digits are expected"));
    }
    let crc64 = member("crc64")?.map(|text| crc64(text, &format!("{at}/crc64"))).transpose()?;
    Ok(Checksums { md5: md5.map(str::to_owned), sha256: sha256.map(str::to_ascii_lowercase), crc64 })
}

/// A CRC-64 in decimal, as every store and SDK writes it.
///
/// # Errors
/// `invalid_request` at `pointer`.
pub fn crc64(text: &str, pointer: &str) -> Result<String, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<u64>().ok().filter(|_| digits);
    let wrong = || Problem::invalid(pointer, "a decimal string is expected");
    Ok(number.ok_or_else(wrong)?.to_string())
}

/// A whole number, also one written as `5.0`: JSON Schema takes it for an integer, and some languages write it.
pub fn whole(value: &Value) -> Option<u64> {
    let float = || value.as_f64().filter(|number| number.fract() == 0.0);
    value.as_u64().or_else(|| format!("{:.0}", float()?).parse().ok())
}

fn present<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// The first of `names` that is present; none of them may be anything but a string.
fn string<'a>(members: &'a Map<String, Value>, names: &[&'static str]) -> Result<Option<&'a str>, Problem> {
    let pointer = |name: &str| if names[0] == "filename" { FILENAME.to_owned() } else { format!("/{name}") };
    let mut first = None;
    for name in names {
        let Some(value) = present(members, name) else { continue };
        let text = value.as_str().ok_or_else(|| Problem::invalid(pointer(name), "a string is expected"))?;
        first = first.or(Some(text));
    }
    Ok(first)
}

fn check_filename(filename: &str) -> Result<(), Problem> {
    let wrong = if filename.is_empty() {
        "the file name is empty"
    } else if filename.chars().nth(MAX_FILENAME).is_some() {
        "the file name is longer than 255 characters"
    } else if filename.chars().any(char::is_control) {
        "the file name has control characters"
    } else if filename.contains(['/', '\\']) {
        "the file name has a slash or backslash"
    } else {
        return Ok(());
    };
    Err(Problem::at(Code::InvalidFilename, FILENAME, wrong))
}

fn size(members: &Map<String, Value>) -> Result<Option<u64>, Problem> {
    match present(members, "size") {
        None => Ok(None),
        Some(value) => match whole(value) {
            Some(0) | None => {
                Err(Problem::invalid("/size", "a whole number of bytes, at least 1, is expected"))
            }
            size => Ok(size),
        },
    }
}

fn mode(members: &Map<String, Value>) -> Result<Option<Mode>, Problem> {
    let Some(value) = present(members, "mode") else { return Ok(None) };
    serde_json::from_value(value.clone())
        .map(Some)
        .map_err(|_| Problem::invalid("/mode", "one of form, put, relay, credentials is expected"))
}

fn params(members: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let mut params = match present(members, "params") {
        None => Map::new(),
        Some(Value::Object(params)) => params.clone(),
        Some(_) => return Err(Problem::invalid("/params", "an object is expected")),
    };
    params.retain(|_, value| !value.is_null());
    Ok(params)
}
