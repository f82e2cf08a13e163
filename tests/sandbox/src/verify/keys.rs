//! The keys the vendors know: who they belong to, until when, and what they may write.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::lock;

/// What a key may do at the stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: control planes only, or a download-only credential.
    Nothing,
    /// Everything in one bucket.
    Bucket(String),
    /// PutObject and PostObject below one directory (CAMS).
    Directory {
        /// Bucket name.
        bucket: String,
        /// Directory without a trailing slash.
        dir: String,
    },
    /// PutObject of exactly one object (LKE), perhaps PostObject too.
    Object {
        /// Bucket name.
        bucket: String,
        /// The object key.
        key: String,
        /// Whether by a form too.
        post: bool,
    },
}

/// The two ways of writing; COS grants them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `PutObject`.
    Put,
    /// `PostObject`.
    Post,
}

impl Scope {
    /// Whether this write is inside the key's rights.
    pub fn allows(&self, action: Action, bucket: &str, key: &str) -> bool {
        match self {
            Scope::Nothing => false,
            Scope::Bucket(own) => own == bucket,
            Scope::Directory { bucket: own, dir } => own == bucket && key.starts_with(&format!("{dir}/")),
            Scope::Object { bucket: own, key: one, post } => {
                (action == Action::Put || *post) && own == bucket && one == key
            }
        }
    }
}

/// An access key, long-term or temporary.
#[derive(Clone, Debug)]
pub struct Key {
    /// Public part.
    pub id: String,
    /// Secret part.
    pub secret: String,
    /// Security token; only temporary keys have one.
    pub token: Option<String>,
    /// Unix second after which the key is dead.
    pub expires_at: Option<i64>,
    /// Rights at the stores.
    pub scope: Scope,
}

impl Key {
    /// A long-term key.
    pub fn long_term(id: &str, secret: &str, scope: Scope) -> Self {
        Self { id: id.to_owned(), secret: secret.to_owned(), token: None, expires_at: None, scope }
    }

    /// Whether the key is past its end.
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// How a presented token relates to the key it came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// A temporary key came without its token.
    Missing,
    /// Nobody's token.
    Unknown,
    /// Another key's token.
    Mismatch,
    /// The right token, too late.
    Expired,
}

/// All keys of one vendor.
#[derive(Debug, Default)]
pub struct Keys(Mutex<HashMap<String, Key>>);

impl Keys {
    /// Registers a key.
    pub fn add(&self, key: Key) {
        lock(&self.0).insert(key.id.clone(), key);
    }

    /// Looks a key up by its public part.
    pub fn find(&self, id: &str) -> Option<Key> {
        lock(&self.0).get(id).cloned()
    }

    /// Checks the token presented along with `key`. An empty token counts as none.
    pub fn check_token(&self, key: &Key, token: Option<&str>, now: i64) -> Result<(), TokenFault> {
        let presented = token.filter(|text| !text.is_empty());
        if key.token.as_deref() == presented {
            return if key.is_expired(now) { Err(TokenFault::Expired) } else { Ok(()) };
        }
        let Some(presented) = presented else { return Err(TokenFault::Missing) };
        let known = lock(&self.0).values().any(|other| other.token.as_deref() == Some(presented));
        Err(if known { TokenFault::Mismatch } else { TokenFault::Unknown })
    }
}
