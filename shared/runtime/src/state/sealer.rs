//! Sealing: small documents that only this function can read and nobody can change.
//!
//! ChaCha20-Poly1305 under keys derived from `GRANT_SECRET` by HKDF-SHA256, one key per label.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use upload_grant::wire::secret::Secret;

use crate::platform::random::random;

/// Seals with the first secret, opens with any.
pub struct Sealer {
    keys: Vec<LessSafeKey>,
}

impl Sealer {
    /// Keys for one purpose: what one label sealed, another cannot open. None without secrets.
    pub fn new(secrets: &[Secret], label: &str) -> Option<Self> {
        let keys: Option<Vec<_>> = secrets.iter().map(|secret| derive(secret, label)).collect();
        keys.filter(|keys| !keys.is_empty()).map(|keys| Self { keys })
    }

    /// The sealed document as URL-safe text, good in its `place` only.
    pub fn seal(&self, place: &str, document: &impl Serialize) -> Option<String> {
        let nonce: [u8; NONCE_LEN] = random();
        // What is sealed is about so large: one buffer for all of it.
        let mut sealed = Vec::with_capacity(1024);
        sealed.extend_from_slice(&nonce);
        serde_json::to_writer(&mut sealed, document).ok()?;
        let key = self.keys.first()?;
        let nonce_once = Nonce::assume_unique_for_key(nonce);
        let plain = &mut sealed[NONCE_LEN..];
        let tag = key.seal_in_place_separate_tag(nonce_once, Aad::from(place), plain).ok()?;
        sealed.extend_from_slice(tag.as_ref());
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The document in `text`, if one of our secrets sealed it for this `place` and no byte has changed.
    pub fn open<T: DeserializeOwned>(&self, place: &str, text: &str) -> Option<T> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let plain = self.keys.iter().find_map(|key| {
            let mut bytes = sealed.to_vec();
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let length = key.open_in_place(nonce, Aad::from(place), &mut bytes).ok()?.len();
            bytes.truncate(length);
            Some(bytes)
        })?;
        serde_json::from_slice(&plain).ok()
    }
}

fn derive(secret: &Secret, label: &str) -> Option<LessSafeKey> {
    let root = Salt::new(HKDF_SHA256, b"upload-grant").extract(secret.expose().as_bytes());
    let info = [label.as_bytes()];
    let derived = root.expand(&info, &CHACHA20_POLY1305).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(derived)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secrets: &[&str], label: &str) -> Sealer {
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::from(*secret)).collect();
        Sealer::new(&secrets, label).unwrap()
    }

    #[test]
    fn only_our_secrets_and_only_the_same_label_open() {
        let old = sealer(&["the-old-secret-of-at-least-32-bytes"], "ticket");
        let text = old.seal("here", &"document").unwrap();
        let rotated =
            sealer(&["the-new-secret-of-at-least-32-bytes", "the-old-secret-of-at-least-32-bytes"], "ticket");
        assert_eq!(rotated.open::<String>("here", &text).as_deref(), Some("document"));
        assert_eq!(old.open::<String>("here", &rotated.seal("here", &"x").unwrap()), None);
        assert_eq!(
            sealer(&["the-old-secret-of-at-least-32-bytes"], "complete").open::<String>("here", &text),
            None
        );
        assert!(Sealer::new(&[], "ticket").is_none());
        assert_eq!(rotated.open::<String>("there", &text), None, "another place");
    }

    #[test]
    fn a_change_in_any_byte_is_refused() {
        let sealer = sealer(&["a-secret-of-at-least-thirty-two-bytes"], "ticket");
        let text = sealer.seal("here", &"document").unwrap();
        for index in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(sealer.open::<String>("here", &changed), None, "byte {index}");
            assert_eq!(sealer.open::<String>("here", &text[..index]), None, "cut at {index}");
        }
    }
}
