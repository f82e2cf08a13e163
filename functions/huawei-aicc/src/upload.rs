//! `uploadFileStream`: the call that carries the file, as the vendor's page has it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use upload_grant::model::problem::Problem;
use upload_grant_runtime::transfer::{Body, Digests};
use upload_grant_runtime::vendor::{Refusal, RefusalKind, Reply};

use crate::tokens;

/// `returnCode` of an upload that failed on the vendor's side.
pub(crate) const NOT_STORED: &str = "13";

/// Bytes of the document around the file.
const ENVELOPE: u64 = 80;

/// The most bytes of memory that a file of `length` bytes takes.
pub(crate) const fn memory(length: u64) -> u64 {
    length.div_ceil(3) * 4 + ENVELOPE
}

/// `{"fileType","channel","fileStream"}`, the stream as one line of base64, encoded as it comes: the document is the
/// only copy of the file.
pub(crate) async fn document(extension: &str, body: Body) -> Result<(Bytes, Digests), Problem> {
    // Servers before 2025-11 know JPG only.
    let file_type = if extension == "jpeg" { "jpg" } else { extension };
    let size = usize::try_from(memory(body.length())).unwrap_or(0);
    let mut document = String::with_capacity(size);
    // Writing to a `String` cannot fail.
    let _ = write!(document, r#"{{"fileType":"{file_type}","channel":"WEB","fileStream":""#);
    // Base64 wants three bytes at a time.
    let mut rest: Vec<u8> = Vec::with_capacity(2);
    let digests = body
        .read(|chunk| {
            let fill = if rest.is_empty() { 0 } else { (3 - rest.len()).min(chunk.len()) };
            let (first, chunk) = chunk.split_at(fill);
            rest.extend_from_slice(first);
            if rest.len() == 3 {
                STANDARD.encode_string(&rest, &mut document);
                rest.clear();
            }
            let (whole, tail) = chunk.split_at(chunk.len() / 3 * 3);
            STANDARD.encode_string(whole, &mut document);
            rest.extend_from_slice(tail);
        })
        .await?;
    STANDARD.encode_string(&rest, &mut document);
    document.push_str("\"}");
    Ok((Bytes::from(document), digests))
}

/// `objectKey` of a success, which says `returnCode` or `resultCode` 0, as text or number.
pub(crate) fn object_key(reply: &Reply) -> Result<String, Refusal> {
    let document = tokens::document(reply)?;
    let code = tokens::code(&document);
    let key = document.get("objectKey").and_then(Value::as_str).filter(|key| is_key(key));
    match (code.as_deref(), key) {
        (Some("0"), Some(key)) => Ok(key.to_owned()),
        (Some("0") | None, _) => Err(Refusal::new(RefusalKind::BadResponse, reply, None, None)),
        (Some(code), _) => Err(Refusal::new(RefusalKind::Rejected, reply, Some(code), None)),
    }
}

/// It goes into a message's comma-joined content, and into receipts.
fn is_key(key: &str) -> bool {
    (1..=512).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

#[cfg(test)]
mod tests {
    use upload_grant::model::request::Checksums;

    use super::*;

    #[tokio::test]
    async fn the_document_is_flat_and_its_stream_bare_however_the_file_comes() {
        let file = b"\xff\xd8\xff\xe0 and more of it";
        for size in 1..=file.len() {
            let chunks: Vec<_> = file.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            let stream = futures_util::stream::iter(chunks);
            let body = Body::new(file.len() as u64, Checksums::default(), stream);
            let (document, digests) = document("jpeg", body).await.unwrap();
            assert_eq!(
                document,
                r#"{"fileType":"jpg","channel":"WEB","fileStream":"/9j/4CBhbmQgbW9yZSBvZiBpdA=="}"#
            );
            assert!(document.len() as u64 <= memory(file.len() as u64));
            assert_eq!(digests.size, file.len() as u64);
        }
    }
}
