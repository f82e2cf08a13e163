//! The formats of `FileName`, and how large: `SizeInBytes` documents 100 MB for all, images have less.
//! <https://help.aliyun.com/zh/model-studio/api-bailian-2023-12-29-applyfileuploadlease>

use upload_grant::model::media::{Accepted, Others, Types};

const MB: u64 = 1024 * 1024;
const LARGEST: u64 = 100 * MB;
/// Less than 20 MB.
const IMAGE: u64 = 20 * MB - 1;

const fn row(content_type: &'static str, extensions: &'static [&'static str], max_bytes: u64) -> Accepted {
    Accepted { content_type, extensions, max_bytes }
}

/// The vendor refuses every other extension.
pub(crate) const TYPES: Types = Types { listed: LISTED, others: Others::Refused };

const LISTED: &[Accepted] = &[
    row("application/pdf", &["pdf"], LARGEST),
    row("application/msword", &["doc"], LARGEST),
    row("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"], LARGEST),
    row("application/vnd.ms-works", &["wps"], LARGEST),
    row("application/vnd.ms-powerpoint", &["ppt"], LARGEST),
    row("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"], LARGEST),
    row("application/vnd.ms-excel", &["xls"], LARGEST),
    row("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"], LARGEST),
    row("text/markdown", &["md"], LARGEST),
    row("text/plain", &["txt"], LARGEST),
    row("application/epub+zip", &["epub"], LARGEST),
    row("application/x-mobipocket-ebook", &["mobi"], LARGEST),
    row("image/png", &["png"], IMAGE),
    row("image/jpeg", &["jpg", "jpeg"], IMAGE),
    row("image/bmp", &["bmp"], IMAGE),
    row("image/gif", &["gif"], IMAGE),
    row("audio/aac", &["aac"], LARGEST),
    row("audio/amr", &["amr"], LARGEST),
    row("audio/flac", &["flac"], LARGEST),
    row("audio/mp4", &["m4a"], LARGEST),
    row("audio/mpeg", &["mp3", "mpeg"], LARGEST),
    row("audio/ogg", &["ogg", "opus"], LARGEST),
    row("audio/wav", &["wav"], LARGEST),
    row("audio/webm", &["webm"], LARGEST),
    row("audio/x-ms-wma", &["wma"], LARGEST),
    row("video/mp4", &["mp4"], LARGEST),
    row("video/x-flv", &["flv"], LARGEST),
    row("video/x-matroska", &["mkv"], LARGEST),
    row("video/x-msvideo", &["avi"], LARGEST),
    row("video/quicktime", &["mov"], LARGEST),
    row("video/x-ms-wmv", &["wmv"], LARGEST),
];
