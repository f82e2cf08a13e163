//! Text as it goes on the wire: percent-encoding, hex, base64.
//!
//! Every canonical text of this crate is produced once, by a function that hands its pieces to `put`, so the same
//! lines feed a hash when signing and a `String` when a test looks at them.

use std::fmt;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes RFC 3986 (section 2.3) leaves as they are: `A-Z a-z 0-9 - . _ ~`.
const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// `%00%01…%FF`: the escape of byte `b` is the three bytes at `3 * b`.
const ESCAPES: &str = {
    const BYTES: [u8; 768] = {
        let digits = b"0123456789ABCDEF";
        let mut bytes = [b'%'; 768];
        let mut byte = 0;
        while byte < 256 {
            bytes[3 * byte + 1] = digits[byte >> 4];
            bytes[3 * byte + 2] = digits[byte & 15];
            byte += 1;
        }
        bytes
    };
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

/// Appends `text` percent-encoded by RFC 3986 (space is `%20`, `/` is `%2F`, hex is upper case).
pub fn percent(out: &mut String, text: &str) {
    percent_with(text, &mut |piece| out.push_str(piece));
}

/// Appends a path percent-encoded by RFC 3986, its slashes kept.
pub fn percent_path(out: &mut String, path: &str) {
    runs(path, true, &mut |piece| out.push_str(piece));
}

/// [`percent`] in pieces, for a hash.
pub fn percent_with(text: &str, put: &mut impl FnMut(&str)) {
    runs(text, false, put);
}

/// Copies runs of plain bytes whole and escapes the bytes between them.
fn runs(text: &str, keep_slash: bool, put: &mut impl FnMut(&str)) {
    let mut start = 0;
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        if UNRESERVED[usize::from(byte)] || (keep_slash && byte == b'/') {
            continue;
        }
        if start < at {
            put(&text[start..at]);
        }
        let escape = 3 * usize::from(byte);
        put(&ESCAPES[escape..escape + 3]);
        start = at + 1;
    }
    if start < text.len() {
        put(&text[start..]);
    }
}

/// `name=value` pairs sorted by raw name, both sides percent-encoded, joined with `&`; an empty value keeps its `=`.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let mut out = String::with_capacity(pairs.iter().map(|(n, v)| n.len() + 3 * v.len() + 2).sum());
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        percent(&mut out, name);
        out.push('=');
        percent(&mut out, value);
    }
    out
}

/// Hands over the names of `headers` joined with `;`.
pub fn names(headers: &[(&str, &str)], put: &mut impl FnMut(&str)) {
    for (index, (name, _)) in headers.iter().enumerate() {
        if index > 0 {
            put(";");
        }
        put(name);
    }
}

/// Appends `bytes` as lower-case hex.
pub fn hex(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(32) {
        out.push_str(&digest_hex(chunk));
    }
}

/// A digest of at most 32 bytes as lower-case hex, on the stack. Bytes past the 32nd are dropped; a debug build
/// panics over them.
pub fn digest_hex(digest: &[u8]) -> StackStr<64> {
    debug_assert!(digest.len() <= 32, "a longer digest does not fit");
    // Arithmetic instead of a table: many digits at a time.
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut text = StackStr::default();
    for (pair, byte) in text.bytes.chunks_exact_mut(2).zip(digest) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    text.len = 2 * digest.len().min(32);
    text
}

/// A number in decimal, on the stack.
pub fn decimal(number: i64) -> StackStr<20> {
    let (mut rest, mut digits, mut text) = (number.unsigned_abs(), [0; 20], StackStr::default());
    let mut from = digits.len();
    loop {
        from -= 1;
        digits[from] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        text.push(b'-');
    }
    digits[from..].iter().for_each(|&digit| text.push(digit));
    text
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a standard base64 text with padding, or `None`.
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A short ASCII text that lives on the stack and reads as a `&str`; what does not fit is dropped.
#[derive(Clone, Copy)]
pub struct StackStr<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> StackStr<N> {
    /// Appends one ASCII byte.
    pub fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }
}

impl<const N: usize> Default for StackStr<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Deref for StackStr<N> {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Display for StackStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl<const N: usize> fmt::Debug for StackStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
