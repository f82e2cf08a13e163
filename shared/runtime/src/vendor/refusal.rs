//! A vendor's refusal: what to do about it, and what callers hear of it.

use std::time::Duration;

use crate::net::{Reply, retry_after, vendor_error};
use upload_grant::model::problem::{Code, Problem, VendorError};

/// Why an answer is not a success, which decides whether and how to retry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RefusalKind {
    /// Throttled.
    Throttled,
    /// A temporary failure: retry.
    Transient,
    /// The vendor disagrees with our clock: correct it once.
    Clock,
    /// The nonce was seen before: sign again.
    Nonce,
    /// Credentials or permission.
    Auth,
    /// A cached token is no longer accepted: fetch another.
    TokenEnded,
    /// The product is not subscribed.
    NotSubscribed,
    /// The request itself is refused.
    Rejected,
    /// Not an answer we understand.
    BadResponse,
}

/// A vendor's refusal: why, and what may be passed on of it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What to do about it.
    pub kind: RefusalKind,
    /// What callers may be told.
    pub vendor: VendorError,
    /// How long the vendor wants us to wait, if it says.
    pub after: Option<Duration>,
}

impl Refusal {
    /// A refusal with the vendor's code and request id, if it gave any.
    pub fn new(kind: RefusalKind, reply: &Reply, code: Option<&str>, request_id: Option<&str>) -> Self {
        let vendor = vendor_error(code, request_id, reply.status);
        Self { kind, vendor, after: retry_after(&reply.headers) }
    }

    /// The refusal behind an answer without a readable error document: judged by its status alone.
    pub fn by_status(reply: &Reply) -> Self {
        let kind = match reply.status {
            429 => RefusalKind::Throttled,
            500.. => RefusalKind::Transient,
            401 | 403 => RefusalKind::Auth,
            _ => RefusalKind::BadResponse,
        };
        Self::new(kind, reply, None, None)
    }

    /// As a problem.
    pub fn problem(self) -> Problem {
        let (code, detail) = match self.kind {
            RefusalKind::Throttled => (Code::VendorThrottled, "the vendor limits these calls"),
            RefusalKind::Transient | RefusalKind::Nonce => {
                (Code::VendorUnavailable, "the vendor is failing at the moment")
            }
            RefusalKind::Clock => (Code::VendorClockSkew, "the vendor disagrees with the function's clock"),
            RefusalKind::Auth | RefusalKind::TokenEnded => {
                (Code::VendorAuthFailed, "the vendor refused the function's key or its permission")
            }
            RefusalKind::NotSubscribed => {
                (Code::VendorNotSubscribed, "the vendor account has not subscribed this product")
            }
            RefusalKind::Rejected => (Code::VendorRejected, "the vendor refused the request"),
            RefusalKind::BadResponse => {
                (Code::VendorBadResponse, "the vendor's answer is not what it documents")
            }
        };
        let problem = Problem::new(code, detail).with_vendor(self.vendor);
        match self.after {
            Some(after) if problem.retryable => problem.retry_in(after.as_secs_f64()),
            _ => problem,
        }
    }
}
