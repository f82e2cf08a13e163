//! Uploading on a caller's behalf: bytes stream from their source to the store, counted and hashed on the way.

mod buffer;
mod confirm;
mod meter;
mod request;
mod source;
mod webhook;

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use buffer::{Buffers, Held};
pub use confirm::send_once;
pub use meter::{Digests, Meter};
pub(crate) use request::Request;
#[cfg(feature = "send")]
pub(crate) use request::file_part;
pub(crate) use source::Opened;
pub use source::{Source, Sources};
pub(crate) use webhook::Notified;
pub use webhook::Notifier;

use crate::net::{Failed, Reply, retry_after, vendor_error};
use upload_grant::model::grant::Grant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Checksums;

/// The most bytes of a store's answer.
pub(crate) const MAX_REPLY: usize = 1 << 20;
/// A source that sends nothing for so long has stopped.
const IDLE: Duration = Duration::from_secs(20);

/// A stream of bytes, of known length.
pub struct Body {
    length: u64,
    expected: Checksums,
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, Problem>> + Send>>,
}

/// The result of an upload.
#[derive(Clone, Debug, Default)]
pub struct StoredObject {
    /// Object key, or the vendor's own handle.
    pub key: String,
    /// URL of the object.
    pub location: Option<String>,
    /// Entity tag as the store gave it.
    pub etag: Option<String>,
    /// Vendor-native values.
    pub vendor: Map<String, Value>,
    /// What went over the wire.
    pub digests: Digests,
}

impl Body {
    /// `length` bytes from `stream`, to be refused unless they match `expected`.
    pub fn new(
        length: u64,
        expected: Checksums,
        stream: impl Stream<Item = Result<Bytes, Problem>> + Send + 'static,
    ) -> Self {
        let stopped = || Problem::new(Code::SourceFailed, "the source stopped sending").retryable(true);
        let patient = futures_util::stream::unfold(Some(Box::pin(stream)), move |state| async move {
            let mut stream = state?;
            match tokio::time::timeout(IDLE, stream.next()).await {
                Ok(item) => item.map(|item| (item, Some(stream))),
                Err(_) => Some((Err(stopped()), None)),
            }
        });
        Self { length, expected, stream: Box::pin(patient) }
    }

    /// Bytes that are in memory already.
    pub fn whole(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        Self::new(length, Checksums::default(), futures_util::stream::iter([Ok(bytes)]))
    }

    /// A body that reads from `source`, which keeps what was not read.
    fn lent(source: &Arc<Mutex<Self>>) -> Self {
        let (length, expected) = {
            let source = locked(source);
            (source.length, source.expected.clone())
        };
        let source = source.clone();
        let stream = futures_util::stream::poll_fn(move |cx| locked(&source).stream.as_mut().poll_next(cx));
        Self { length, expected, stream: Box::pin(stream) }
    }

    /// Number of bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads all of it, chunk by chunk.
    ///
    /// # Errors
    /// The source's problem, or `checksum_mismatch`.
    pub async fn read(self, mut each: impl FnMut(&Bytes)) -> Result<Digests, Problem> {
        let (mut metered, meter) = self.metered();
        while let Some(chunk) = metered.next().await {
            match chunk {
                Ok(chunk) => each(&chunk),
                Err(error) => return Err(meter.problem().unwrap_or_else(|| broke_off(&error))),
            }
        }
        Ok(meter.digests())
    }

    fn metered(self) -> (impl Stream<Item = std::io::Result<Bytes>> + Send + 'static, Meter) {
        meter::metered(self.stream, self.length, self.expected)
    }
}

fn locked(body: &Mutex<Body>) -> MutexGuard<'_, Body> {
    body.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends `body` under `grant` and returns the store's answer, whatever it is, with what was sent.
///
/// # Errors
/// The source's problem if the bytes were at fault, else `upload_failed`.
pub async fn exchange(
    client: &reqwest::Client,
    grant: &Grant,
    deadline: Instant,
    body: Body,
) -> Result<(Reply, Digests), Problem> {
    deliver(client, &Request::of(grant), body, tokio::time::sleep_until(deadline)).await
}

/// Sends `body` as `request` says, unless `time_is_up` comes first.
///
/// # Errors
/// As [`exchange`].
pub(crate) async fn deliver(
    client: &reqwest::Client,
    request: &Request<'_>,
    body: Body,
    time_is_up: impl Future<Output = ()>,
) -> Result<(Reply, Digests), Problem> {
    attempt(client, request, body, time_is_up).await.map_err(|failed| failed.problem)
}

async fn attempt(
    client: &reqwest::Client,
    request: &Request<'_>,
    body: Body,
    time_is_up: impl Future<Output = ()>,
) -> Result<(Reply, Digests), Failed> {
    let length = body.length();
    let (stream, meter) = body.metered();
    let request = request.build(client, reqwest::Body::wrap_stream(stream), length)?;
    let sent = async {
        let response = request.send().await.map_err(|error| Failed::new(broke_off(&error), &error))?;
        let broke_off = |problem: Problem| {
            Problem::new(Code::UploadFailed, "the store's answer broke off").retryable(problem.retryable)
        };
        Ok(Reply::read(response, MAX_REPLY).await.map_err(broke_off)?)
    };
    let outcome = tokio::select! {
        biased;
        outcome = sent => outcome,
        () = time_is_up => {
            let (code, detail) = if meter.is_waiting() {
                (Code::SourceFailed, "the source did not send in time")
            } else {
                (Code::UploadFailed, "the store did not answer in time")
            };
            Err(Problem::new(code, detail).retryable(true).into())
        }
    };
    match (outcome, meter.problem()) {
        (_, Some(problem)) => Err(problem.into()),
        (Err(failed), None) => Err(failed),
        (Ok(reply), None) => {
            let digests = meter.digests();
            // A success before the last byte was sent is none.
            if reply.is_success() && digests.size != length {
                let problem = Problem::new(Code::UploadFailed, "the store answered before it had the file");
                return Err(problem.retryable(true).into());
            }
            Ok((reply, digests))
        }
    }
}

/// As [`exchange`], over each of `hosts` in turn while no connection can be made: what a host has begun to read is
/// not sent to another. The first host is that of the grant's URL.
///
/// # Errors
/// As [`exchange`].
pub async fn exchange_in_turn(
    client: &reqwest::Client,
    grant: &Grant,
    hosts: &[String],
    deadline: Instant,
    body: Body,
) -> Result<(Reply, Digests), Problem> {
    let first = hosts.first().map_or("", String::as_str);
    let path = grant.url.strip_prefix(first).unwrap_or_default();
    let body = Arc::new(Mutex::new(body));
    for host in hosts.iter().take(hosts.len().saturating_sub(1)) {
        let url = format!("{host}{path}");
        let request = Request { url: &url, ..Request::of(grant) };
        match attempt(client, &request, Body::lent(&body), tokio::time::sleep_until(deadline)).await {
            Err(failed) if failed.unsent => {}
            outcome => return outcome.map_err(|failed| failed.problem),
        }
    }
    let url = format!("{}{path}", hosts.last().map_or(first, String::as_str));
    let request = Request { url: &url, ..Request::of(grant) };
    deliver(client, &request, Body::lent(&body), tokio::time::sleep_until(deadline)).await
}

/// Reads what is at a signed URL.
///
/// # Errors
/// `upload_failed` if there is no answer by `deadline`, or one too long to read.
pub async fn fetch(client: &reqwest::Client, url: &str, deadline: Instant) -> Result<Reply, Problem> {
    answer(client.get(url), deadline).await
}

/// What a store answers to a `request` without a body, whatever its status.
async fn answer(request: reqwest::RequestBuilder, deadline: Instant) -> Result<Reply, Problem> {
    let silent = |_| Problem::new(Code::UploadFailed, "the store did not answer in time").retryable(true);
    let answer = async {
        let response = request.send().await.map_err(|error| broke_off(&error))?;
        Reply::read(response, MAX_REPLY).await
    };
    tokio::time::timeout_at(deadline, answer).await.map_err(silent)?
}

/// Sends `body` under `grant` to a store, and checks the store's answer against what was sent.
///
/// # Errors
/// As [`exchange`]; `upload_failed` if the store refuses or reports another CRC-64.
pub async fn send(
    client: &reqwest::Client,
    grant: &Grant,
    deadline: Instant,
    body: Body,
) -> Result<StoredObject, Problem> {
    let (reply, digests) = exchange(client, grant, deadline, body).await?;
    stored(grant, &reply, digests)
}

/// What a store's answer to `grant`'s upload says, checked against what was sent.
///
/// # Errors
/// `upload_failed` if the store refuses or reports another CRC-64.
pub fn stored(grant: &Grant, reply: &Reply, digests: Digests) -> Result<StoredObject, Problem> {
    // Another 2xx, like 202 or 206, does not say that the object is stored.
    if !grant.success_status.contains(&reply.status) {
        return Err(refused(reply, reply.xml("Code").as_deref()));
    }
    check_crc64(reply, &digests)?;
    check_etag(grant, reply, &digests)?;
    Ok(StoredObject {
        key: grant.key.clone(),
        location: grant.object.as_ref().map(|object| object.location.clone()),
        etag: reply.header("etag").map(str::to_owned),
        vendor: grant.vendor.clone(),
        digests,
    })
}

/// The problem behind a store's refusal.
pub fn refused(reply: &Reply, code: Option<&str>) -> Problem {
    let request_id = reply.header("x-oss-request-id").or_else(|| reply.header("x-cos-request-id"));
    let retryable = reply.status >= 500 || reply.status == 429;
    let problem = Problem::new(Code::UploadFailed, "the store refused the upload")
        .retryable(retryable)
        .with_vendor(vendor_error(code, request_id, reply.status));
    match retry_after(&reply.headers).filter(|_| retryable) {
        Some(after) => problem.retry_in(after.as_secs_f64()),
        None => problem,
    }
}

/// The CRC-64 in a store's answer, in decimal.
pub(crate) fn crc64_of(reply: &Reply) -> Option<&str> {
    reply.header("x-oss-hash-crc64ecma").or_else(|| reply.header("x-cos-hash-crc64ecma"))
}

/// Compares it with what was sent, if the store's answer has one.
pub(crate) fn check_crc64(reply: &Reply, sent: &Digests) -> Result<(), Problem> {
    if crc64_of(reply).is_some_and(|theirs| theirs != sent.crc64) {
        return Err(Problem::new(Code::UploadFailed, "the store received other bytes than were sent"));
    }
    Ok(())
}

/// Where OSS answers no CRC-64, its entity tag of a PUT is the MD5. A form's is none, and COS does not promise it.
/// <https://www.alibabacloud.com/help/en/oss/developer-reference/putobject>
fn check_etag(grant: &Grant, reply: &Reply, sent: &Digests) -> Result<(), Problem> {
    let is_md5 = |tag: &&str| tag.len() == 32 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    let promised = grant.method == "PUT" && reply.header("x-oss-request-id").is_some();
    let tag = reply.header("etag").map(|tag| tag.trim_matches('"')).filter(is_md5);
    let differs = tag.is_some_and(|tag| !tag.eq_ignore_ascii_case(&sent.md5));
    if promised && differs && crc64_of(reply).is_none() {
        return Err(Problem::new(Code::UploadFailed, "the store received other bytes than were sent"));
    }
    Ok(())
}

fn broke_off<E>(_: &E) -> Problem {
    Problem::new(Code::UploadFailed, "the connection to the store broke off").retryable(true)
}
