//! Native notifications of an object store: the object is the file, and its version the job.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::job::upload_job;
use super::payload::Item;
use crate::event::Members;
use upload_grant::wire::encode;

/// The longest name a file can have; of longer ones the end is kept, which says the type.
const MOST_NAME: usize = 255;
/// Longer ids are hashed.
const MOST_ID: usize = 256;

/// The job that a created object is. `object` is `s3` of a record, whose key is encoded as in a form, or
/// `detail` of an EventBridge event, whose key is not.
pub(super) fn created(object: &Members<'_>, encoded: bool) -> Item {
    let bucket = object.object("bucket").and_then(|bucket| bucket.text("name")).unwrap_or_default();
    let object = object.object("object").unwrap_or_default();
    let key = object.text("key").unwrap_or_default();
    let key = if encoded { form_decoded(&key) } else { key };
    let size: Value = object.get("size").and_then(|size| serde_json::from_str(size).ok()).unwrap_or_default();
    if key.ends_with('/') && (size == 0 || size.is_null()) {
        return Item::Nothing("a folder".to_owned());
    }
    // Ceph writes "" where the bucket keeps no versions.
    let text = |name: &str| object.text(name).filter(|text| !text.is_empty());
    let version_id = text("versionId").or_else(|| text("version-id"));
    let instance = version_id.clone().or_else(|| text("sequencer")).unwrap_or_default();
    let document = json!({
        "id": job_id(format!("{bucket}/{key}/{instance}")),
        "filename": filename(&key),
        "size": size,
        "source": { "s3": { "bucket": bucket, "key": key, "version_id": version_id } },
    });
    match upload_job(&document, "") {
        Ok(job) => Item::Job(Box::new(super::Job { typed_by_source: true, ..job })),
        Err(unreadable) => Item::Unreadable(unreadable),
    }
}

/// An id that is too long, or has control characters, is replaced by its hash.
fn job_id(id: String) -> String {
    if id.len() <= MOST_ID && !id.chars().any(char::is_control) {
        return id;
    }
    encode::digest_hex(&Sha256::digest(id.as_bytes())).to_string()
}

/// The last segment of a key, made a valid file name.
fn filename(key: &str) -> String {
    let last = key.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = last.chars().map(|char| if char.is_control() || char == '\\' { '_' } else { char });
    name.clone().skip(name.count().saturating_sub(MOST_NAME)).collect()
}

/// `+` is a space, `%XX` a byte.
fn form_decoded(text: &str) -> String {
    let pair = format!("k={}", text.replace('&', "%26"));
    let decoded = form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    decoded.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_file_can_be_called_is_replaced() {
        for (key, name) in [
            ("inbox/report.pdf", "report.pdf"),
            ("a\\b.pdf", "a_b.pdf"),
            ("x/tab\there\n.pdf", "tab_here_.pdf"),
            ("inbox/2026/", "2026"),
            ("/", ""),
        ] {
            assert_eq!(filename(key), name, "{key:?}");
        }
        let long = filename(&format!("x/{}.pdf", "n".repeat(900)));
        assert!(long.len() == 255 && long.ends_with("n.pdf"), "{long}");
    }

    #[test]
    fn an_id_that_cannot_be_shown_is_its_hash() {
        assert_eq!(job_id("b/a.pdf/1".into()), "b/a.pdf/1");
        for id in ["b/a\nb/1".to_owned(), "x".repeat(257)] {
            assert_eq!(job_id(id).len(), 64);
        }
    }
}
