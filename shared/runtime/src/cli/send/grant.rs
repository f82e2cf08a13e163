//! A grant as a client reads it: what it takes to send, and nothing of what explains it.

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::platform::is_loopback;
use crate::transfer::{Request, file_part};
use upload_grant::model::grant::OrderedMap;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;

/// Seconds before its end from which on no upload begins under a grant.
const MARGIN: u64 = 5;

/// No `Debug`: a grant is a capability.
#[derive(Deserialize)]
pub(super) struct Grant {
    pub mode: Mode,
    method: String,
    url: String,
    headers: OrderedMap,
    fields: Option<OrderedMap>,
    file_field: Option<String>,
    key: String,
    /// Whole seconds left at issue.
    expires: u64,
    /// When it came.
    #[serde(skip, default = "Instant::now")]
    came: Instant,
    limits: Limits,
    pub success_status: Vec<u16>,
    pub complete: Option<Complete>,
}

#[derive(Deserialize)]
struct Limits {
    content_types: Vec<String>,
}

/// How to turn the upload into a receipt.
#[derive(Deserialize)]
pub(super) struct Complete {
    pub token: String,
    pub collect: Vec<String>,
}

impl Grant {
    /// Reads the answer to `POST /grants`.
    ///
    /// # Errors
    /// `internal` if it is no grant, would send the file in the clear, or can lead to no receipt.
    pub fn read(answer: Value) -> Result<Self, Problem> {
        let wrong = |detail: &str| Problem::new(Code::Internal, detail);
        let grant: Self =
            serde_json::from_value(answer).map_err(|_| wrong("the function's answer is not a grant"))?;
        let safe = |url: &url::Url| url.scheme() == "https" || url.scheme() == "http" && is_loopback(url);
        if !url::Url::parse(&grant.url).is_ok_and(|url| safe(&url)) {
            return Err(wrong("the grant is for an address without TLS"));
        }
        if grant.mode != Mode::Relay && grant.complete.is_none() {
            let detail = "the function gives no receipts: its GRANT_SECRET is not set";
            return Err(Problem::new(Code::ConfigMissing, detail));
        }
        Ok(grant)
    }

    /// Whether an upload may still begin.
    pub fn is_fresh(&self) -> bool {
        self.came.elapsed().as_secs() + MARGIN < self.expires
    }

    /// Whether its time is over.
    pub fn has_ended(&self) -> bool {
        self.came.elapsed().as_secs() >= self.expires
    }

    /// The request that it allows. The caller's file name is no part of it.
    pub fn request(&self) -> Request<'_> {
        let (file_name, content_type) = file_part(&self.key, &self.limits.content_types);
        Request {
            mode: self.mode,
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            fields: self.fields.as_ref(),
            file_field: self.file_field.as_deref(),
            file_name,
            content_type,
        }
    }
}
