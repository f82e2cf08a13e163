//! File types: which content type a file name and a declared type add up to, and which extension the key gets.

mod known;
mod listing;
mod pattern;
mod spellings;

use self::listing::Entry;
pub use self::listing::Listing;
pub use self::pattern::{matches, pattern};
use crate::model::problem::{Code, Problem};

/// One row of a flow's table of accepted types.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The content type, lower case, without parameters, in the spelling that others are aliases of.
    pub content_type: &'static str,
    /// Its extensions as the vendor documents them, the usual one first.
    pub extensions: &'static [&'static str],
    /// The most bytes the vendor takes of this type.
    pub max_bytes: u64,
}

/// The files a flow takes: the vendor's documented list, and what becomes of everything else.
#[derive(Clone, Copy, Debug)]
pub struct Types {
    /// What the vendor documents.
    pub listed: &'static [Accepted],
    /// Every other file.
    pub others: Others,
}

/// Files that a flow's table does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// The vendor refuses them, whatever our settings say.
    Refused,
    /// Not taken, unless `GRANT_CONTENT_TYPES` names them.
    BySetting,
    /// Taken under every extension.
    Taken {
        /// The most bytes of such a file.
        max_bytes: u64,
    },
}

/// What a file is: the type it will be stored with and the extension of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Content type, one of the flow's.
    pub content_type: String,
    /// Extension without dot, `[a-z0-9]{1,10}`, one that the flow lists for the type.
    pub extension: String,
    /// The most bytes of such a file.
    pub max_bytes: u64,
    /// The type as the caller wrote it, where that is another.
    pub declared: Option<String>,
}

/// The rest of a pattern that leaves the subtype open.
const SUBTYPES: &str = "/*";
/// Extensions of containers that hold sound as well as pictures.
const CONTAINERS: [&str; 4] = ["mp4", "ogg", "webm", "3gp"];
/// Where name and type are two of one row, the name is right: systems without the newer suite know the older type.
const OFFICE: [&[&str]; 3] = [&["doc", "docx"], &["xls", "xlsx", "csv"], &["ppt", "pptx"]];

/// The extension of `filename`: after its last dot, lower case, only if it is `[a-z0-9]{1,10}`.
pub fn extension(filename: &str) -> Option<String> {
    let (stem, extension) = filename.rsplit_once('.')?;
    (!stem.is_empty() && is_extension(extension)).then(|| extension.to_ascii_lowercase())
}

/// `filename` as it is called where the extension tells the kind: with `extension` at its end, which is added if the
/// name has another or none.
pub fn with_extension(filename: &str, extension: &str) -> String {
    let filename = filename.trim_end_matches('.');
    match self::extension(filename) {
        Some(own) if own == extension => filename.to_owned(),
        _ => format!("{filename}.{extension}"),
    }
}

/// Decides what a file is from its name and the declared type. The first that applies decides:
/// 1. a type that says nothing leaves the choice to the extension;
/// 2. a spelling of the extension's own type is that type;
/// 3. a listed type under an unlisted extension wins;
/// 4. a listed extension under an unlisted type wins;
/// 5. of two listed ones, the type of images, sound and video wins (a picker transcoded the file and kept its
///    name), the extension of office documents;
/// 6. anything else is refused.
///
/// # Errors
/// `invalid_request` for a declared type that is no media type, `unsupported_type` with the extensions that are
/// taken.
pub fn resolve(filename: &str, declared: Option<&str>, listing: &Listing<'_>) -> Result<Media, Problem> {
    let given = extension(filename);
    let given = given.as_deref();
    let declared = declared.map(essence).transpose()?.filter(|declared| !declared.is_empty());
    let by_name = given.and_then(|given| listing.by_extension(given));
    let said = declared.as_deref().map(|declared| spellings::meaning(given, declared));
    let telling =
        |said: &&str| !(spellings::says_nothing(said) || *said == "text/plain" && by_name.is_some());
    let said = said.filter(telling);
    let by_type = said.and_then(|said| listing.by_type(said, given));
    let found = match (by_name, by_type) {
        (Some(by_name), Some(by_type)) => stronger(by_name, by_type)
            .ok_or_else(|| refused("the type contradicts the file name's extension", listing))?,
        (Some(found), None) | (None, Some(found)) => found,
        (None, None) => listing
            .unlisted(said, given)
            .ok_or_else(|| refused("files of this kind are not accepted", listing))?,
    };
    if !listing.allows(&found.content_type) {
        return Err(refused(&format!("files of type {} are not accepted", found.content_type), listing));
    }
    Ok(Media {
        declared: declared.filter(|declared| *declared != found.content_type),
        content_type: found.content_type.into_owned(),
        extension: found.extension.into_owned(),
        max_bytes: found.max_bytes,
    })
}

/// Whether a body that is sent as `sent` may be the file that was agreed on: of no particular type, of that type
/// in any spelling, or as the caller wrote it when asking.
pub fn may_be(sent: &str, filename: &str, content_type: &str, declared: Option<&str>) -> bool {
    let Ok(sent) = essence(sent) else { return false };
    let meant = spellings::meaning(extension(filename).as_deref(), &sent);
    // The parts of a form are not the file, even if the type says as little.
    let open = spellings::says_nothing(&sent) && sent != "multipart/form-data";
    // What many systems call any text.
    let text = meant == "text/plain" && content_type.starts_with("text/");
    sent.is_empty() || open || text || meant == spellings::canonical(content_type) || Some(&*sent) == declared
}

/// Of two listed types, the one that a file with this name and this declared type is of.
fn stronger<'a>(by_name: Entry<'a>, by_type: Entry<'a>) -> Option<Entry<'a>> {
    if by_name.content_type == by_type.content_type {
        return Some(by_name);
    }
    let family = |entry: &Entry<'_>| entry.content_type.split('/').next().unwrap_or_default().to_owned();
    let (named, typed) = (family(&by_name), family(&by_type));
    let of_one_kind = named == typed && matches!(&*named, "image" | "audio" | "video");
    let contained = CONTAINERS.contains(&&*by_name.extension) && matches!(&*typed, "audio" | "video");
    if of_one_kind || contained {
        return Some(by_type);
    }
    let of_one_suite =
        |row: &&[&str]| row.contains(&&*by_name.extension) && row.contains(&&*by_type.extension);
    OFFICE.iter().any(of_one_suite).then_some(by_name)
}

fn refused(why: &str, listing: &Listing<'_>) -> Problem {
    let detail = format!("{why}; the extensions taken are: {}", listing.says());
    Problem::at(Code::UnsupportedType, "/content_type", detail)
}

/// `Type/Sub; charset=x` becomes `type/sub`, and `type/*` may stand for one; nothing stays nothing.
fn essence(declared: &str) -> Result<String, Problem> {
    let declared = declared.trim();
    let bare = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_type = match bare.split_once('/') {
        Some(("*", sub)) => sub == "*",
        Some((family, sub)) => is_token(family) && (sub == "*" || is_token(sub)),
        None => declared.is_empty(),
    };
    // No control character even in the parameters, which nobody reads.
    if is_type && !declared.contains(char::is_control) {
        Ok(bare)
    } else {
        Err(Problem::invalid("/content_type", "this is not a media type"))
    }
}

fn is_token(part: &str) -> bool {
    (1..=127).contains(&part.len())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
}

fn is_extension(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn row(content_type: &'static str, extensions: &'static [&'static str]) -> Accepted {
        Accepted { content_type, extensions, max_bytes: 5 }
    }

    const LISTED: &[Accepted] = &[
        row("image/png", &["png"]),
        row("image/jpeg", &["jpg", "jpeg"]),
        row("audio/mp4", &["m4a"]),
        row("video/mp4", &["mp4"]),
        row("text/plain", &["txt"]),
        row("text/csv", &["csv"]),
        row("application/vnd.ms-excel", &["xls"]),
        row("application/pdf", &["pdf"]),
    ];

    fn found(
        filename: &str,
        declared: Option<&str>,
        others: Others,
        patterns: Option<&[&str]>,
    ) -> Result<(String, String), Code> {
        let listed = if matches!(others, Others::Taken { .. }) { &[] } else { LISTED };
        let patterns: Option<Vec<String>> =
            patterns.map(|patterns| patterns.iter().filter_map(|text| pattern(text)).collect());
        let listing = Listing { types: &Types { listed, others }, patterns: patterns.as_deref() };
        resolve(filename, declared, &listing)
            .map(|media| (media.content_type, media.extension))
            .map_err(|problem| problem.code)
    }

    fn media(filename: &str, declared: Option<&str>) -> Result<(String, String), Code> {
        found(filename, declared, Others::Refused, None)
    }

    #[allow(clippy::unnecessary_wraps, reason = "the shape of what it is compared with")]
    fn ok(content_type: &str, extension: &str) -> Result<(String, String), Code> {
        Ok((content_type.into(), extension.into()))
    }

    const NO: Result<(String, String), Code> = Err(Code::UnsupportedType);

    #[test]
    fn a_type_that_says_nothing_leaves_it_to_the_name() {
        assert_eq!(media("a.PNG", None), ok("image/png", "png"));
        for nothing in [
            "",
            " ",
            "application/octet-stream",
            "BINARY/octet-stream; x=y",
            "multipart/form-data",
            "image/*",
            "*/*",
        ] {
            assert_eq!(media("a.jpeg", Some(nothing)), ok("image/jpeg", "jpeg"), "{nothing}");
        }
        assert_eq!(media("a.b.png", Some("text/plain;charset=UTF-8")), ok("image/png", "png"));
        assert_eq!(media("a.jfif", None), ok("image/jpeg", "jpg"));
        assert_eq!(media("noextension", None), NO);
        assert_eq!(media("noextension", Some("image/*")), NO);
        assert_eq!(media("odd.q7q7", None), NO);
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        assert_eq!(media("a.csv", Some("application/vnd.ms-excel")), ok("text/csv", "csv"));
        assert_eq!(media("photo", Some("image/jpg")), ok("image/jpeg", "jpg"));
        assert_eq!(media("a.html", Some("text/plain")), ok("text/plain", "txt"));
        assert_eq!(media("a.HEIC", Some("image/jpeg")), ok("image/jpeg", "jpg"));
        assert_eq!(media("a.pdf", Some("application/x-whatever")), ok("application/pdf", "pdf"));
        assert_eq!(media("a.png", Some("image/jpeg")), ok("image/jpeg", "jpg"));
        assert_eq!(media("a.mp4", Some("audio/x-m4a")), ok("audio/mp4", "m4a"));
        assert_eq!(media("a.xls", Some("text/csv")), ok("application/vnd.ms-excel", "xls"));
        assert_eq!(media("a.m4a", Some("video/mp4")), NO);
        assert_eq!(media("a.pdf", Some("image/png")), NO);
        assert_eq!(media("a.mp4", Some("image/png")), NO);
        assert_eq!(media("a.heic", Some("image/heic")), NO);
        for malformed in [
            "png",
            "image/p\r\ng",
            "image/",
            ";charset=x",
            "image/png, image/png",
            "*/png",
            "image/p*",
            "image/png; x\r\ny",
        ] {
            assert_eq!(media("a.png", Some(malformed)), Err(Code::InvalidRequest), "{malformed}");
        }
    }

    #[test]
    fn a_name_ends_in_the_extension_that_tells_its_kind() {
        for (filename, extension, name) in [
            ("a b.PDF", "pdf", "a b.PDF"),
            ("scan", "pdf", "scan.pdf"),
            ("报告．pdf", "pdf", "报告．pdf.pdf"),
            ("a.pdf.", "pdf", "a.pdf"),
            ("a.jpg_large", "jpg", "a.jpg_large.jpg"),
            ("IMG_1.HEIC", "jpg", "IMG_1.HEIC.jpg"),
            (".pdf", "pdf", ".pdf.pdf"),
        ] {
            assert_eq!(with_extension(filename, extension), name);
        }
    }

    #[test]
    fn a_flow_may_take_every_extension() {
        let all = |filename, declared| found(filename, declared, Others::Taken { max_bytes: 9 }, None);
        assert_eq!(all("a.7z", Some("application/x-compressed")), ok("application/x-7z-compressed", "7z"));
        assert_eq!(all("a.html", Some("text/plain")), ok("text/html", "html"));
        assert_eq!(all("a.q7q7", Some("image/png")), ok("image/png", "q7q7"));
        assert_eq!(all("a.q7q7", None), ok("application/octet-stream", "q7q7"));
        assert_eq!(all("photo", Some("image/jpg")), ok("image/jpeg", "jpg"));
        assert_eq!(all("x", None), ok("application/octet-stream", "bin"));
        assert_eq!(all("x", Some("image/*")), ok("application/octet-stream", "bin"));
        for (name, registered) in [
            ("a.stl", "model/stl"),
            ("a.ts", "video/mp2t"),
            ("a.rpm", "application/x-rpm"),
            ("a.woff", "font/woff"),
        ] {
            assert_eq!(all(name, Some(registered)).map(|found| found.0).as_deref(), Ok(registered));
        }
        assert_eq!(all("x", Some("application/x-compressed")), ok("application/gzip", "tgz"));
    }

    #[test]
    fn the_setting_replaces_the_table_as_far_as_the_vendor_goes_along() {
        let set =
            |filename, declared, others| found(filename, declared, others, Some(&["image/*", "audio/x-new"]));
        assert_eq!(set("a.gif", None, Others::BySetting), ok("image/gif", "gif"));
        assert_eq!(set("a.png", Some("image/x-odd"), Others::BySetting), ok("image/png", "png"));
        assert_eq!(set("photo", Some("image/x-odd"), Others::BySetting), ok("image/x-odd", "bin"));
        assert_eq!(set("a.new", Some("audio/x-new"), Others::BySetting), ok("audio/x-new", "bin"));
        assert_eq!(set("a.pdf", None, Others::BySetting), NO);
        assert_eq!(set("a.gif", None, Others::Refused), NO);
        assert_eq!(set("a.png", None, Others::Refused), ok("image/png", "png"));
        assert_eq!(set("a.gif", None, Others::Taken { max_bytes: 9 }), ok("image/gif", "gif"));
        assert_eq!(set("a.zip", None, Others::Taken { max_bytes: 9 }), NO);
    }

    #[test]
    fn what_is_sent_may_be_spelled_as_it_was_asked_for() {
        for fits in [
            "",
            "image/jpeg",
            "IMAGE/JPG",
            "image/pjpeg; q=1",
            "application/octet-stream",
            "image/*",
            "image/x-odd",
        ] {
            assert!(may_be(fits, "a.jpg", "image/jpeg", Some("image/x-odd")), "{fits}");
        }
        for other in ["image/png", "text/plain", "text/html", "multipart/form-data; boundary=x", "png"] {
            assert!(!may_be(other, "a.jpg", "image/jpeg", None), "{other}");
        }
        assert!(may_be("application/vnd.ms-excel", "a.csv", "text/csv", None));
        assert!(may_be("text/plain", "a.csv", "text/csv", None));
    }
}
