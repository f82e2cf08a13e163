//! Talking to a vendor's control plane: every attempt signed anew, sent, judged, and retried where that helps.

pub mod alibaba;
pub mod bucket;
mod budget;
pub mod post_policy;
mod renewal;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::time::Instant;

pub use crate::net::{Reply, retry_after};
use crate::platform::nonce;
use crate::platform::random::random;
pub(crate) use budget::Budget;
pub(crate) use renewal::Renewal;

use crate::net::vendor_error;
use crate::platform::clock;
use crate::platform::secrets::without_secrets;
use crate::platform::telemetry;
use upload_grant::model::problem::{Code, Problem, VendorError, clean};
use upload_grant::wire::time::Timestamp;

/// The most bytes of a vendor's answer: a megabyte is a hundred times what any of them sends.
const MAX_REPLY: usize = 1 << 20;
/// Attempts in all, where the caller's deadline allows.
const ATTEMPTS: u32 = 3;
/// The most time one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A vendor's request id, or another of its words, if it looks like one and is no secret of ours.
pub fn request_id(text: Option<&str>) -> Option<String> {
    clean(without_secrets(text))
}

/// A vendor's control plane as this process sees it.
pub struct Vendor {
    client: reqwest::Client,
    budget: Budget,
    /// Seconds the vendor's clock is ahead of ours, learned from its `Date` header.
    offset: AtomicI64,
    /// Where the keys come from anew, if anywhere.
    renewal: Option<Renewal>,
}

/// One attempt's own values: a fresh nonce, and the vendor's time.
pub struct Attempt {
    /// Now, by the vendor's clock.
    pub at: Timestamp,
    /// 32 hex digits, never used before.
    pub nonce: String,
    /// Which of several hosts it is for.
    pub host: usize,
}

/// A signed request, exactly as it goes on the wire.
pub struct Outgoing {
    /// Method.
    pub method: Method,
    /// The whole URL, encoded.
    pub url: String,
    /// Headers except Host and Content-Length.
    pub headers: Vec<(String, String)>,
    /// The bytes that were signed.
    pub body: Bytes,
}

/// Why an answer is not a success, and with it what to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RefusalKind {
    /// Throttled.
    Throttled,
    /// Failing for now: try again.
    Transient,
    /// The vendor disagrees with our clock: correct it once.
    Clock,
    /// The nonce was seen before: sign again.
    Nonce,
    /// Credentials or permission.
    Auth,
    /// A token that was good before: fetch it anew.
    TokenEnded,
    /// The product is not subscribed.
    NotSubscribed,
    /// The request itself.
    Rejected,
    /// Not an answer we understand.
    BadResponse,
}

/// A vendor's refusal: why, and what may be passed on of it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What to do about it.
    pub kind: RefusalKind,
    /// What to tell.
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

impl Vendor {
    /// A control plane within a budget of calls.
    pub(crate) fn new(client: reqwest::Client, budget: Budget, renewal: Option<Renewal>) -> Self {
        Self { client, budget, offset: AtomicI64::new(0), renewal }
    }

    /// The client, for data planes.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// `at`, as the vendor's clock has it.
    pub fn corrected(&self, at: Timestamp) -> Timestamp {
        at.plus(self.offset.load(Ordering::Relaxed))
    }

    /// `at` of the vendor's clock, as our clock has it.
    pub fn by_our_clock(&self, at: Timestamp) -> Timestamp {
        at.plus(-self.offset.load(Ordering::Relaxed))
    }

    /// Calls until `read` accepts an answer, at most three times and never past `deadline`.
    ///
    /// # Errors
    /// The problem of the last attempt; `rate_limited` if our own budget cannot serve the call in time.
    pub async fn call<T>(
        &self,
        deadline: Instant,
        sign: impl Fn(&Attempt) -> Outgoing,
        read: impl Fn(&Reply) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        self.call_in_turn(1, deadline, sign, read).await
    }

    /// As [`Vendor::call`], where any of `hosts` hosts can answer: the next one is tried at once while one cannot be
    /// connected to, or fails with a 5xx.
    ///
    /// # Errors
    /// As [`Vendor::call`].
    pub async fn call_in_turn<T>(
        &self,
        hosts: usize,
        deadline: Instant,
        sign: impl Fn(&Attempt) -> Outgoing,
        read: impl Fn(&Reply) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        let mut corrected = false;
        let mut resigned = false;
        let mut keys = self.renewal.as_ref().map(|renewal| (renewal, renewal.generation()));
        let mut tries = 0;
        let mut host = 0;
        loop {
            let is_last = host + 1 >= hosts;
            let (problem, after) = match self.attempt(deadline, host, &sign).await {
                Err(failed) if failed.unsent && !is_last => {
                    host += 1;
                    continue;
                }
                Err(failed) if !failed.problem.retryable || failed.problem.code == Code::RateLimited => {
                    return Err(failed.problem);
                }
                Err(failed) => (failed.problem, None),
                Ok(reply) => match read(&reply) {
                    Ok(answer) => return Ok(answer),
                    Err(refusal) => {
                        telemetry::note(|notes| {
                            notes.vendor_request_id.clone_from(&refusal.vendor.request_id);
                        });
                        match refusal.kind {
                            RefusalKind::Clock if !corrected && self.correct(&reply) => {
                                corrected = true;
                                continue;
                            }
                            RefusalKind::Auth if renewed(&mut keys, deadline).await => continue,
                            RefusalKind::Nonce if !resigned => {
                                resigned = true;
                                continue;
                            }
                            RefusalKind::Transient if reply.status >= 500 && !is_last => {
                                host += 1;
                                continue;
                            }
                            RefusalKind::Throttled | RefusalKind::Transient => {
                                let after = refusal.after;
                                (refusal.problem(), after)
                            }
                            _ => return Err(refusal.problem()),
                        }
                    }
                },
            };
            tries += 1;
            host = 0;
            if !pause(tries, after, deadline).await {
                return Err(problem);
            }
        }
    }

    /// One call that may have had its effect when it fails: it is repeated only while nothing was sent.
    ///
    /// # Errors
    /// `rate_limited`, `vendor_unavailable`, `vendor_timeout` or `vendor_bad_response`.
    pub async fn send(
        &self,
        deadline: Instant,
        sign: impl Fn(&Attempt) -> Outgoing,
    ) -> Result<Reply, Problem> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(deadline, 0, &sign).await {
                Ok(reply) => return Ok(reply),
                Err(failed) if failed.unsent && pause(tries, None, deadline).await => {}
                Err(failed) => return Err(failed.problem),
            }
        }
    }

    async fn attempt(
        &self,
        deadline: Instant,
        host: usize,
        sign: impl Fn(&Attempt) -> Outgoing,
    ) -> Result<Reply, Failed> {
        self.budget.wait(deadline).await?;
        let outgoing = sign(&Attempt { at: self.corrected(clock::now()), nonce: nonce(), host });
        telemetry::note(|notes| notes.vendor_calls += 1);
        let timeout = deadline.saturating_duration_since(Instant::now()).min(ATTEMPT_TIMEOUT);
        let mut request = self.client.request(outgoing.method, outgoing.url).body(outgoing.body);
        for (name, value) in outgoing.headers {
            request = request.header(name, value);
        }
        if let Some(trace) = telemetry::trace() {
            request = request.header(telemetry::TRACEPARENT, trace.as_str());
        }
        let exchange = async {
            let response = request.send().await.map_err(|error| unreachable_vendor(&error))?;
            Ok(Reply::read(response, MAX_REPLY).await?)
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Problem::new(Code::VendorTimeout, "the vendor did not answer in time").into()),
        }
    }

    /// Learns the vendor's clock from its `Date` header; false if there is none.
    fn correct(&self, reply: &Reply) -> bool {
        let date = reply.headers.get("date").and_then(|value| value.to_str().ok());
        let Some(theirs) = date.and_then(Timestamp::parse_http_date) else { return false };
        self.offset.store(theirs.unix() - clock::now().unix(), Ordering::Relaxed);
        true
    }
}

/// Whether a call that was refused with these keys may be made once more with others.
async fn renewed(keys: &mut Option<(&Renewal, u64)>, deadline: Instant) -> bool {
    match keys.take() {
        Some((renewal, generation)) => renewal.renewed(generation, deadline).await,
        None => false,
    }
}

/// An attempt without an answer.
struct Failed {
    problem: Problem,
    /// There was no connection to send anything over.
    unsent: bool,
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self { problem, unsent: false }
    }
}

/// Waits before the next try: 0.2 s, 0.4 s, … plus up to as much again, or `after` if that is longer. False at
/// once if there is no next try: the third was the last, or the deadline comes first.
pub async fn pause(tries: u32, after: Option<Duration>, deadline: Instant) -> bool {
    let [random]: [u8; 1] = random();
    let millis = 100.0 * f64::from(1_u32 << tries.min(6)) * (1.0 + f64::from(random) / 255.0);
    let pause = Duration::from_secs_f64(millis / 1000.0).max(after.unwrap_or_default());
    let goes_on = tries < ATTEMPTS && Instant::now() + pause < deadline;
    if goes_on {
        tokio::time::sleep(pause).await;
    }
    goes_on
}

fn unreachable_vendor(error: &reqwest::Error) -> Failed {
    let problem = if error.is_timeout() {
        Problem::new(Code::VendorTimeout, "the vendor did not answer in time")
    } else {
        Problem::new(Code::VendorUnavailable, "the vendor could not be reached")
    };
    Failed { problem, unsent: error.is_connect() }
}
