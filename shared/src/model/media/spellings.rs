//! Other spellings of a type: what browsers, phones, desktops and office suites write instead of the documented one.
//!
//! A spelling is a pair of extension and type. [`ALIASES`] mean the same under every extension; [`PAIRS`] only
//! under the one that they stand beside, for elsewhere they are a type of their own.

use super::SUBTYPES;

/// A spelling, what it stands for, and which registry or system writes it.
type Alias = (&'static str, &'static str, &'static str);

/// An extension, what is written for it, the documented type, and which registry or system writes it so.
type Pair = (&'static str, &'static str, &'static str, &'static str);

/// Extensions that vendors do not list, and the documented one each stands for.
const SYNONYMS: [(&str, &str); 8] = [
    ("tif", "tiff"),
    ("htm", "html"),
    ("jfif", "jpg"),
    ("jpe", "jpg"),
    ("markdown", "md"),
    ("mht", "mhtml"),
    ("text", "txt"),
    ("opus", "ogg"),
];

/// Types that say nothing of a file.
const NOTHING: [&str; 15] = [
    "application/octet-stream",
    "binary/octet-stream",               // S3
    "application/x-www-form-urlencoded", // curl --data-binary
    "multipart/form-data",
    "application/unknown",          // Windows
    "application/x-unknown",        // Windows
    "unknown/unknown",              // Java mail clients
    "content/unknown",              // java.net.URLConnection
    "application/x-octet-stream",   // old Netscape
    "application/binary",           // Google Drive
    "application/x-binary",         // CodeIgniter's list
    "application/force-download",   // CodeIgniter's list, download scripts
    "application/x-force-download", // download scripts
    "application/download",         // CodeIgniter's list
    "application/x-download",       // CodeIgniter's list
];

/// The same under every extension.
pub(crate) const ALIASES: &[Alias] = &[
    ("image/jpg", "image/jpeg", "Android, cameras"),
    ("image/x-jpg", "image/jpeg", "PHP upload lists"),
    ("image/x-jpeg", "image/jpeg", "PHP upload lists"),
    ("image/pjpeg", "image/jpeg", "Internet Explorer"),
    ("image/pipeg", "image/jpeg", "IIS, for .jfif"),
    ("image/jfif", "image/jpeg", "Windows"),
    ("image/x-citrix-jpeg", "image/jpeg", "Citrix clients under Internet Explorer"),
    ("application/jpg", "image/jpeg", "Windows XP"),
    ("application/x-jpg", "image/jpeg", "Chinese lists after Windows"),
    ("image/x-png", "image/png", "Internet Explorer"),
    ("image/x-citrix-png", "image/png", "Citrix clients under Internet Explorer"),
    ("application/png", "image/png", "Windows XP"),
    ("application/x-png", "image/png", "Chinese lists after Windows"),
    ("image/x-citrix-gif", "image/gif", "Citrix clients under Internet Explorer"),
    ("image/x-gif", "image/gif", "PHP upload lists"),
    ("image/x-webp", "image/webp", "PHP upload lists"),
    ("image/x-bmp", "image/bmp", "shared-mime-info"),
    ("image/x-ms-bmp", "image/bmp", "shared-mime-info, libmagic, Android, Firefox"),
    ("image/ms-bmp", "image/bmp", "CodeIgniter's list"),
    ("image/vnd.ms-bmp", "image/bmp", "PHP upload lists"),
    ("image/x-windows-bmp", "image/bmp", "CodeIgniter's list"),
    ("image/x-win-bitmap", "image/bmp", "CodeIgniter's list"),
    ("image/x-bitmap", "image/bmp", "CodeIgniter's list"),
    ("application/bmp", "image/bmp", "CodeIgniter's list"),
    ("application/x-bmp", "image/bmp", "CodeIgniter's list"),
    ("application/x-win-bitmap", "image/bmp", "CodeIgniter's list"),
    ("image/tif", "image/tiff", "scanners"),
    ("image/x-tif", "image/tiff", "Internet Explorer"),
    ("image/x-tiff", "image/tiff", "Internet Explorer"),
    ("application/tif", "image/tiff", "Windows XP"),
    ("application/tiff", "image/tiff", "Windows XP"),
    ("application/x-tif", "image/tiff", "Chinese lists after Windows"),
    ("image/jpeg2000", "image/jp2", "shared-mime-info"),
    ("image/jpeg2000-image", "image/jp2", "shared-mime-info"),
    ("image/x-jpeg2000-image", "image/jp2", "shared-mime-info"),
    ("image/icns", "image/x-icns", "Apple"),
    ("image/pcx", "image/x-pcx", "Apache Tika"),
    ("image/x-pc-paintbrush", "image/x-pcx", "Apache Tika"),
    ("image/vnd.zbrush.pcx", "image/x-pcx", "IANA"),
    ("application/pcx", "image/x-pcx", "Windows XP"),
    ("application/x-pcx", "image/x-pcx", "Windows XP"),
    ("image/xbm", "image/x-xbitmap", "old browsers"),
    ("image/x-xbm", "image/x-xbitmap", "old browsers"),
    ("image/svg", "image/svg+xml", "CodeIgniter's list"),
    ("image/vnd.microsoft.icon", "image/x-icon", "IANA"),
    ("image/ico", "image/x-icon", "shared-mime-info"),
    ("image/x-ico", "image/x-icon", "shared-mime-info"),
    ("image/eps", "application/postscript", "macOS"),
    ("image/x-eps", "application/postscript", "shared-mime-info"),
    ("application/eps", "application/postscript", "Apache Tika"),
    ("application/x-eps", "application/postscript", "Apache Tika"),
    ("application/x-postscript", "application/postscript", "Netscape"),
    ("audio/mp3", "audio/mpeg", "Chrome, shared-mime-info"),
    ("audio/x-mp3", "audio/mpeg", "shared-mime-info"),
    ("audio/mpeg3", "audio/mpeg", "CodeIgniter's list"),
    ("audio/x-mpeg3", "audio/mpeg", "Apple QuickTime"),
    ("audio/x-mpeg-3", "audio/mpeg", "old browsers"),
    ("audio/mpg", "audio/mpeg", "Internet Explorer, Windows"),
    ("audio/x-mpg", "audio/mpeg", "shared-mime-info"),
    ("audio/x-mpeg", "audio/mpeg", "shared-mime-info"),
    ("audio/x-mpegaudio", "audio/mpeg", "Netscape"),
    ("audio/m4a", "audio/mp4", "shared-mime-info, Windows"),
    ("audio/x-m4a", "audio/mp4", "Chrome, Firefox, iOS, macOS"),
    ("audio/mp4a-latm", "audio/mp4", "Safari, Apache httpd"),
    ("audio/mp4a", "audio/mp4", "phones"),
    ("audio/x-mp4", "audio/mp4", "phones"),
    ("audio/x-aac", "audio/aac", "Apple, shared-mime-info"),
    ("audio/x-acc", "audio/aac", "CodeIgniter's list"),
    ("audio/aacp", "audio/aac", "streaming servers"),
    ("audio/adts", "audio/aac", "Apple"),
    ("audio/aac-adts", "audio/aac", "Android"),
    ("audio/x-hx-aac-adts", "audio/aac", "libmagic"),
    ("audio/vnd.dlna.adts", "audio/aac", "Windows"),
    ("audio/x-amr", "audio/amr", "phones"),
    ("audio/amr-nb", "audio/amr", "phones"),
    ("audio/opus", "audio/ogg", "Chrome, WhatsApp"),
    ("audio/x-opus", "audio/ogg", "players"),
    ("audio/x-opus+ogg", "audio/ogg", "shared-mime-info"),
    ("audio/x-ogg", "audio/ogg", "shared-mime-info"),
    ("audio/vorbis", "audio/ogg", "shared-mime-info"),
    ("audio/x-vorbis", "audio/ogg", "shared-mime-info"),
    ("audio/x-vorbis+ogg", "audio/ogg", "shared-mime-info"),
    ("audio/x-speex+ogg", "audio/ogg", "shared-mime-info"),
    ("audio/x-wav", "audio/wav", "Firefox, shared-mime-info"),
    ("audio/wave", "audio/wav", "WHATWG MIME Sniffing"),
    ("audio/x-wave", "audio/wav", "recorders"),
    ("audio/vnd.wave", "audio/wav", "RFC 2361"),
    ("audio/x-pn-wav", "audio/wav", "RealNetworks, old Firefox"),
    ("audio/x-pn-wave", "audio/wav", "RealNetworks"),
    ("audio/x-flac", "audio/flac", "shared-mime-info"),
    ("audio/mid", "audio/midi", "Windows"),
    ("audio/x-midi", "audio/midi", "shared-mime-info"),
    ("video/x-mp4", "video/mp4", "phones"),
    ("video/mpeg4", "video/mp4", "Android"),
    ("video/mp4v-es", "video/mp4", "shared-mime-info"),
    ("video/x-m4v", "video/mp4", "iOS, macOS, shared-mime-info"),
    ("video/3gp", "video/3gpp", "shared-mime-info, CodeIgniter's list"),
    ("video/x-3gpp", "video/3gpp", "phones"),
    ("video/x-quicktime", "video/quicktime", "old browsers"),
    ("video/avi", "video/x-msvideo", "Windows"),
    ("video/msvideo", "video/x-msvideo", "CodeIgniter's list"),
    ("video/vnd.avi", "video/x-msvideo", "IANA"),
    ("application/x-pdf", "application/pdf", "shared-mime-info"),
    ("application/acrobat", "application/pdf", "shared-mime-info"),
    ("application/x-acrobat", "application/pdf", "old Acrobat"),
    ("application/nappdf", "application/pdf", "shared-mime-info"),
    ("application/vnd.pdf", "application/pdf", "Windows"),
    ("applications/vnd.pdf", "application/pdf", "old Acrobat"),
    ("application/vnd.cups-pdf", "application/pdf", "IANA, CUPS"),
    ("image/pdf", "application/pdf", "shared-mime-info"),
    ("text/pdf", "application/pdf", "old browsers"),
    ("text/x-pdf", "application/pdf", "old browsers"),
    ("application/doc", "application/msword", "old browsers"),
    ("application/x-doc", "application/msword", "old browsers"),
    ("application/vnd.msword", "application/msword", "old browsers"),
    ("application/vnd.ms-word", "application/msword", "shared-mime-info"),
    ("application/x-msword", "application/msword", "shared-mime-info"),
    ("application/winword", "application/msword", "old Netscape"),
    ("application/x-winword", "application/msword", "old Netscape"),
    ("application/word", "application/msword", "old Netscape"),
    ("zz-application/zz-winassoc-doc", "application/msword", "shared-mime-info"),
    ("application/wps-office.doc", "application/msword", "WPS Office on Linux"),
    ("application/docx", DOCX, "web forms"),
    ("application/x-docx", DOCX, "web forms"),
    ("application/wps-office.docx", DOCX, "WPS Office on Linux"),
    ("application/excel", "application/vnd.ms-excel", "CodeIgniter's list"),
    ("application/x-excel", "application/vnd.ms-excel", "CodeIgniter's list, LibreOffice"),
    ("application/msexcel", "application/vnd.ms-excel", "shared-mime-info"),
    ("application/x-msexcel", "application/vnd.ms-excel", "shared-mime-info"),
    ("application/x-ms-excel", "application/vnd.ms-excel", "CodeIgniter's list, LibreOffice"),
    ("application/vnd.msexcel", "application/vnd.ms-excel", "CodeIgniter's list"),
    ("application/x-dos_ms_excel", "application/vnd.ms-excel", "CodeIgniter's list, LibreOffice"),
    ("application/xls", "application/vnd.ms-excel", "CodeIgniter's list"),
    ("application/x-xls", "application/vnd.ms-excel", "CodeIgniter's list"),
    ("zz-application/zz-winassoc-xls", "application/vnd.ms-excel", "shared-mime-info"),
    ("application/wps-office.xls", "application/vnd.ms-excel", "WPS Office on Linux"),
    ("application/xlsx", XLSX, "web forms"),
    ("application/x-xlsx", XLSX, "web forms"),
    ("application/wps-office.xlsx", XLSX, "WPS Office on Linux"),
    ("application/powerpoint", "application/vnd.ms-powerpoint", "shared-mime-info, CodeIgniter's list"),
    ("application/x-powerpoint", "application/vnd.ms-powerpoint", "old Netscape"),
    ("application/mspowerpoint", "application/vnd.ms-powerpoint", "shared-mime-info"),
    ("application/x-mspowerpoint", "application/vnd.ms-powerpoint", "shared-mime-info"),
    ("application/vnd.mspowerpoint", "application/vnd.ms-powerpoint", "old browsers"),
    ("application/ppt", "application/vnd.ms-powerpoint", "old browsers"),
    ("application/x-ppt", "application/vnd.ms-powerpoint", "Chinese lists after Windows"),
    ("application/wps-office.ppt", "application/vnd.ms-powerpoint", "WPS Office on Linux"),
    ("application/pptx", PPTX, "web forms"),
    ("application/x-pptx", PPTX, "web forms"),
    ("application/wps-office.pptx", PPTX, "WPS Office on Linux"),
    ("application/wps-office.wps", "application/vnd.ms-works", "WPS Office on Linux"),
    ("application/msworks", "application/vnd.ms-works", "Windows"),
    ("application/x-msworks", "application/vnd.ms-works", "Windows"),
    ("application/x-iwork-pages-sffpages", "application/vnd.apple.pages", "Apple, shared-mime-info"),
    ("application/x-iwork-numbers-sffnumbers", "application/vnd.apple.numbers", "Apple, shared-mime-info"),
    ("application/x-iwork-keynote-sffkey", "application/vnd.apple.keynote", "Apple, shared-mime-info"),
    ("application/xmind", "application/vnd.xmind.workbook", "XMind"),
    ("application/x-xmind", "application/vnd.xmind.workbook", "XMind"),
    ("application/epub", "application/epub+zip", "phones"),
    ("application/x-epub+zip", "application/epub+zip", "phones"),
    ("application/x-mimearchive", "multipart/related", "shared-mime-info, for .mht"),
    ("text/rtf", "application/rtf", "IANA, macOS"),
    ("application/x-rtf", "application/rtf", "old browsers"),
    ("text/comma-separated-values", "text/csv", "Android, Debian"),
    ("text/x-comma-separated-values", "text/csv", "shared-mime-info"),
    ("text/x-csv", "text/csv", "shared-mime-info"),
    ("application/csv", "text/csv", "CodeIgniter's list, libmagic"),
    ("application/x-csv", "text/csv", "CodeIgniter's list"),
    ("text/tsv", "text/tab-separated-values", "libraries for tables"),
    ("text/x-tsv", "text/tab-separated-values", "libraries for tables"),
    ("text/x-markdown", "text/markdown", "Firefox, shared-mime-info"),
    ("text/x-web-markdown", "text/markdown", "Apache Tika"),
    ("text/vnd.daringfireball.markdown", "text/markdown", "Apple"),
    ("application/markdown", "text/markdown", "editors"),
    ("application/x-markdown", "text/markdown", "editors"),
    ("text/x-log", "text/plain", "shared-mime-info"),
    ("application/txt", "text/plain", "old browsers"),
    ("text/txt", "text/plain", "web forms"),
    ("application/xml", "text/xml", "RFC 7303: the two are one"),
    ("application/x-xml", "text/xml", "Netscape"),
    ("text/json", "application/json", "CodeIgniter's list, older servers"),
    ("text/x-json", "application/json", "older servers"),
    ("application/x-json", "application/json", "older servers"),
    ("application/javascript", "text/javascript", "RFC 9239"),
    ("application/x-javascript", "text/javascript", "RFC 9239"),
    ("text/x-javascript", "text/javascript", "RFC 9239"),
    ("application/ecmascript", "text/javascript", "RFC 9239"),
    ("text/ecmascript", "text/javascript", "RFC 9239"),
    ("text/jscript", "text/javascript", "RFC 9239, Windows"),
    ("text/yaml", "application/yaml", "RFC 9512"),
    ("text/x-yaml", "application/yaml", "RFC 9512"),
    ("text/vnd.yaml", "application/yaml", "RFC 9512"),
    ("application/x-yaml", "application/yaml", "RFC 9512, shared-mime-info"),
    ("text/x-sql", "application/sql", "shared-mime-info"),
    ("application/x-sql", "application/sql", "Apache Tika"),
    ("text/x-vcard", "text/vcard", "RFC 6350"),
    ("text/directory", "text/vcard", "RFC 6350"),
    ("application/ics", "text/calendar", "shared-mime-info"),
    ("text/x-vcalendar", "text/calendar", "shared-mime-info"),
    ("application/x-zip", "application/zip", "shared-mime-info"),
    ("application/x-zip-compressed", "application/zip", "Windows"),
    ("application/zip-compressed", "application/zip", "proxies"),
    ("application/s-compressed", "application/zip", "CodeIgniter's list"),
    ("multipart/x-zip", "application/zip", "CodeIgniter's list"),
    ("application/rar", "application/vnd.rar", "CodeIgniter's list"),
    ("application/x-rar", "application/vnd.rar", "shared-mime-info"),
    ("application/x-rar-compressed", "application/vnd.rar", "Windows, shared-mime-info"),
    ("application/x-gzip", "application/gzip", "RFC 6713"),
    ("application/x-gunzip", "application/gzip", "RFC 6713"),
    ("application/gzipped", "application/gzip", "RFC 6713"),
    ("application/gzip-compressed", "application/gzip", "RFC 6713"),
    ("application/x-gzip-compressed", "application/gzip", "CodeIgniter's list"),
    ("application/x-gtar", "application/x-tar", "shared-mime-info"),
];

/// Under one extension only.
pub(crate) const PAIRS: &[Pair] = &[
    ("csv", "application/vnd.ms-excel", "text/csv", "Windows with Excel"),
    ("heic", "image/heif", "image/heic", "iOS, shared-mime-info"),
    ("mhtml", "message/rfc822", "multipart/related", "Windows"),
    ("m4a", "audio/mpeg", "audio/mp4", "Android up to 9"),
    ("mp4", "application/mp4", "video/mp4", "RFC 4337"),
    ("ogg", "application/ogg", "audio/ogg", "RFC 5334, Firefox"),
    ("doc", "application/kswps", "application/msword", "WPS Office on Windows"),
    ("docx", "application/kswps", DOCX, "WPS Office on Windows"),
    ("wps", "application/kswps", "application/vnd.ms-works", "WPS Office on Windows"),
    ("xls", "application/kset", "application/vnd.ms-excel", "WPS Office on Windows"),
    ("xlsx", "application/kset", XLSX, "WPS Office on Windows"),
    ("csv", "application/kset", "text/csv", "WPS Office on Windows"),
    ("ppt", "application/ksdps", "application/vnd.ms-powerpoint", "WPS Office on Windows"),
    ("pptx", "application/ksdps", PPTX, "WPS Office on Windows"),
    ("doc", "application/vnd.ms-office", "application/msword", "libmagic, CodeIgniter's list"),
    ("xls", "application/vnd.ms-office", "application/vnd.ms-excel", "libmagic, CodeIgniter's list"),
    ("ppt", "application/vnd.ms-office", "application/vnd.ms-powerpoint", "libmagic, CodeIgniter's list"),
    ("ppsx", "application/vnd.ms-powerpoint", PPSX, "mail servers' lists"),
    ("ppsx", PPTX, PPSX, "libmagic"),
    ("ppsm", "application/vnd.ms-powerpoint", PPSM, "mail servers' lists"),
    ("docx", "application/zip", DOCX, "systems without Office, libmagic"),
    ("xlsx", "application/zip", XLSX, "systems without Office, libmagic"),
    ("pptx", "application/zip", PPTX, "systems without Office, libmagic"),
    ("ppsx", "application/zip", PPSX, "systems without Office, libmagic"),
    ("epub", "application/zip", "application/epub+zip", "libmagic"),
    ("pages", "application/zip", "application/vnd.apple.pages", "libmagic"),
    ("numbers", "application/zip", "application/vnd.apple.numbers", "libmagic"),
    ("key", "application/zip", "application/vnd.apple.keynote", "libmagic"),
    ("key", "application/pgp-keys", "application/vnd.apple.keynote", "shared-mime-info, Debian"),
    ("xmind", "application/zip", "application/vnd.xmind.workbook", "libmagic"),
    ("7z", "application/x-compressed", "application/x-7z-compressed", "Windows with WinRAR or 7-Zip"),
    ("rar", "application/x-compressed", "application/vnd.rar", "Windows with WinRAR"),
    ("zip", "application/x-compressed", "application/zip", "Windows"),
    ("tgz", "application/x-compressed", "application/gzip", "Windows"),
];

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const PPSX: &str = "application/vnd.openxmlformats-officedocument.presentationml.slideshow";
const PPSM: &str = "application/vnd.ms-powerpoint.slideshow.macroenabled.12";

/// The type that `content_type` is an unconditional alias of, else itself.
pub(super) fn canonical(content_type: &str) -> &str {
    ALIASES.iter().find(|(alias, ..)| *alias == content_type).map_or(content_type, |(_, usual, _)| usual)
}

/// What `content_type` means for a file of this extension, in its documented spelling.
pub(super) fn meaning<'a>(extension: Option<&str>, content_type: &'a str) -> &'a str {
    let usual = canonical(content_type);
    let Some(extension) = extension else { return usual };
    let documented = synonym(extension).unwrap_or(extension);
    let pair = PAIRS.iter().find(|(of, spelling, ..)| *of == documented && *spelling == usual);
    pair.map_or(usual, |(_, _, meant, _)| meant)
}

/// The documented extension that `extension` stands for, if it is a synonym.
pub(super) fn synonym(extension: &str) -> Option<&'static str> {
    SYNONYMS.iter().find(|(other, _)| *other == extension).map(|(_, documented)| *documented)
}

/// Whether a type leaves open what a file is.
pub(super) fn says_nothing(content_type: &str) -> bool {
    NOTHING.contains(&content_type) || content_type.ends_with(SUBTYPES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_chains_no_doubles_and_an_origin_in_each_row() {
        for (at, (alias, usual, origin)) in ALIASES.iter().enumerate() {
            assert_eq!(canonical(usual), *usual, "{alias}");
            assert_ne!(alias, usual);
            assert!(!ALIASES[..at].iter().any(|(other, ..)| other == alias), "{alias} twice");
            assert!(!origin.is_empty() && *alias == alias.to_ascii_lowercase(), "{alias}");
        }
        for (at, (extension, spelling, usual, origin)) in PAIRS.iter().enumerate() {
            assert_eq!(canonical(spelling), *spelling, "{extension} {spelling}: fold it first");
            assert_eq!(canonical(usual), *usual, "{extension} {usual}");
            assert!(synonym(extension).is_none(), "{extension}: write the documented one");
            assert!(!PAIRS[..at].iter().any(|row| row.0 == *extension && row.1 == *spelling));
            assert!(!origin.is_empty());
        }
    }

    #[test]
    fn a_pair_means_something_only_under_its_extension() {
        assert_eq!(meaning(Some("csv"), "application/vnd.ms-excel"), "text/csv");
        assert_eq!(meaning(Some("csv"), "application/msexcel"), "text/csv");
        assert_eq!(meaning(Some("xls"), "application/vnd.ms-excel"), "application/vnd.ms-excel");
        assert_eq!(meaning(Some("mht"), "message/rfc822"), "multipart/related");
        assert_eq!(meaning(Some("eml"), "message/rfc822"), "message/rfc822");
        assert_eq!(meaning(None, "image/jpg"), "image/jpeg");
    }
}
