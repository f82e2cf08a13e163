//! What the application does with an upload: `SaveDoc`, `docParse`, or an image in the chat.

use serde_json::{Value, json};
use upload_grant::model::media;
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant_runtime::flow::{Ask, Bound};

/// `offline` for the knowledge base, `realtime` for a chat.
pub(crate) fn type_key(ask: &Ask) -> &str {
    ask.param("type_key").unwrap_or("offline")
}

/// The call that makes use of the upload.
pub(crate) fn of(receipt: &Receipt, bound: &Bound<'_>) -> Handoff {
    let path = receipt.vendor.get("upload_path").cloned().unwrap_or(Value::Null);
    let file_type = media::extension(&receipt.key);
    let size = receipt.size.map(|size| size.to_string());
    let realtime = bound.param("type_key") == "realtime";
    if realtime && bound.content_type.starts_with("image/") {
        let image = receipt.location.as_ref().map(|url| format!("![]({url})"));
        Handoff::new(["chat"], [("content", json!(image))])
    } else if realtime {
        let bucket = receipt.location.as_deref().and_then(|url| bucket_of(url, &receipt.key));
        Handoff::new(
            ["docParse"],
            [
                ("cos_bucket", json!(bucket)),
                ("file_type", json!(file_type)),
                ("file_name", json!(receipt.filename)),
                ("cos_url", path),
                ("cos_hash", json!(receipt.crc64)),
                ("e_tag", json!(receipt.etag)),
                ("size", json!(size)),
            ],
        )
    } else {
        Handoff::new(
            ["SaveDoc"],
            [
                ("BotBizId", bound.param("bot_biz_id")),
                ("FileName", json!(receipt.filename)),
                ("FileType", json!(file_type)),
                ("CosUrl", path),
                ("ETag", json!(receipt.etag)),
                ("CosHash", json!(receipt.crc64)),
                ("Size", json!(size)),
                ("Opt", json!("2")),
            ],
        )
    }
}

/// The bucket in an object's URL: the host's first label, or the first segment before the key.
fn bucket_of(location: &str, key: &str) -> Option<String> {
    let root = location.strip_suffix(key).unwrap_or(location);
    let (_, rest) = root.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let in_path = path.split('/').next().filter(|bucket| !bucket.is_empty());
    in_path.or_else(|| host.split('.').next()).map(str::to_owned)
}
