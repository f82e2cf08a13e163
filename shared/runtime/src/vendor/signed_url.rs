//! Taking apart a URL that a vendor signed.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What stands before the query of a signed URL, and the query. None if there is no query, or anything that a URL
/// parser would drop or rewrite.
pub fn split(signed: &str) -> Option<(&str, &str)> {
    let plain = signed.bytes().all(|byte| byte.is_ascii_graphic()) && !signed.contains(['#', '\\']);
    signed.split_once('?').filter(|_| plain)
}

/// Percent-decodes a path or a value of a query. None if a `%` has no two hex digits behind it, or if the bytes are
/// not UTF-8.
pub fn decoded(text: &str) -> Option<Cow<'_, str>> {
    let is_escape = |tail: &str| tail.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok()
}

/// The decoded value of the first parameter `name` of a query.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    decoded(pairs.find(|(other, _)| *other == name)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_escapes_are_decoded() {
        assert_eq!(decoded("a%20b%C3%a4").as_deref(), Some("a b\u{e4}"));
        for broken in ["%", "a%2", "%zz", "%+1", "%é1", "%ff"] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_first_parameter_of_a_name_counts() {
        let query = "a=1&xb=2&b=3%3B4&b=5&c";
        assert_eq!(parameter(query, "b").as_deref(), Some("3;4"));
        assert_eq!(parameter(query, "c"), None);
    }
}
