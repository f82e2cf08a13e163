//! Texts that must not come back out of what others say.

use std::sync::{PoisonError, RwLock};

use upload_grant::wire::secret::Secret;

/// A shorter text stands in harmless words too.
const SHORTEST: usize = 12;
/// A platform that rotates its role's keys is remembered so far back.
const MOST: usize = 256;

static OURS: RwLock<Vec<Secret>> = RwLock::new(Vec::new());

/// Remembers a secret of this process.
pub(crate) fn remember(secret: &str) {
    let mut ours = OURS.write().unwrap_or_else(PoisonError::into_inner);
    if secret.len() >= SHORTEST && !ours.iter().any(|one| one.expose() == secret) {
        if ours.len() >= MOST {
            ours.remove(0);
        }
        ours.push(Secret::from(secret));
    }
}

/// `text` as another said it, unless one of our secrets is in it.
pub(crate) fn without_secrets(text: Option<&str>) -> Option<&str> {
    let ours = OURS.read().unwrap_or_else(PoisonError::into_inner);
    text.filter(|text| !ours.iter().any(|secret| text.contains(secret.expose())))
}

/// Whether a setting of this name holds secrets.
pub(crate) fn is_secret(name: &str) -> bool {
    ["SECRET", "KEY", "TOKEN"].iter().any(|end| name.ends_with(end))
}
