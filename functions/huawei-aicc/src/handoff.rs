//! What the application does with an upload: `send`, a message of the web chat.

use serde_json::json;
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant_runtime::flow::UploadContext;

use crate::LISTED;

/// The message that carries the file.
pub(crate) fn of(receipt: &Receipt, context: &UploadContext<'_>) -> Handoff {
    let kind = context.content_type.split('/').next().unwrap_or_default();
    let (media_type, text) = match kind {
        "image" => ("IMAGE", receipt.key.clone()),
        "audio" => ("AUDIO", receipt.key.clone()),
        "video" => ("VIDEO", receipt.key.clone()),
        _ => {
            // The content is joined by commas, so the name must not have any.
            let name = receipt.filename.replace(',', "_");
            let row = LISTED.iter().find(|row| row.content_type == context.content_type);
            let extension = row.map_or("txt", |row| row.extensions[0]);
            ("FILE", format!("{name},{},{},{extension}", receipt.size.unwrap_or_default(), receipt.key))
        }
    };
    Handoff::new(
        ["send"],
        [
            ("channel", json!("WEB")),
            ("controlType", json!("CHAT")),
            ("sourceType", json!("CUSTOMER")),
            ("mediaType", json!(media_type)),
            ("content", json!(text)),
            ("from", context.param("user_id")),
            ("to", context.param("channel_id")),
        ],
    )
}
