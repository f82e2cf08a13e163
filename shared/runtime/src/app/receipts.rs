//! Receipts of what this function uploaded itself.

use std::time::Duration;

use upload_grant::model::receipt::{Receipt, Verified};
use upload_grant::model::request::Mode;

use crate::flow::{Flow, UploadContext, UploadRequest};
use crate::platform::clock;
use crate::transfer::StoredObject;

/// The receipt of an upload that this function made.
pub(crate) fn receipt_of<F: Flow>(
    flow: &F,
    upload: &UploadRequest,
    stored: StoredObject,
    job_id: Option<String>,
) -> Receipt {
    let digests = stored.digests;
    let measured = |digest: String| Some(digest).filter(|digest| !digest.is_empty());
    let mut receipt = Receipt {
        version: 1,
        id: upload.id.clone(),
        job_id,
        caller: None,
        flow: F::SPEC.name.to_owned(),
        filename: upload.filename.clone(),
        key: stored.key,
        location: stored.location,
        // A store that had the object before may not show it: then nothing of it is known.
        size: Some(digests.size).filter(|size| *size > 0),
        etag: stored.etag.or(measured(digests.md5)).map(|etag| quoted(&etag)),
        crc64: measured(digests.crc64),
        sha256: measured(digests.sha256),
        verified: Verified::Function,
        uploaded_at: clock::now(),
        vendor: F::SPEC.for_receipts(stored.vendor),
        handoff: None,
        document: None,
    };
    receipt.handoff =
        flow.handoff(&receipt, &UploadContext { content_type: &upload.content_type, params: &upload.params });
    receipt
}

/// The mode in which the flow itself carries the bytes.
pub(crate) fn carrier(modes: &[Mode]) -> Mode {
    [Mode::Put, Mode::Form].into_iter().find(|mode| modes.contains(mode)).unwrap_or(Mode::Relay)
}

/// The configured time, and a second for every megabyte on top.
pub(crate) fn time_for(timeout: Duration, length: u64) -> Duration {
    timeout + Duration::from_secs(length >> 20)
}

/// An entity tag as stores write it.
pub(crate) fn quoted(etag: &str) -> String {
    let bare = etag.trim().trim_start_matches("W/").trim_matches('"');
    format!("\"{bare}\"")
}
