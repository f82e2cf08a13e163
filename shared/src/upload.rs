//! Uploading on a caller's behalf: bytes stream from where they are to the store, measured on the way.

mod meter;

use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use meter::{Digests, Meter};

use crate::flow::{Ask, Context};
use crate::grant::{Enforced, Grant};
use crate::problem::{Code, Problem, VendorSays};
use crate::request::{Checksums, Mode};
use crate::vendor::{Reply, read_body, retry_after};

/// The most bytes of a store's answer.
pub(crate) const MAX_REPLY: usize = 1 << 20;
/// A source that sends nothing for so long has stopped.
const IDLE: Duration = Duration::from_secs(20);

/// Bytes on their way, of known number.
pub struct Body {
    length: u64,
    expected: Checksums,
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, Problem>> + Send>>,
}

/// What became of an upload.
#[derive(Clone, Debug, Default)]
pub struct Stored {
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

    /// Number of bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// All of it in memory, for vendors that take no stream. The caller has bounded `length`.
    ///
    /// # Errors
    /// The source's problem, or `checksum_mismatch`.
    pub async fn collect(self) -> Result<(Bytes, Digests), Problem> {
        let (mut metered, meter) = self.metered();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = metered.next().await {
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(error) => return Err(meter.problem().unwrap_or_else(|| broke_off(&error))),
            }
        }
        Ok((bytes.freeze(), meter.digests()))
    }

    fn metered(self) -> (impl Stream<Item = std::io::Result<Bytes>> + Send + 'static, Meter) {
        meter::metered(self.stream, self.length, self.expected)
    }
}

/// Sends `body` under `grant` and returns the store's answer, whatever it is, with what was sent.
///
/// # Errors
/// The source's problem if the bytes were at fault, else `upload_failed`.
pub async fn exchange(
    cx: &Context,
    grant: &Grant,
    ask: &Ask,
    body: Body,
) -> Result<(Reply, Digests), Problem> {
    let length = body.length();
    let (stream, meter) = body.metered();
    let stream = reqwest::Body::wrap_stream(stream);
    let mut request = cx.vendor.client().request(method(grant), &grant.url);
    for (name, value) in &grant.headers.0 {
        request = request.header(name, value);
    }
    let request = if grant.mode == Mode::Form {
        request.multipart(form(grant, ask, stream, length)?)
    } else {
        request.header("content-length", length).body(stream)
    };
    let sent = async {
        let response = request.send().await.map_err(|error| broke_off(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read_body(response, MAX_REPLY).await.map_err(|problem| {
            Problem::new(Code::UploadFailed, "the store's answer broke off").retryable(problem.retryable)
        })?;
        Ok(Reply { status, headers, body })
    };
    let left = ask.deadline.saturating_duration_since(Instant::now());
    let timed_out =
        |_| Err(Problem::new(Code::UploadFailed, "the store did not answer in time").retryable(true));
    match tokio::time::timeout(left, sent).await.unwrap_or_else(timed_out) {
        Ok(reply) => match meter.problem() {
            Some(problem) => Err(problem),
            None => Ok((reply, meter.digests())),
        },
        Err(problem) => Err(meter.problem().unwrap_or(problem)),
    }
}

/// Sends `body` under `grant` to a store, and checks the store's answer against what was sent.
///
/// # Errors
/// As [`exchange`]; `upload_failed` if the store refuses or reports another CRC-64.
pub async fn send(cx: &Context, grant: &Grant, ask: &Ask, body: Body) -> Result<Stored, Problem> {
    let (reply, digests) = exchange(cx, grant, ask, body).await?;
    let code = xml_code(&reply);
    // Under forbid-overwrite the only object that can be under our key is the one we sent before.
    let is_ours = reply.status == 409
        && code.as_deref() == Some("FileAlreadyExists")
        && grant.limits.enforced.contains(&Enforced::NoOverwrite);
    if !reply.is_success() && !is_ours {
        return Err(refused(&reply, code.as_deref()));
    }
    let crc64 = reply.header("x-oss-hash-crc64ecma").or_else(|| reply.header("x-cos-hash-crc64ecma"));
    if crc64.is_some_and(|theirs| theirs != digests.crc64) {
        return Err(Problem::new(Code::UploadFailed, "the store received other bytes than were sent"));
    }
    Ok(Stored {
        key: grant.key.clone(),
        location: grant.object.as_ref().map(|object| object.location.clone()),
        etag: reply.header("etag").filter(|_| reply.is_success()).map(str::to_owned),
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
        .with_vendor(VendorSays::new(code, request_id, reply.status));
    match retry_after(&reply.headers).filter(|_| retryable) {
        Some(after) => problem.retry_in(after.as_secs_f64()),
        None => problem,
    }
}

fn method(grant: &Grant) -> reqwest::Method {
    if grant.mode == Mode::Form { reqwest::Method::POST } else { reqwest::Method::PUT }
}

fn form(
    grant: &Grant,
    ask: &Ask,
    stream: reqwest::Body,
    length: u64,
) -> Result<reqwest::multipart::Form, Problem> {
    let mut form = reqwest::multipart::Form::new();
    for (name, value) in grant.fields.iter().flat_map(|fields| &fields.0) {
        form = form.text(name.clone(), value.clone());
    }
    let file = reqwest::multipart::Part::stream_with_length(stream, length)
        .file_name(ask.object_name())
        .mime_str(&ask.content_type)
        .map_err(|_| Problem::new(Code::Internal, "the content type cannot be sent"))?;
    Ok(form.part(grant.file_field.unwrap_or("file"), file))
}

/// The code in a store's error document.
pub(crate) fn xml_code(reply: &Reply) -> Option<String> {
    let body = std::str::from_utf8(&reply.body).ok()?;
    let (_, rest) = body.split_once("<Code>")?;
    Some(rest.split_once('<')?.0.trim().to_owned())
}

fn broke_off<E>(_: &E) -> Problem {
    Problem::new(Code::UploadFailed, "the connection to the store broke off").retryable(true)
}
