//! Who is asking.

use std::sync::Arc;

use http::{HeaderMap, header};
use ring::hmac;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::jwt::{Rules, Token};
use super::local::Local;
use super::provider::Provider;
use super::{Auth, JwtKeys, gateway};
use crate::platform::clock;
use upload_grant::model::problem::{Code, Problem};

/// The user whom vendors are told of where nobody is asked who they are. No API key may have this name.
pub(super) const ANONYMOUS: &str = "anonymous";

/// An established caller.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Its identity; none under `GRANT_AUTH=none`, or if its token names nobody.
    pub name: Option<String>,
    /// What is known about it, for the policy. No claim is null.
    pub claims: Map<String, Value>,
    /// Whether a token or the platform's authorizer vouches for it. False under `GRANT_AUTH=none`, where
    /// everybody is the same nobody.
    pub vouched: bool,
}

impl Caller {
    /// Its name, where a name matters; none only where callers are not asked who they are.
    ///
    /// # Errors
    /// `unauthenticated` if it showed a token that names nobody: two such callers could not be told apart.
    pub fn identity(&self) -> Result<Option<&str>, Problem> {
        match &self.name {
            None if self.vouched => {
                Err(refused("the token names nobody: its sub is neither a text nor a whole number"))
            }
            name => Ok(name.as_deref()),
        }
    }

    /// Whose part of the shared resources it uses: its own, or the one of all whose tokens name nobody. None where
    /// callers are not told apart.
    pub(crate) fn share(&self) -> Option<&str> {
        self.name.as_deref().or(self.vouched.then_some(""))
    }

    /// A caller whose claims are authentic, named by the first of `names` that it has.
    pub(super) fn vouched(mut claims: Map<String, Value>, names: &[&str]) -> Self {
        // Null is how some providers write that a claim is absent.
        claims.retain(|_, value| !value.is_null());
        let name = names.iter().find_map(|name| claims.get(*name).and_then(name_in));
        Self { name, claims, vouched: true }
    }
}

/// A text or a whole number names somebody, 1234 and "1234" the same one: back ends that count their users put
/// numbers into tokens. What has a fraction or an exponent has lost digits somewhere, and names nobody.
fn name_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// The caller check, with what it keeps between requests.
pub struct Callers(Check);

enum Check {
    /// Everybody, or whoever asks from this machine.
    None(Option<Local>),
    ApiKey(Vec<(String, [u8; 32])>),
    /// HS256 and nothing else.
    Shared(Rules, hmac::Key),
    /// RS256 and ES256, by the keys the identity provider publishes.
    Published(Rules, Arc<Provider>),
    Gateway,
}

impl Callers {
    /// The check that was configured; `client` fetches the identity provider's keys, and pages of `origins` may ask
    /// where nobody else is checked.
    pub fn new(auth: Auth, origins: &[String], client: &reqwest::Client) -> Self {
        Self(match auth {
            Auth::None { insecure } => Check::None((!insecure).then(|| Local::new(origins))),
            Auth::ApiKey(keys) => Check::ApiKey(keys),
            Auth::Gateway => Check::Gateway,
            Auth::Jwt(jwt) => {
                let rules = Rules { issuer: jwt.issuer, audience: jwt.audience };
                match jwt.keys {
                    JwtKeys::Secret(secret) => {
                        Check::Shared(rules, hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()))
                    }
                    JwtKeys::Published(url) => {
                        Check::Published(rules, Arc::new(Provider::new(client.clone(), url)))
                    }
                }
            }
        })
    }

    /// Asks the identity provider for its keys, if there is one: how many it publishes, or why they cannot be had.
    pub(crate) async fn published_keys(&self) -> Option<Result<usize, &'static str>> {
        match &self.0 {
            Check::Published(_, provider) => Some(provider.fetch().await.map(|keys| keys.len())),
            _ => None,
        }
    }

    /// Refuses what does not come from this machine where that is the only check there is.
    ///
    /// # Errors
    /// `forbidden`.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match &self.0 {
            Check::None(Some(local)) => local.admit(headers),
            _ => Ok(()),
        }
    }

    /// Establishes the caller from the request's headers, or the claims that the platform's authorizer gave.
    ///
    /// # Errors
    /// `unauthenticated`; `forbidden` where only this machine may ask; `vendor_unavailable` while the identity provider's keys cannot be had.
    pub async fn check(
        &self,
        headers: &HeaderMap,
        identity: Option<Map<String, Value>>,
    ) -> Result<Caller, Problem> {
        match &self.0 {
            Check::None(_) => self.admit(headers).map(|()| Caller::default()),
            Check::ApiKey(keys) => api_key(keys, headers),
            Check::Gateway => gateway::caller(identity),
            Check::Shared(rules, key) => {
                let token = bearer(headers)?;
                if !token.is_authentic(key) {
                    return Err(refused("the token's signature is wrong"));
                }
                named(token, rules)
            }
            Check::Published(rules, provider) => {
                let token = bearer(headers)?;
                if !Box::pin(provider.keys_for(&token)).await?.iter().any(|key| key.signed(&token)) {
                    return Err(refused("the token's signature is wrong, or its key unknown"));
                }
                named(token, rules)
            }
        }
    }
}

/// The `WWW-Authenticate` challenge to a request with these headers, should it be refused.
pub fn challenge(auth: Option<&Auth>, headers: &HeaderMap) -> &'static str {
    match auth {
        Some(Auth::ApiKey(_)) => r#"ApiKey realm="upload-grant", header="x-api-key""#,
        Some(Auth::Jwt(_)) if bearer_text(headers).is_some() => {
            r#"Bearer realm="upload-grant", error="invalid_token""#
        }
        _ => r#"Bearer realm="upload-grant""#,
    }
}

fn api_key(keys: &[(String, [u8; 32])], headers: &HeaderMap) -> Result<Caller, Problem> {
    let sent = headers.get("x-api-key").filter(|value| !value.is_empty());
    let sent = sent.ok_or_else(|| refused("the header x-api-key is missing or empty"))?;
    let sent = Sha256::digest(sent.as_bytes());
    // Every key is compared, so that time tells nothing about which one came close.
    let mut found = None;
    for (name, digest) in keys {
        if bool::from(digest[..].ct_eq(&sent[..])) {
            found = Some(name);
        }
    }
    let name = found.ok_or_else(|| refused("the API key is not known"))?;
    let claims = Map::from_iter([("sub".to_owned(), name.as_str().into())]);
    Ok(Caller { name: Some(name.clone()), claims, vouched: true })
}

/// `Authorization: Bearer …`, or where Uppy's Companion client puts it.
fn bearer_text(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = authorization.and_then(|value| value.split_once(' '));
    let bearer =
        bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    bearer.or_else(|| headers.get("uppy-auth-token")?.to_str().ok())
}

fn bearer(headers: &HeaderMap) -> Result<Token<'_>, Problem> {
    let text = bearer_text(headers).ok_or_else(|| refused("the header Authorization: Bearer is missing"))?;
    Token::parse(text).map_err(refused)
}

/// The caller in a token whose signature is good.
fn named(token: Token<'_>, rules: &Rules) -> Result<Caller, Problem> {
    Ok(Caller::vouched(token.claims(rules, clock::now()).map_err(refused)?, &["sub"]))
}

pub(super) fn refused(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}
