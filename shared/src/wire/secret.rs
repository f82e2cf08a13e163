//! Values that must not be printed: keys, tokens, app secrets.

use std::fmt;

use hmac::{Hmac, KeyInit};
use serde::Deserialize;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroize;

/// A secret text: it has no `Display` and no `Serialize`, and its memory is wiped when it is dropped. Where a document
/// with it is sealed next, its field says [`serialize_exposed`].
///
/// ```
/// # use upload_grant::wire::secret::Secret;
/// let secret = Secret::from("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(…)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone, Default, Deserialize)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for a signature or the one header that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Serializes the text itself: for `#[serde(serialize_with = "…")]` where the document is sealed next.
///
/// # Errors
/// The serializer's.
pub fn serialize_exposed<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// HMAC-SHA256 with its key already absorbed; its `Debug` shows no state.
pub(crate) fn hmac_sha256(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// HMAC-SHA1 with its key already absorbed; its `Debug` shows no state.
pub(crate) fn hmac_sha1(key: &[u8]) -> Hmac<Sha1> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}
