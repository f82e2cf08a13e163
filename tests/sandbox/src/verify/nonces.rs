//! Signature nonces already seen.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::lock;

/// The memory behind `SignatureNonceUsed`.
#[derive(Debug, Default)]
pub struct Nonces(Mutex<HashSet<String>>);

impl Nonces {
    /// Takes a nonce; false when it was taken before.
    pub fn take(&self, nonce: &str) -> bool {
        lock(&self.0).insert(nonce.to_owned())
    }
}
