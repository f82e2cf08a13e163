//! `uploadFileStream`: the call that carries the file, as the vendor's page has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use upload_grant_runtime::vendor::{Refusal, Reply, Why};

use crate::tokens;

/// `returnCode` of an upload that failed on the vendor's side.
pub(crate) const NOT_STORED: &str = "13";

/// `{"fileType","channel","fileStream"}`, the stream as one line of base64.
pub(crate) fn document(extension: &str, bytes: &[u8]) -> Bytes {
    // Servers before 2025-11 know JPG only.
    let file_type = if extension == "jpeg" { "jpg" } else { extension };
    let mut document = format!(r#"{{"fileType":"{file_type}","channel":"WEB","fileStream":""#);
    document.reserve(bytes.len().div_ceil(3) * 4 + 2);
    STANDARD.encode_string(bytes, &mut document);
    document.push_str("\"}");
    Bytes::from(document)
}

/// `objectKey` of a success, which says `returnCode` or `resultCode` 0, as text or number.
pub(crate) fn object_key(reply: &Reply) -> Result<String, Refusal> {
    let document = tokens::document(reply)?;
    let code = tokens::code(&document);
    let key = document.get("objectKey").and_then(Value::as_str).filter(|key| !key.is_empty());
    match (code.as_deref(), key) {
        (Some("0"), Some(key)) => Ok(key.to_owned()),
        (Some("0") | None, _) => Err(Refusal::new(Why::BadResponse, reply, None, None)),
        (Some(code), _) => Err(Refusal::new(Why::Rejected, reply, Some(code), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_flat_and_its_stream_bare() {
        assert_eq!(
            document("jpeg", b"\xff\xd8\xff\xe0"),
            r#"{"fileType":"jpg","channel":"WEB","fileStream":"/9j/4A=="}"#
        );
    }
}
