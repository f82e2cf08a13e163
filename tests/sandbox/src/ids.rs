//! Made-up identifiers in the vendors' shapes.

use std::hash::{BuildHasher, RandomState};

use crate::encode::{base64, hex};

fn random() -> [u8; 16] {
    let half = || RandomState::new().hash_one(0_u8).to_be_bytes();
    let mut out = [0; 16];
    out[..8].copy_from_slice(&half());
    out[8..].copy_from_slice(&half());
    out
}

/// 32 lower-case hex digits.
pub(crate) fn hex32() -> String {
    hex(&random())
}

/// A lower-case UUID.
pub(crate) fn uuid() -> String {
    let h = hex32();
    format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
}

/// An upper-case UUID, as Alibaba Cloud writes request ids.
pub(crate) fn request_id() -> String {
    uuid().to_ascii_uppercase()
}

/// `n` ASCII letters.
pub(crate) fn letters(n: usize) -> String {
    let mut out = String::new();
    while out.len() < n {
        out.extend(
            random()
                .iter()
                .map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyzABCDEF"[usize::from(byte % 32)])),
        );
    }
    out.truncate(n);
    out
}

/// `n` decimal digits, the first one not zero.
pub(crate) fn digits(n: usize) -> String {
    let mut out = String::from("1");
    while out.len() < n {
        out.extend(random().iter().map(|byte| char::from(b'0' + byte % 10)));
    }
    out.truncate(n);
    out
}

/// A security token of the real length (some 800 characters) and alphabet: `+`, `/` and `=` are always in it.
pub(crate) fn token(prefix: &str) -> String {
    let bytes: Vec<u8> = (0..36).flat_map(|_| random()).collect();
    format!("{prefix}+/{}/+==", base64(&bytes).trim_end_matches('='))
}
