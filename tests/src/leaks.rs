//! The search for secrets: each in every encoding it could appear in, in every place it could appear.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What was searched.
#[derive(Default)]
pub struct Searched {
    /// Secrets.
    pub secrets: usize,
    /// Encodings of them.
    pub patterns: usize,
    /// Places.
    pub places: usize,
    /// Encodings looked for in places.
    pub searches: usize,
}

impl Searched {
    /// Counts `other` too.
    pub fn add(&mut self, other: &Searched) {
        self.secrets += other.secrets;
        self.patterns += other.patterns;
        self.places += other.places;
        self.searches += other.searches;
    }
}

/// Searches every place for every secret; returns what was found, and how much was searched.
pub fn search(secrets: &BTreeSet<String>, places: &[(&str, &str)]) -> (Vec<String>, Searched) {
    let mut found = Vec::new();
    let mut patterns = 0;
    for secret in secrets {
        let encoded = encodings(secret);
        patterns += encoded.len();
        for (place, text) in places {
            if encoded.iter().any(|pattern| text.contains(pattern.as_str())) {
                let shown: String = secret.chars().take(24).collect();
                found.push(format!("{shown}… in {place}"));
            }
        }
    }
    let searched = Searched {
        secrets: secrets.len(),
        patterns,
        places: places.len(),
        searches: patterns * places.len(),
    };
    (found, searched)
}

/// Raw, JSON-escaped, percent-encoded, hexadecimal, and base64 at each of its three alignments.
pub fn encodings(secret: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([secret.to_owned()]);
    let json = serde_json::Value::from(secret).to_string();
    all.insert(json[1..json.len() - 1].to_owned());
    all.insert(json[1..json.len() - 1].replace('/', "\\/"));
    let (mut percent, mut form, mut hex) = (String::new(), String::new(), String::new());
    for byte in secret.bytes() {
        let kept = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let _ = if kept { write!(percent, "{}", char::from(byte)) } else { write!(percent, "%{byte:02X}") };
        let _ = if kept || byte == b'/' {
            write!(form, "{}", char::from(byte))
        } else {
            write!(form, "%{byte:02X}")
        };
        let _ = write!(hex, "{byte:02x}");
    }
    all.extend([percent.to_ascii_lowercase(), percent, form, hex.to_ascii_uppercase(), hex]);
    for shift in 0..3 {
        for alphabet in [STANDARD, URL_SAFE] {
            all.insert(base64(secret.as_bytes(), shift, alphabet));
        }
    }
    all
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The characters that depend on `bytes` alone when `shift` unknown bytes come before and any come after.
fn base64(bytes: &[u8], shift: usize, alphabet: &[u8; 64]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1)).collect();
    // After `shift` bytes the next sextet begins so many bits into the secret.
    let skip = (6 - shift * 8 % 6) % 6;
    let sextets = bits[skip..].chunks_exact(6);
    sextets
        .map(|bits| char::from(alphabet[bits.iter().fold(0, |n, bit| n << 1 | usize::from(*bit))]))
        .collect()
}

#[cfg(test)]
#[test]
fn the_search_finds_what_is_hidden() {
    let secret = "Secret/with+odd=\"chars\"~42";
    let patterns = encodings(secret);
    let found = |text: &str| patterns.iter().any(|pattern| text.contains(pattern.as_str()));
    for text in [
        format!("key={secret}"),
        serde_json::json!({ "a": secret }).to_string(),
        "k=Secret%2Fwith%2Bodd%3D%22chars%22~42&".to_owned(),
        "5365637265742f776974682b6f64643d22636861727322".to_owned() + "7e3432",
        "U2VjcmV0L3dpdGgrb2RkPSJjaGFycyJ+NDI=".to_owned(), // at the beginning
        "YVNlY3JldC93aXRoK29kZD0iY2hhcnMifjQyYg==".to_owned(), // "a" before, "b" after
        "YWFTZWNyZXQvd2l0aCtvZGQ9ImNoYXJzIn40MmI".to_owned(), // "aa" before, "b" after
        "U2VjcmV0L3dpdGgrb2RkPSJjaGFycyJ-NDI".to_owned(),
    ] {
        assert!(found(&text), "{text}");
    }
    assert!(!found("Secret/with+odd"));
}
