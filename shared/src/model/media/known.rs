//! What the world knows of types and extensions, for flows whose own table does not end it.

use std::cmp::Ordering;

use super::spellings::{canonical, synonym};

/// Where the registry behind `mime_guess` is silent, odd, or has no usual extension: the usual one comes first.
const KNOWN: &[(&str, &[&str])] = &[
    ("application/octet-stream", &["bin"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp"]),
    ("image/bmp", &["bmp", "dib"]),
    ("image/tiff", &["tiff", "tif"]),
    ("image/heif", &["heif", "hif"]),
    ("image/vnd.dwg", &["dwg"]),
    ("image/vnd.dxf", &["dxf"]),
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
    ("video/mp2t", &["ts", "mts", "m2ts"]),
    ("video/mpeg", &["mpeg", "mpg", "mpe"]),
    ("video/quicktime", &["mov", "qt"]),
    ("video/webm", &["webm"]),
    ("audio/webm", &["webm", "weba"]),
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
    ("application/x-rpm", &["rpm"]),
    ("model/obj", &["obj"]),
    ("model/stl", &["stl"]),
    ("font/woff", &["woff"]),
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

/// A line for each extension, in their order: the extension, and its first type.
const TYPES: &str = include_str!(concat!(env!("OUT_DIR"), "/types.txt"));
/// A line for each type, in their order: the type, and its extensions.
const EXTENSIONS: &str = include_str!(concat!(env!("OUT_DIR"), "/extensions.txt"));

/// What stands behind `name` in its line of a table.
fn line(mut table: &'static str, name: &str) -> Option<&'static str> {
    while !table.is_empty() {
        let middle = table.len() / 2;
        let start = table[..middle].rfind('\n').map_or(0, |end| end + 1);
        let end = start + table[start..].find('\n')?;
        let (found, rest) = table[start..end].split_once(' ')?;
        match name.cmp(found) {
            Ordering::Less => table = &table[..start],
            Ordering::Equal => return Some(rest),
            Ordering::Greater => table = &table[end + 1..],
        }
    }
    None
}

/// The type of files with this extension, lower case and in its documented spelling.
pub(super) fn type_of(extension: &str) -> Option<String> {
    let row = KNOWN.iter().find(|(_, extensions)| extensions.contains(&extension));
    let guess = || line(TYPES, extension).map(|guess| canonical(guess).to_owned());
    row.map(|(content_type, _)| (*content_type).to_owned()).or_else(guess)
}

/// The extensions of a type, the usual one first, or of all that `type/*` stands for; none if nobody knows the type.
pub(super) fn extensions_of(content_type: &str) -> Vec<&'static str> {
    let row = KNOWN.iter().find(|(known, _)| *known == canonical(content_type));
    let guess = || match content_type.strip_suffix('*') {
        None => line(EXTENSIONS, content_type).into_iter().flat_map(|line| line.split(' ')).collect(),
        Some(kind) => {
            let lines = EXTENSIONS.lines().filter(|line| line.starts_with(kind));
            lines.flat_map(|line| line.split(' ').skip(1)).collect()
        }
    };
    row.map_or_else(guess, |(_, extensions)| extensions.to_vec())
}

/// The extension that the key of such a file gets: as given if the type has it, else the type's usual one.
pub(super) fn extension_for(content_type: &str, given: &str) -> Option<String> {
    let extensions = extensions_of(content_type);
    let given = [Some(given), synonym(given)].into_iter().flatten().find(|given| extensions.contains(given));
    let usual = || extensions.iter().copied().find(|usual| super::is_extension(usual));
    given.or_else(usual).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_found() {
        for table in [TYPES, EXTENSIONS] {
            assert!(table.lines().count() > 900 && table.is_ascii());
            for (name, rest) in table.lines().filter_map(|line| line.split_once(' ')) {
                assert_eq!(line(table, name), Some(rest), "{name}");
            }
            for name in ["", "-", "zzzz", "a/b", "~"] {
                assert_eq!(line(table, name), None, "{name}");
            }
        }
        assert_eq!(type_of("heic").as_deref(), Some("image/heic"));
        assert_eq!(extensions_of("application/epub+zip"), ["epub"]);
        assert!(extensions_of("image/*").contains(&"webp"));
    }
}
