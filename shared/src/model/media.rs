//! File types: which content type a file name and a declared type add up to, and which extension the key gets.

use crate::model::problem::{Code, Problem};

/// One row of a flow's table of accepted types.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The content type, lower case, without parameters.
    pub content_type: &'static str,
    /// Its extensions, the usual one first.
    pub extensions: &'static [&'static str],
    /// The most bytes the vendor takes of this type.
    pub max_bytes: u64,
}

/// What a file is: the type it will be stored with and the extension of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Content type, lower case, without parameters.
    pub content_type: String,
    /// Extension without dot, `[a-z0-9]{1,10}`.
    pub extension: String,
}

const OCTET_STREAM: &str = "application/octet-stream";

/// Other spellings that browsers and operating systems use for the same type.
const ALIASES: [(&str, &str); 12] = [
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-png", "image/png"),
    ("image/x-ms-bmp", "image/bmp"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/x-mp3", "audio/mpeg"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-aac", "audio/aac"),
];

/// The extension of `filename`: after its last dot, lower case, only if it is `[a-z0-9]{1,10}`.
pub fn extension(filename: &str) -> Option<String> {
    let (stem, extension) = filename.rsplit_once('.')?;
    let fits = (1..=10).contains(&extension.len())
        && !stem.is_empty()
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| extension.to_ascii_lowercase())
}

/// Decides the type from the file name and the declared type (`application/octet-stream` counts as none).
///
/// # Errors
/// `invalid_request` for a declared type that is no media type, `unsupported_type` if name and type
/// contradict each other.
pub fn resolve(filename: &str, declared: Option<&str>, table: &[Accepted]) -> Result<Media, Problem> {
    let given = extension(filename);
    let known = given.as_deref().map(|extension| types_of(extension, table)).unwrap_or_default();
    let content_type = match declared.map(essence).transpose()? {
        Some(declared) if declared != OCTET_STREAM => {
            if !known.is_empty() && !agrees(&declared, &known) {
                return Err(Problem::at(
                    Code::UnsupportedType,
                    "/content_type",
                    "the type contradicts the file name's extension",
                ));
            }
            declared
        }
        _ => known.first().cloned().unwrap_or_else(|| OCTET_STREAM.to_owned()),
    };
    let extension = given
        .filter(|_| agrees(&content_type, &known) || content_type == OCTET_STREAM)
        .unwrap_or_else(|| usual_extension(&content_type, table));
    Ok(Media { content_type, extension })
}

/// A pattern for [`matches`] in lower case, if `text` is one: `type/subtype`, `type/*` or `*/*`.
pub fn pattern(text: &str) -> Option<String> {
    let (family, rest) = text.split_once('/')?;
    (!family.is_empty() && !rest.is_empty()).then(|| text.to_ascii_lowercase())
}

/// Whether `content_type` is covered by `pattern`: itself, `type/*` or `*/*`.
pub fn matches(pattern: &str, content_type: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => content_type.split('/').next() == Some(family),
        None => canonical(pattern) == content_type,
    }
}

/// `Type/Sub; charset=x` becomes `type/sub`, in its usual spelling.
fn essence(declared: &str) -> Result<String, Problem> {
    let bare = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |part: &str| {
        (1..=127).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    match bare.split_once('/') {
        Some((family, sub)) if token(family) && token(sub) => Ok(canonical(&bare)),
        _ => Err(Problem::invalid("/content_type", "this is not a media type")),
    }
}

fn canonical(content_type: &str) -> String {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == content_type);
    alias.map_or(content_type, |(_, usual)| *usual).to_owned()
}

fn types_of(extension: &str, table: &[Accepted]) -> Vec<String> {
    let rows = table.iter().filter(|row| row.extensions.contains(&extension));
    let mut types: Vec<String> = rows.map(|row| row.content_type.to_owned()).collect();
    types.extend(mime_guess::from_ext(extension).iter().map(|mime| canonical(mime.essence_str())));
    if extension == "csv" {
        // What browsers on a Windows machine with Excel say about .csv.
        types.push("application/vnd.ms-excel".into());
    }
    types
}

fn agrees(content_type: &str, known: &[String]) -> bool {
    // text/plain is what many systems call any text file.
    let plain = content_type == "text/plain" && known.iter().any(|known| known.starts_with("text/"));
    plain || known.iter().any(|known| known == content_type)
}

fn usual_extension(content_type: &str, table: &[Accepted]) -> String {
    let row = table.iter().find(|row| row.content_type == content_type);
    if content_type == OCTET_STREAM {
        return "bin".to_owned();
    }
    let guessed = || mime_guess::get_mime_extensions_str(content_type)?.first().copied();
    row.and_then(|row| row.extensions.first().copied()).or_else(guessed).unwrap_or("bin").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Accepted] = &[
        Accepted { content_type: "image/png", extensions: &["png"], max_bytes: 5 },
        Accepted { content_type: "image/jpeg", extensions: &["jpg", "jpeg"], max_bytes: 5 },
        Accepted { content_type: "text/plain", extensions: &["txt"], max_bytes: 9 },
    ];

    fn media(filename: &str, declared: Option<&str>) -> Result<(String, String), Code> {
        resolve(filename, declared, TABLE)
            .map(|media| (media.content_type, media.extension))
            .map_err(|problem| problem.code)
    }

    #[allow(clippy::unnecessary_wraps, reason = "the shape of what it is compared with")]
    fn ok(content_type: &str, extension: &str) -> Result<(String, String), Code> {
        Ok((content_type.into(), extension.into()))
    }

    #[test]
    fn the_type_comes_from_the_name_where_none_is_declared() {
        assert_eq!(media("a.PNG", None), ok("image/png", "png"));
        assert_eq!(media("a.jpeg", Some("application/octet-stream")), ok("image/jpeg", "jpeg"));
        assert_eq!(media("a.b.png", None), ok("image/png", "png"));
        assert_eq!(media("noextension", None), ok(OCTET_STREAM, "bin"));
        assert_eq!(media("odd.q7q7", None), ok(OCTET_STREAM, "q7q7"));
    }

    #[test]
    fn a_declared_type_wins_unless_it_contradicts() {
        assert_eq!(media("photo", Some("image/jpeg")), ok("image/jpeg", "jpg"));
        assert_eq!(media("photo.q7q7", Some("image/png")), ok("image/png", "png"));
        assert_eq!(media("a.png", Some("IMAGE/PNG; q=1")), ok("image/png", "png"));
        assert_eq!(media("a.jpg", Some("image/jpg")), ok("image/jpeg", "jpg"));
        assert_eq!(media("a.md", Some("text/plain")), ok("text/plain", "md"));
        assert_eq!(media("a.png", Some("image/jpeg")), Err(Code::UnsupportedType));
        assert_eq!(media("a.png", Some("png")), Err(Code::InvalidRequest));
        assert_eq!(media("a.png", Some("image/p\r\ng")), Err(Code::InvalidRequest));
    }

    #[test]
    fn patterns() {
        assert!(
            matches("image/*", "image/png") && matches("*/*", "a/b") && matches("image/jpg", "image/jpeg")
        );
        assert!(!matches("image/*", "video/mp4") && !matches("image/png", "image/jpeg"));
    }
}
