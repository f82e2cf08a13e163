//! RFC 9457 problems: the one error type of this crate, and the one place where a kind becomes a status.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What went wrong. Each code has one status; its documentation says what the reader should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is malformed: correct the members named in `errors`.
    InvalidRequest,
    /// The file name cannot be used: rename the file.
    InvalidFilename,
    /// The body came without `Content-Length`: send one.
    LengthRequired,
    /// The file or body is over the limit: send a smaller one.
    TooLarge,
    /// The type is not accepted, or contradicts the file name: send another.
    UnsupportedType,
    /// No caller could be established: send valid credentials.
    Unauthenticated,
    /// The caller lacks the right named in `detail`.
    Forbidden,
    /// No such route.
    NotFound,
    /// The route exists, but not for this method.
    MethodNotAllowed,
    /// Our own budget or capacity is used up: wait `retry_after`.
    RateLimited,
    /// The vendor is throttling: wait `retry_after`.
    VendorThrottled,
    /// Records or tickets cannot be read or written at the moment: try again.
    StoreUnavailable,
    /// The vendor refused our credentials or permission: the operator must act.
    VendorAuthFailed,
    /// The vendor product is not subscribed: the operator must act.
    VendorNotSubscribed,
    /// The vendor's answer could not be understood.
    VendorBadResponse,
    /// The vendor says our clock is wrong, even after one correction.
    VendorClockSkew,
    /// The vendor refused the request itself.
    VendorRejected,
    /// The vendor could not be reached or is failing: try again.
    VendorUnavailable,
    /// The vendor did not answer in time: try again.
    VendorTimeout,
    /// The ticket or token is past its time: ask for a new grant.
    GrantExpired,
    /// What was uploaded is not what the token binds.
    CompleteMismatch,
    /// The ticket is in use right now.
    AlreadyUsed,
    /// The store refused or failed the upload.
    UploadFailed,
    /// The job's source could not be read.
    SourceFailed,
    /// The job's source is not allowed.
    SourceRefused,
    /// The bytes are not those the checksum promised.
    ChecksumMismatch,
    /// A setting is missing or wrong: the operator must act.
    ConfigMissing,
    /// A fault of ours.
    Internal,
}

impl Code {
    /// Every code, in the order of the contract's table.
    pub const ALL: [Self; 28] = [
        Self::InvalidRequest,
        Self::InvalidFilename,
        Self::LengthRequired,
        Self::TooLarge,
        Self::UnsupportedType,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RateLimited,
        Self::VendorThrottled,
        Self::StoreUnavailable,
        Self::VendorAuthFailed,
        Self::VendorNotSubscribed,
        Self::VendorBadResponse,
        Self::VendorClockSkew,
        Self::VendorRejected,
        Self::VendorUnavailable,
        Self::VendorTimeout,
        Self::GrantExpired,
        Self::CompleteMismatch,
        Self::AlreadyUsed,
        Self::UploadFailed,
        Self::SourceFailed,
        Self::SourceRefused,
        Self::ChecksumMismatch,
        Self::ConfigMissing,
        Self::Internal,
    ];

    /// HTTP status, default `retryable`, wire name and title.
    const fn row(self) -> (u16, bool, &'static str, &'static str) {
        match self {
            Self::InvalidRequest => (400, false, "invalid_request", "The request is not valid"),
            Self::InvalidFilename => (400, false, "invalid_filename", "The file name cannot be used"),
            Self::LengthRequired => (411, false, "length_required", "Content-Length is required"),
            Self::TooLarge => (413, false, "too_large", "The file or body is too large"),
            Self::UnsupportedType => (415, false, "unsupported_type", "The file type is not accepted"),
            Self::Unauthenticated => (401, false, "unauthenticated", "Credentials are required"),
            Self::Forbidden => (403, false, "forbidden", "The caller may not do this"),
            Self::NotFound => (404, false, "not_found", "There is nothing here"),
            Self::MethodNotAllowed => (405, false, "method_not_allowed", "The method is not allowed here"),
            Self::RateLimited => (429, true, "rate_limited", "Too many requests"),
            Self::VendorThrottled => (429, true, "vendor_throttled", "The vendor is throttling"),
            Self::StoreUnavailable => (503, true, "store_unavailable", "The function's store is unavailable"),
            Self::VendorAuthFailed => {
                (502, false, "vendor_auth_failed", "The vendor refused the function's credentials")
            }
            Self::VendorNotSubscribed => {
                (502, false, "vendor_not_subscribed", "The vendor product is not subscribed")
            }
            Self::VendorBadResponse => {
                (502, false, "vendor_bad_response", "The vendor's answer could not be understood")
            }
            Self::VendorClockSkew => (502, true, "vendor_clock_skew", "The function's clock is off"),
            Self::VendorRejected => (422, false, "vendor_rejected", "The vendor refused the request"),
            Self::VendorUnavailable => (503, true, "vendor_unavailable", "The vendor is unavailable"),
            Self::VendorTimeout => (504, true, "vendor_timeout", "The vendor did not answer in time"),
            Self::GrantExpired => (410, false, "grant_expired", "The grant has expired"),
            Self::CompleteMismatch => (409, false, "complete_mismatch", "The upload is not what was granted"),
            Self::AlreadyUsed => (409, false, "already_used", "The ticket is in use"),
            Self::UploadFailed => (502, false, "upload_failed", "The upload failed"),
            Self::SourceFailed => (502, false, "source_failed", "The source could not be read"),
            Self::SourceRefused => (422, false, "source_refused", "The source is not allowed"),
            Self::ChecksumMismatch => (422, false, "checksum_mismatch", "The checksum does not match"),
            Self::ConfigMissing => (500, false, "config_missing", "The function is not configured"),
            Self::Internal => (500, false, "internal", "Something went wrong in the function"),
        }
    }

    /// The HTTP status of this code.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// Whether the same request may succeed later; the default, which a problem can override.
    pub const fn retryable(self) -> bool {
        self.row().1
    }

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        self.row().2
    }

    /// A short sentence for people, the same for every occurrence.
    pub const fn title(self) -> &'static str {
        self.row().3
    }
}

/// What the vendor said, as far as it may be passed on: never its message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorError {
    /// The vendor's error code, only if it looks like one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The vendor's request id, for its support.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// The HTTP status of the vendor's answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub http_status: Option<u16>,
}

impl VendorError {
    /// Keeps `code` and `request_id` only if they match `[A-Za-z0-9._-]{1,80}`: anything else could be a
    /// message in disguise, and vendors' messages echo keys and strings to sign.
    pub fn new(code: Option<&str>, request_id: Option<&str>, http_status: u16) -> Self {
        Self { code: clean(code), request_id: clean(request_id), http_status: Some(http_status) }
    }
}

/// A vendor's code or id, if it looks like one; in a success as in a failure.
pub fn clean(text: Option<&str>) -> Option<String> {
    text.filter(|text| is_code(text)).map(str::to_owned)
}

fn is_code(text: &str) -> bool {
    (1..=80).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// One offending member of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the member.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A problem: what a caller, a queue record and the log line get to see. Holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The kind.
    pub code: Code,
    /// One sentence about this occurrence.
    pub detail: String,
    /// Whether trying again may help.
    pub retryable: bool,
    /// Seconds to wait before trying again; sent exactly when `retryable`.
    pub retry_after: f64,
    /// The vendor's part in it.
    pub vendor: Option<VendorError>,
    /// The offending members.
    pub errors: Vec<FieldError>,
    /// The flow, filled in by the router.
    pub flow: Option<String>,
    /// The request, filled in by the router.
    pub request_id: Option<String>,
    /// The queue job, filled in by the queue worker.
    pub job_id: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retryable: code.retryable(),
            retry_after: 1.0,
            vendor: None,
            errors: Vec::new(),
            flow: None,
            request_id: None,
            job_id: None,
        }
    }

    /// A problem of this kind with one member of the request.
    pub fn at(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(code, detail.clone());
        problem.errors.push(FieldError { pointer: pointer.into(), detail });
        problem
    }

    /// `invalid_request` at one member.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::at(Code::InvalidRequest, pointer, detail)
    }

    /// With what the vendor said.
    #[must_use]
    pub fn with_vendor(mut self, vendor: VendorError) -> Self {
        self.vendor = Some(vendor);
        self
    }

    /// To be tried again after `seconds` (at least a tenth).
    #[must_use]
    pub fn retry_in(mut self, seconds: f64) -> Self {
        self.retryable = true;
        self.retry_after = (seconds.max(0.1) * 1000.0).round() / 1000.0;
        self
    }

    /// With `retryable` set by the case instead of the kind.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// The value of the `Retry-After` header: whole seconds, rounded up; none when not retryable.
    pub fn retry_after_header(&self) -> Option<String> {
        self.retryable.then(|| format!("{:.0}", self.retry_after.ceil().max(1.0)))
    }

    /// Reads back what [`Serialize`] wrote (records in the store hold problems).
    pub fn from_value(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let code = serde_json::from_value(value.get("code")?.clone()).ok()?;
        let mut problem = Self::new(code, text("detail")?);
        problem.retryable = value.get("retryable")?.as_bool()?;
        problem.retry_after = value.get("retry_after").and_then(Value::as_f64).unwrap_or(1.0).max(0.0);
        problem.vendor = value.get("vendor").and_then(|v| serde_json::from_value(v.clone()).ok());
        problem.errors =
            value.get("errors").and_then(|v| serde_json::from_value(v.clone()).ok()).unwrap_or_default();
        problem.flow = text("flow");
        problem.request_id = text("request_id");
        problem.job_id = text("job_id");
        Some(problem)
    }

    /// The document of RFC 9457. `error` repeats `detail` for clients in Companion's style.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("type".into(), format!("urn:upload-grant:problem:{}", self.code.as_str()).into());
        map.insert("title".into(), self.code.title().into());
        map.insert("status".into(), self.code.status().into());
        map.insert("detail".into(), self.detail.as_str().into());
        map.insert("code".into(), self.code.as_str().into());
        map.insert("retryable".into(), self.retryable.into());
        if self.retryable {
            map.insert("retry_after".into(), json!(self.retry_after));
        }
        for (name, value) in
            [("flow", &self.flow), ("request_id", &self.request_id), ("job_id", &self.job_id)]
        {
            if let Some(value) = value {
                map.insert(name.into(), value.as_str().into());
            }
        }
        if let Some(vendor) = &self.vendor {
            map.insert("vendor".into(), json!(vendor));
        }
        if !self.errors.is_empty() {
            map.insert("errors".into(), json!(self.errors));
        }
        map.insert("error".into(), self.detail.as_str().into());
        Value::Object(map)
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}
