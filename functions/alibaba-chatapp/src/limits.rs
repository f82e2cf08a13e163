//! What WhatsApp takes through CAMS, and how large.
//!
//! The limits are Meta's; Viber's and the console's differ, so both are settings.

use upload_grant::model::media::{Accepted, Others, Types};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

const fn row(content_type: &'static str, extensions: &'static [&'static str], max_bytes: u64) -> Accepted {
    Accepted { content_type, extensions, max_bytes }
}

pub(crate) const TYPES: Types = Types { listed: LISTED, others: Others::BySetting };

const LISTED: &[Accepted] = &[
    row("image/jpeg", &["jpg", "jpeg"], 5 * MIB),
    row("image/png", &["png"], 5 * MIB),
    row("image/webp", &["webp"], 500 * KIB), // stickers
    row("video/mp4", &["mp4"], 16 * MIB),
    row("video/3gpp", &["3gp"], 16 * MIB),
    row("audio/aac", &["aac"], 16 * MIB),
    row("audio/amr", &["amr"], 16 * MIB),
    row("audio/mpeg", &["mp3"], 16 * MIB),
    row("audio/mp4", &["m4a"], 16 * MIB),
    row("audio/ogg", &["ogg"], 16 * MIB),
    row("application/pdf", &["pdf"], 100 * MIB),
    row("text/plain", &["txt"], 100 * MIB),
    row("application/msword", &["doc"], 100 * MIB),
    row("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"], 100 * MIB),
    row("application/vnd.ms-excel", &["xls"], 100 * MIB),
    row("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"], 100 * MIB),
    row("application/vnd.ms-powerpoint", &["ppt"], 100 * MIB),
    row("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"], 100 * MIB),
];
