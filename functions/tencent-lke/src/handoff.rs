//! What the application does with an upload: `SaveDoc`, `docParse`, or an image in the chat.

use serde_json::{Map, Value, json};
use upload_grant::model::media;
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant_runtime::flow::UploadContext;

/// `offline` for the knowledge base, `realtime` for a chat.
pub(crate) fn type_key(params: &Map<String, Value>) -> &str {
    params.get("type_key").and_then(Value::as_str).unwrap_or("offline")
}

/// As it was asked for; else as the vendor's sample has it, where every other pairing ends in a 403 of the store.
pub(crate) fn is_public(params: &Map<String, Value>, extension: &str) -> bool {
    let picture = ["jpg", "jpeg", "png", "bmp"].contains(&extension);
    let asked = params.get("is_public").and_then(Value::as_bool);
    asked.unwrap_or(picture && type_key(params) == "realtime")
}

/// The call that makes use of the upload; none for a picture that the chat could not show.
pub(crate) fn of(
    receipt: &Receipt,
    context: &UploadContext<'_>,
    enable_scope: Option<u8>,
) -> Option<Handoff> {
    if type_key(context.params) != "realtime" {
        return Some(save_doc(receipt, context, enable_scope));
    }
    if context.content_type.starts_with("image/") {
        image(receipt, context)
    } else {
        Some(doc_parse(receipt, context))
    }
}

/// <https://www.tencentcloud.com/document/product/1254/70432>
fn save_doc(receipt: &Receipt, context: &UploadContext<'_>, enable_scope: Option<u8>) -> Handoff {
    // Agents without an application have no knowledge base of their own.
    let application = Some(context.param("bot_biz_id")).filter(|id| id != "0");
    Handoff::new(
        ["SaveDoc"],
        [
            ("BotBizId", json!(application)),
            ("FileName", json!(file_name(&receipt.filename, &receipt.key))),
            ("FileType", json!(media::extension(&receipt.key))),
            ("CosUrl", upload_path(receipt)),
            ("ETag", json!(receipt.etag)),
            ("CosHash", json!(receipt.crc64)),
            ("Size", json!(receipt.size.map(|size| size.to_string()))),
            ("Opt", json!("2")),
            ("EnableScope", json!(enable_scope)),
        ],
    )
    .needing(["BotBizId", "ETag", "CosHash", "Size"])
}

/// <https://www.tencentcloud.com/document/product/1254/72532>
fn doc_parse(receipt: &Receipt, context: &UploadContext<'_>) -> Handoff {
    let bucket = receipt.location.as_deref().and_then(|url| bucket_of(url, &receipt.key));
    Handoff::new(
        ["docParse"],
        [
            ("session_id", context.param("session_id")),
            ("cos_bucket", json!(bucket)),
            ("file_type", json!(media::extension(&receipt.key))),
            ("file_name", json!(file_name(&receipt.filename, &receipt.key))),
            ("cos_url", upload_path(receipt)),
            ("cos_hash", json!(receipt.crc64)),
            ("e_tag", json!(receipt.etag)),
            ("size", json!(receipt.size.map(|size| size.to_string()))),
        ],
    )
    .needing(["session_id", "request_id", "bot_app_key", "cos_hash", "e_tag", "size"])
}

/// A chat takes a picture by its address: as Markdown, and in the newer chat as one of the contents.
fn image(receipt: &Receipt, context: &UploadContext<'_>) -> Option<Handoff> {
    let extension = media::extension(&receipt.key).unwrap_or_default();
    let url = receipt.location.as_ref().filter(|_| is_public(context.params, &extension))?;
    let contents = json!([{ "Type": "image", "Image": { "Url": url } }]);
    Some(Handoff::new(["chat"], [("content", json!(format!("![]({url})"))), ("contents", contents)]))
}

/// The caller's name, with the extension that the vendor wants in it, where the key has one.
fn file_name(filename: &str, key: &str) -> String {
    match media::extension(key) {
        Some(extension) => media::with_extension(filename, &extension),
        None => filename.to_owned(),
    }
}

fn upload_path(receipt: &Receipt) -> Value {
    receipt.vendor.get("upload_path").cloned().unwrap_or(Value::Null)
}

/// The bucket in an object's URL: the host's first label, or the first segment before the key.
fn bucket_of(location: &str, key: &str) -> Option<String> {
    let root = location.strip_suffix(key).unwrap_or(location);
    let (_, rest) = root.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let in_path = path.split('/').next().filter(|bucket| !bucket.is_empty());
    in_path.or_else(|| host.split('.').next()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_extension_of_the_key() {
        for (filename, key, name) in [
            ("a.PDF", "corp/doc/1.pdf", "a.PDF"),
            ("scan", "corp/doc/1.pdf", "scan.pdf"),
            ("a.pdf", "corp/doc/1", "a.pdf"),
            ("scan", "corp/v1.2/1", "scan"),
        ] {
            assert_eq!(file_name(filename, key), name, "{key}");
        }
    }
}
