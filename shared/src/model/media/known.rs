//! What the world knows of types and extensions, for flows whose own table does not end it.

use super::spellings::{canonical, synonym};

/// Where the registry behind `mime_guess` is silent, odd, or has no usual extension: the usual one comes first.
const KNOWN: &[(&str, &[&str])] = &[
    ("application/octet-stream", &["bin"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp"]),
    ("image/bmp", &["bmp", "dib"]),
    ("image/tiff", &["tiff", "tif"]),
    ("image/x-icns", &["icns"]),
    ("image/x-pcx", &["pcx"]),
    ("image/x-im", &["im"]),
    ("image/vnd.adobe.photoshop", &["psd"]),
    ("audio/mpeg", &["mp3", "mpga", "mp2"]),
    ("audio/mp4", &["m4a", "m4b"]),
    ("audio/ogg", &["ogg", "oga", "opus", "spx"]),
    ("audio/amr", &["amr"]),
    ("audio/midi", &["mid", "midi"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/mpeg", &["mpeg", "mpg", "mpe"]),
    ("video/quicktime", &["mov", "qt"]),
    ("video/x-matroska", &["mkv"]),
    ("application/msword", &["doc", "dot"]),
    ("application/vnd.ms-excel", &["xls", "xlt", "xlm", "xla"]),
    ("application/vnd.ms-powerpoint", &["ppt", "pps", "pot"]),
    ("application/vnd.ms-works", &["wps"]),
    ("application/vnd.apple.pages", &["pages"]),
    ("application/vnd.apple.numbers", &["numbers"]),
    ("application/vnd.apple.keynote", &["key"]),
    ("application/vnd.xmind.workbook", &["xmind"]),
    ("application/postscript", &["ps", "eps", "ai"]),
    ("application/vnd.rar", &["rar"]),
    ("application/gzip", &["gz", "tgz"]),
    ("application/yaml", &["yaml", "yml"]),
    ("application/sql", &["sql"]),
    ("multipart/related", &["mhtml", "mht"]),
    ("message/rfc822", &["eml"]),
    ("text/plain", &["txt", "text", "log", "conf", "ini", "cfg"]),
    ("text/html", &["html", "htm", "shtml"]),
    ("text/markdown", &["md", "markdown"]),
    ("text/xml", &["xml", "xsd", "xsl"]),
    ("text/vcard", &["vcf"]),
    ("text/calendar", &["ics"]),
    ("text/javascript", &["js", "mjs"]),
];

/// The type of files with this extension, lower case and in its documented spelling.
pub(super) fn type_of(extension: &str) -> Option<String> {
    let row = KNOWN.iter().find(|(_, extensions)| extensions.contains(&extension));
    let guess = || {
        let guess = mime_guess::from_ext(extension).first_raw()?.to_ascii_lowercase();
        Some(canonical(&guess).to_owned())
    };
    row.map(|(content_type, _)| (*content_type).to_owned()).or_else(guess)
}

/// The extensions of a type, the usual one first; none if nobody knows the type.
pub(super) fn extensions_of(content_type: &str) -> &'static [&'static str] {
    let row = KNOWN.iter().find(|(known, _)| *known == canonical(content_type));
    let guess = || mime_guess::get_mime_extensions_str(content_type).unwrap_or_default();
    row.map_or_else(guess, |(_, extensions)| extensions)
}

/// The extension that the key of such a file gets: as given if the type has it, else the type's usual one.
pub(super) fn extension_for(content_type: &str, given: &str) -> Option<String> {
    let extensions = extensions_of(content_type);
    let given = [Some(given), synonym(given)].into_iter().flatten().find(|given| extensions.contains(given));
    let usual = || extensions.iter().copied().find(|usual| super::is_extension(usual));
    given.or_else(usual).map(str::to_owned)
}
