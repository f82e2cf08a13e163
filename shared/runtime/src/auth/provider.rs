//! The identity provider's keys: fetched on demand, cached, and used on through its outages.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::caller::refused;
use super::jwk::{self, Key};
use super::jwt::{Alg, Token};
use crate::net::read_body;
use upload_grant::model::problem::{Code, Problem};

/// How long keys are used without fetching again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// An unknown key id causes another fetch, but not more often than this: anyone can invent key ids.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(60);
/// The backoff after a failure, while there are old keys to use.
const OUTAGE_PAUSE: Duration = Duration::from_secs(60);
/// The backoff after a failure while there are no keys at all.
const EMPTY_PAUSE: Duration = Duration::from_secs(1);
/// The most time a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest key set.
const MAX_SET: usize = 256 * 1024;

/// An identity provider's published keys.
pub(super) struct Provider {
    client: reqwest::Client,
    url: String,
    kept: Mutex<Option<Kept>>,
    /// Held by the one request that fetches.
    flight: Arc<tokio::sync::Mutex<Flight>>,
}

#[derive(Clone)]
struct Kept {
    keys: Arc<Vec<Key>>,
    since: Instant,
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < FRESH
    }
}

/// When the keys may be fetched again.
#[derive(Default)]
struct Flight {
    /// After a failure.
    not_before: Option<Instant>,
    /// For an unknown key id.
    unknown_not_before: Option<Instant>,
}

impl Provider {
    /// The provider that publishes its keys at `url`.
    pub(super) fn new(client: reqwest::Client, url: String) -> Self {
        Self { client, url, kept: Mutex::default(), flight: Arc::default() }
    }

    /// Keys among which the signer of `token` would be.
    ///
    /// # Errors
    /// `unauthenticated` if it can be none of the provider's, `vendor_unavailable` if nobody can tell because the
    /// provider does not answer.
    pub(super) async fn keys_for(self: &Arc<Self>, token: &Token<'_>) -> Result<Arc<Vec<Key>>, Problem> {
        if token.alg == Alg::Hs256 {
            // A public key must never be taken for a shared secret, nor cause a fetch.
            return Err(refused("the token's algorithm is not accepted"));
        }
        let has_key = |kept: &Kept| kept.keys.iter().any(|key| key.is_meant_by(token));
        let known = self.kept().filter(has_key);
        if let Some(kept) = known.as_ref().filter(|kept| kept.is_fresh()) {
            return Ok(kept.keys.clone());
        }
        let flight = match (self.flight.clone().try_lock_owned(), known) {
            (Ok(flight), _) => flight,
            // While one request asks the provider, an old key is good enough for the others.
            (Err(_), Some(kept)) => return Ok(kept.keys),
            (Err(_), None) => self.flight.clone().lock_owned().await,
        };
        // Another request may have fetched in the meantime.
        let kept = self.kept();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_fresh() && has_key(kept)) {
            return Ok(kept.keys.clone());
        }
        let for_unknown = kept.as_ref().is_some_and(Kept::is_fresh);
        // A task of its own: a caller who hangs up in the middle must not keep new keys from everyone else.
        let refresh = tokio::spawn(self.clone().refresh(flight, for_unknown));
        let retry = refresh.await.unwrap_or(Some(Instant::now() + EMPTY_PAUSE));
        match (self.kept(), retry) {
            (Some(kept), None) => Ok(kept.keys),
            (Some(kept), _) if has_key(&kept) => Ok(kept.keys),
            (_, retry) => {
                let wait = retry.map_or(EMPTY_PAUSE, |time| time.saturating_duration_since(Instant::now()));
                let detail = "the identity provider's keys cannot be fetched";
                Err(Problem::new(Code::VendorUnavailable, detail).retry_in(wait.as_secs_f64()))
            }
        }
    }

    /// Fetches the keys if the backoff allows it; `for_unknown` where ours are fresh, but lack the token's. Answers
    /// when the next fetch is allowed after a failure.
    async fn refresh(
        self: Arc<Self>,
        mut flight: OwnedMutexGuard<Flight>,
        for_unknown: bool,
    ) -> Option<Instant> {
        let now = Instant::now();
        let too_early = |not_before: Option<Instant>| not_before.is_some_and(|time| now < time);
        if too_early(flight.not_before) || (for_unknown && too_early(flight.unknown_not_before)) {
            return flight.not_before;
        }
        if for_unknown {
            flight.unknown_not_before = Some(now + UNKNOWN_PAUSE);
        }
        flight.not_before = match self.fetch().await {
            Ok(keys) => {
                *self.lock() = Some(Kept { keys: Arc::new(keys), since: Instant::now() });
                None
            }
            Err(reason) => {
                tracing::warn!(reason, "the identity provider's keys could not be fetched");
                let pause = if self.kept().is_some() { OUTAGE_PAUSE } else { EMPTY_PAUSE };
                Some(Instant::now() + pause)
            }
        };
        flight.not_before
    }

    /// The keys that are published now.
    pub(super) async fn fetch(&self) -> Result<Vec<Key>, &'static str> {
        tokio::time::timeout(TIMEOUT, self.request_keys()).await.unwrap_or(Err("no answer in time"))
    }

    async fn request_keys(&self) -> Result<Vec<Key>, &'static str> {
        // Minutes pass between fetches: a kept connection would only be found dead.
        let request =
            self.client.get(&self.url).header("accept", "application/json").header("connection", "close");
        let response = request.send().await.map_err(|_| "it cannot be reached")?;
        if response.status() != http::StatusCode::OK {
            return Err("its status is not 200");
        }
        let body = read_body(response, MAX_SET).await.map_err(|_| "its answer breaks off or is too long")?;
        jwk::keys(&body).ok_or("its answer is not a key set")
    }

    fn kept(&self) -> Option<Kept> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
