//! Who is asking.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::Auth;
use crate::problem::{Code, Problem};

/// An established caller.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Its identity; none under `GRANT_AUTH=none`.
    pub name: Option<String>,
}

/// Establishes the caller from the request's headers.
///
/// # Errors
/// `unauthenticated`.
pub fn check(auth: &Auth, headers: &HeaderMap) -> Result<Caller, Problem> {
    match auth {
        Auth::None => Ok(Caller::default()),
        Auth::ApiKey(keys) => api_key(keys, headers),
    }
}

/// The `WWW-Authenticate` challenge of this check.
pub fn challenge(auth: Option<&Auth>) -> &'static str {
    match auth {
        Some(Auth::ApiKey(_)) => r#"ApiKey realm="upload-grant", header="x-api-key""#,
        _ => r#"Bearer realm="upload-grant""#,
    }
}

fn api_key(keys: &[(String, [u8; 32])], headers: &HeaderMap) -> Result<Caller, Problem> {
    let sent = headers.get("x-api-key").map(|value| Sha256::digest(value.as_bytes()));
    let sent = sent.ok_or_else(|| Problem::new(Code::Unauthenticated, "the header x-api-key is missing"))?;
    // Every key is compared, so that time tells nothing about which one came close.
    let mut found = None;
    for (name, digest) in keys {
        if bool::from(digest[..].ct_eq(&sent[..])) {
            found = Some(name);
        }
    }
    let name = found.ok_or_else(|| Problem::new(Code::Unauthenticated, "the API key is not known"))?;
    Ok(Caller { name: Some(name.clone()) })
}
