//! Calls of a vendor's control plane: every attempt is signed anew, and retried where that helps.

pub mod alibaba;
pub mod bucket;
mod budget;
pub mod post_policy;
mod refusal;
mod renewal;
mod retries;
pub mod signed_url;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::time::Instant;

pub(crate) use self::budget::Budget;
pub use self::refusal::{Refusal, RefusalKind};
pub(crate) use self::renewal::Renewal;
pub use self::retries::pause;
use self::retries::{Next, Retries, after_failure};
use crate::net::Failed;
pub use crate::net::{Reply, retry_after};
use crate::platform::secrets::without_secrets;
use crate::platform::{clock, nonce, telemetry};
use upload_grant::model::problem::{Code, Problem, clean};
use upload_grant::wire::time::Timestamp;

/// The most bytes of a vendor's answer: a megabyte is a hundred times what any of them sends.
const MAX_REPLY: usize = 1 << 20;
/// The most time one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A vendor's request id, or another short identifier, if it looks like one and holds no secret of ours.
pub fn request_id(text: Option<&str>) -> Option<String> {
    clean(without_secrets(text))
}

/// The problem of an answer that is not what the vendor documents: it has `what`, or lacks it.
pub fn bad_answer(what: &str) -> Problem {
    Problem::new(Code::VendorBadResponse, format!("the vendor's answer has {what}"))
}

/// A vendor's control plane as this process sees it.
pub struct Vendor {
    client: reqwest::Client,
    budget: Budget,
    /// Seconds the vendor's clock is ahead of ours, learned from its `Date` header.
    offset: AtomicI64,
    /// Where the keys can be fetched again, if anywhere.
    renewal: Option<Renewal>,
}

/// One attempt's own values: a fresh nonce, and the vendor's time.
pub struct Attempt {
    /// Now, by the vendor's clock.
    pub at: Timestamp,
    /// 32 hex digits, never used before.
    pub nonce: String,
    /// Index of the host that it is for.
    pub host: usize,
}

/// A signed request, exactly as it goes on the wire.
pub struct Outgoing {
    /// Method.
    pub method: Method,
    /// The whole URL, encoded.
    pub url: String,
    /// Headers except Host and Content-Length: lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// The bytes that were signed.
    pub body: Bytes,
}

impl Vendor {
    /// A control plane, with a rate limit on its calls.
    pub(crate) fn new(client: reqwest::Client, budget: Budget, renewal: Option<Renewal>) -> Self {
        Self { client, budget, offset: AtomicI64::new(0), renewal }
    }

    /// The client, for data planes.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// `at` of our clock, as the vendor's clock has it.
    pub fn to_vendor_time(&self, at: Timestamp) -> Timestamp {
        at.plus(self.offset.load(Ordering::Relaxed))
    }

    /// `at` of the vendor's clock, as ours has it.
    pub fn to_local_time(&self, at: Timestamp) -> Timestamp {
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
        let mut retries = Retries::new(self, deadline);
        let (mut host, mut tries) = (0, 0);
        loop {
            let has_another = host + 1 < hosts;
            let next = match self.attempt(deadline, host, &sign).await {
                Err(failed) => after_failure(failed, has_another),
                Ok(reply) => match read(&reply) {
                    Ok(answer) => return Ok(answer),
                    Err(refusal) => retries.after_refusal(refusal, &reply, has_another).await,
                },
            };
            match next {
                Next::Again => {}
                Next::OtherHost => host += 1,
                Next::Later { problem, after } => {
                    (host, tries) = (0, tries + 1);
                    if !pause(tries, after, deadline).await {
                        return Err(problem);
                    }
                }
                Next::Fail(problem) => return Err(problem),
            }
        }
    }

    /// One call that is not idempotent: it is retried only while nothing was sent.
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
        let outgoing = sign(&Attempt { at: self.to_vendor_time(clock::now()), nonce: nonce(), host });
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
    fn learn_clock(&self, reply: &Reply) -> bool {
        let date = reply.headers.get("date").and_then(|value| value.to_str().ok());
        let Some(theirs) = date.and_then(Timestamp::parse_http_date) else { return false };
        self.offset.store(theirs.unix() - clock::now().unix(), Ordering::Relaxed);
        true
    }
}

fn unreachable_vendor(error: &reqwest::Error) -> Failed {
    let problem = if error.is_timeout() {
        Problem::new(Code::VendorTimeout, "the vendor did not answer in time")
    } else {
        Problem::new(Code::VendorUnavailable, "the vendor could not be reached")
    };
    Failed::new(problem, error)
}
