//! A complete answer of a vendor or a store.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use upload_grant::model::problem::{Problem, VendorError};

use super::read_body;
use crate::platform::secrets::without_secrets;

/// A complete answer.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, of a bounded size.
    pub body: Bytes,
}

impl Reply {
    /// All of `response`, with a body of at most `limit` bytes. The answer to a `HEAD` has an empty one.
    ///
    /// # Errors
    /// As [`read_body`].
    pub async fn read(response: reqwest::Response, limit: usize) -> Result<Self, Problem> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: read_body(response, limit).await? })
    }

    /// Whether the status is a success.
    pub fn is_success(&self) -> bool {
        StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success())
    }

    /// The text of the first `<name>` element: enough for an error document that is read for short codes.
    pub fn xml(&self, name: &str) -> Option<String> {
        let body = std::str::from_utf8(&self.body).ok()?;
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.trim().to_owned())
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// An exchange without an answer.
pub(crate) struct Failed {
    pub(crate) problem: Problem,
    /// Whether nothing was sent: there was no connection.
    pub(crate) unsent: bool,
}

impl Failed {
    /// `problem`, because of `error`.
    pub(crate) fn new(problem: Problem, error: &reqwest::Error) -> Self {
        Self { problem, unsent: error.is_connect() }
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self { problem, unsent: false }
    }
}

/// What may be passed on of a vendor's or a store's refusal: no word with a secret of ours in it.
pub(crate) fn vendor_error(code: Option<&str>, request_id: Option<&str>, status: u16) -> VendorError {
    VendorError::new(without_secrets(code), without_secrets(request_id), status)
}

/// `Retry-After` in seconds (the date form is not used by these vendors).
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse::<u32>().ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}
