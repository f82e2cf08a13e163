//! Patterns of types in settings and policies: `type/subtype`, `type/*` or `*/*`.

use super::spellings::canonical;
use super::{SUBTYPES, is_token};

/// A pattern for [`matches()`], if `text` is one; lower case, parameters dropped, aliases such as `image/jpg` folded.
pub fn pattern(text: &str) -> Option<String> {
    let bare = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (family, rest) = bare.split_once('/')?;
    let fits = match family {
        "*" => rest == "*",
        _ => is_token(family) && (rest == "*" || is_token(rest)),
    };
    fits.then(|| canonical(&bare).to_owned())
}

/// Whether `content_type` is covered by a [`pattern`]: itself, `type/*` or `*/*`.
pub fn matches(pattern: &str, content_type: &str) -> bool {
    match pattern.strip_suffix(SUBTYPES) {
        Some("*") => true,
        Some(family) => content_type.split('/').next() == Some(family),
        None => canonical(pattern) == canonical(content_type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(
            matches("image/*", "image/png") && matches("*/*", "a/b") && matches("image/jpg", "image/jpeg")
        );
        assert!(matches("application/xml", "text/xml") && matches("text/xml", "application/xml"));
        assert!(!matches("image/*", "video/mp4") && !matches("image/png", "image/jpeg"));
        // Only what is the same under every extension is folded.
        assert!(!matches("application/vnd.ms-excel", "text/csv") && !matches("image/heif", "image/heic"));
        assert_eq!(pattern("Image/JPG").as_deref(), Some("image/jpeg"));
        assert_eq!(pattern("text/plain; charset=utf-8").as_deref(), Some("text/plain"));
        for bad in ["image", "image/", "/png", "*", "*/png", "image/p*", "image/png,image/gif", "a b/c", ""] {
            assert_eq!(pattern(bad), None, "{bad}");
        }
    }
}
