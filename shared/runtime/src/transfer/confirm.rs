//! Idempotent uploads: an object that exists already was sent before, and its answer was lost.

use tokio::time::Instant;
use upload_grant::model::grant::Grant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Checksums;

use super::{Body, Digests, StoredObject, answer, crc64_of, exchange, stored};
use crate::net::Reply;

/// Sends `body` under `grant` to a store that refuses to overwrite: an object that exists is this upload's own, sent
/// by an attempt whose answer was lost, if it matches. `head_url` makes the signed URL for a `HEAD` of it, and is
/// awaited only then; `expected` is the size and the checksums that the caller declared.
///
/// # Errors
/// As [`send`]; `upload_failed` if another object is there, or the store does not answer in time.
///
/// [`send`]: super::send
pub async fn send_once(
    client: &reqwest::Client,
    grant: Grant,
    body: Body,
    deadline: Instant,
    expected: (Option<u64>, &Checksums),
    head_url: impl Future<Output = Result<String, Problem>>,
) -> Result<StoredObject, Problem> {
    let (reply, sent) = exchange(client, &grant, deadline, body).await?;
    if already_exists(&reply) {
        confirm(client, grant, &head_url.await?, expected, sent, deadline).await
    } else {
        stored(&grant, &reply, sent)
    }
}

/// Whether a store refused an upload because the object is there already.
fn already_exists(reply: &Reply) -> bool {
    reply.status == 409 && reply.xml("Code").as_deref() == Some("FileAlreadyExists")
}

/// The object under our own key, if it is the one that was to be stored. Nobody else writes under this key, but
/// the caller of a ticket may have sent other bytes the first time. `sent` is what went over the wire, if the store
/// read it.
///
/// # Errors
/// `upload_failed` if it is another, or the store does not answer in time.
async fn confirm(
    client: &reqwest::Client,
    grant: Grant,
    head_url: &str,
    (size, checksums): (Option<u64>, &Checksums),
    sent: Digests,
    deadline: Instant,
) -> Result<StoredObject, Problem> {
    let reply = answer(client.head(head_url), deadline).await?;
    let mut stored = StoredObject {
        key: grant.key,
        location: grant.object.map(|object| object.location),
        vendor: grant.vendor,
        ..StoredObject::default()
    };
    match reply.status {
        200 => {}
        404 | 408 | 429 | 500.. => {
            let problem = Problem::new(Code::UploadFailed, "the store has the object and does not show it");
            return Err(problem.retryable(true));
        }
        // Write-only keys cannot read it: the receipt then says nothing of the content.
        _ => return Ok(stored),
    }
    let there = Digests {
        size: reply.header("content-length").and_then(|size| size.parse().ok()).unwrap_or(0),
        crc64: crc64_of(&reply).unwrap_or_default().to_owned(),
        ..Digests::default()
    };
    let same_size = size.is_none_or(|expected| expected == there.size);
    // A store that answers before it has read the body leaves nothing measured.
    let as_declared = checksums.crc64.as_ref().is_none_or(|expected| *expected == there.crc64);
    let same_bytes = if sent.crc64.is_empty() { as_declared } else { sent.crc64 == there.crc64 };
    if !(same_size && same_bytes) {
        return Err(Problem::new(Code::UploadFailed, "another file was stored here before: ask again"));
    }
    stored.etag = reply.header("etag").map(str::to_owned);
    stored.digests = if sent.crc64.is_empty() { there } else { sent };
    Ok(stored)
}
