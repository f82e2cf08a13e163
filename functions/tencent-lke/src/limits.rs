//! The file suffixes of `DescribeStorageCredential`, with the sizes that `SaveDoc` documents.
//!
//! Types that SaveDoc does not list carry the smaller limit of their kind.

use upload_grant::model::media::{Accepted, Others, Types};

const MB: u64 = 1024 * 1024;
const DOCUMENT: u64 = 200 * MB;
const TEXT: u64 = 20 * MB;
const IMAGE: u64 = 50 * MB;

const fn row(content_type: &'static str, extensions: &'static [&'static str], max_bytes: u64) -> Accepted {
    Accepted { content_type, extensions, max_bytes }
}

/// The vendor answers no key for a suffix that it does not document, synonyms of documented ones among them.
pub(crate) const TYPES: Types = Types { listed: LISTED, others: Others::Refused };

const LISTED: &[Accepted] = &[
    row("application/pdf", &["pdf"], DOCUMENT),
    row("application/msword", &["doc"], DOCUMENT),
    row("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"], DOCUMENT),
    row("application/vnd.ms-powerpoint", &["ppt"], DOCUMENT),
    row("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"], DOCUMENT),
    row("application/vnd.openxmlformats-officedocument.presentationml.slideshow", &["ppsx"], DOCUMENT),
    row("application/vnd.ms-powerpoint.slideshow.macroenabled.12", &["ppsm"], TEXT),
    row("application/vnd.ms-works", &["wps"], DOCUMENT),
    row("multipart/related", &["mhtml"], DOCUMENT),
    row("application/vnd.ms-excel", &["xls"], TEXT),
    row("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"], TEXT),
    row("text/markdown", &["md"], TEXT),
    row("text/plain", &["txt", "log"], TEXT),
    row("text/csv", &["csv"], TEXT),
    row("text/tab-separated-values", &["tsv"], TEXT),
    row("text/html", &["html"], TEXT),
    row("text/xml", &["xml"], TEXT),
    row("application/json", &["json"], TEXT),
    row("application/epub+zip", &["epub"], TEXT),
    row("application/vnd.apple.pages", &["pages"], TEXT),
    row("application/vnd.apple.numbers", &["numbers"], TEXT),
    row("application/vnd.apple.keynote", &["key"], TEXT),
    row("application/vnd.xmind.workbook", &["xmind"], TEXT),
    row("image/jpeg", &["jpg", "jpeg"], IMAGE),
    row("image/png", &["png"], IMAGE),
    row("image/gif", &["gif"], IMAGE),
    row("image/bmp", &["bmp"], IMAGE),
    row("image/tiff", &["tiff"], IMAGE),
    row("image/webp", &["webp"], IMAGE),
    row("image/heif", &["heif"], IMAGE),
    row("image/heic", &["heic"], IMAGE),
    row("image/jp2", &["jp2"], IMAGE),
    row("image/x-icns", &["icns"], IMAGE),
    row("image/x-im", &["im"], IMAGE),
    row("image/x-pcx", &["pcx"], IMAGE),
    row("image/x-portable-pixmap", &["ppm"], IMAGE),
    row("image/x-xbitmap", &["xbm"], IMAGE),
    row("application/postscript", &["eps"], IMAGE),
];
