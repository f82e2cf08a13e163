//! The one random source, and the names made from it.

use ring::rand::SecureRandom as _;
use ulid::Ulid;
use upload_grant::wire::encode;

use super::clock;

/// Bytes from the system's random source.
///
/// # Panics
/// If the system has none: sealing under a guessable nonce would be worse than failing the request.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    ring::rand::SystemRandom::new().fill(&mut bytes).expect("the system has a random source");
    bytes
}

/// A fresh ULID.
pub fn new_id() -> String {
    Ulid::from_parts(clock::unix_millis(), u128::from_be_bytes(random())).to_string()
}

/// 32 random hex digits.
pub fn nonce() -> String {
    let bytes: [u8; 16] = random();
    let mut hex = String::with_capacity(32);
    encode::hex(&mut hex, &bytes);
    hex
}
