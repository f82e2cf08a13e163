//! The cache that all instances share: sealed credentials in the store, one instance fetching for all.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use upload_grant::model::problem::Problem;

use super::Shared;
use super::sealer::Sealer;
use crate::platform::new_id;
use crate::platform::telemetry::{self, CacheStatus};

/// Lease of the lock under which one instance fetches. Shorter than a request's time: whoever waits for an instance
/// that was killed must have time left to fetch.
const LOCK: Duration = Duration::from_secs(15);
/// How often the others poll, at first and at last: many who wait for one must not keep the store busy.
const POLL: Duration = Duration::from_millis(50);
const SLOWEST_POLL: Duration = Duration::from_millis(400);

/// Credentials in the store, readable only with `GRANT_SECRET` and under their own key.
pub(crate) struct SharedCache {
    store: Arc<Shared>,
    sealer: Sealer,
    /// Flow and account.
    scope: String,
}

impl SharedCache {
    pub(crate) fn new(store: Arc<Shared>, sealer: Sealer, scope: String) -> Self {
        Self { store, sealer, scope }
    }

    /// The credential under `name` if it `serves`, else the one that `fetch` returns here or another instance has
    /// stored. A store that fails costs the sharing, not the request.
    pub(crate) async fn get<V: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        deadline: Instant,
        serves: impl Fn(&V) -> bool,
        time_left: impl Fn(&V) -> Duration,
        fetch: impl Future<Output = Result<V, Problem>>,
    ) -> Result<V, Problem> {
        let (mut hit, mut locked, mut pause) = (CacheStatus::Hit, false, POLL);
        let (lock, owner) = (self.key("lock", name), new_id());
        // No lock holds longer.
        let patience = deadline.min(Instant::now() + LOCK);
        loop {
            if let Some(value) = self.read::<V>(name).await.filter(&serves) {
                if locked {
                    self.unlock(lock, owner);
                }
                telemetry::note(|notes| notes.cache = Some(hit));
                return Ok(value);
            }
            if locked {
                break;
            }
            // Whoever gets the lock fetches; without a store everybody does.
            match self.store.lock(&lock, &owner, LOCK).await {
                Some(false) => {}
                // Another instance may have stored it and released the lock since we read.
                Some(true) => {
                    locked = true;
                    continue;
                }
                None => break,
            }
            hit = CacheStatus::Coalesced;
            if Instant::now() + pause >= patience {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(SLOWEST_POLL);
        }
        telemetry::note(|notes| notes.cache = Some(CacheStatus::Miss));
        let outcome = fetch.await;
        match &outcome {
            Ok(value) => self.write(name, value, time_left(value), locked.then_some((lock, owner))),
            Err(_) if locked => self.unlock(lock, owner),
            Err(_) => {}
        }
        outcome
    }

    /// Keeps `value` for as long as `keep`.
    pub(crate) async fn put<V: Serialize>(&self, name: &str, value: &V, keep: Duration) {
        let key = self.key("cache", name);
        if let Some(sealed) = self.sealer.seal(&key, value) {
            self.store.put_text(&key, &sealed, keep).await;
        }
    }

    /// Stores the value and releases the lock in the background: the response needs neither.
    fn write<V: Serialize>(&self, name: &str, value: &V, keep: Duration, lock: Option<(String, String)>) {
        let (store, key) = (self.store.clone(), self.key("cache", name));
        let sealed = self.sealer.seal(&key, value);
        tokio::spawn(async move {
            let text = sealed.as_deref().map(|sealed| (&*key, sealed, keep));
            let lock = lock.as_ref().map(|(lock, owner)| (&**lock, &**owner));
            store.share(text, lock).await;
        });
    }

    fn unlock(&self, lock: String, owner: String) {
        let store = self.store.clone();
        tokio::spawn(async move { store.share(None, Some((&lock, &owner))).await });
    }

    pub(crate) async fn forget(&self, name: &str) {
        self.store.remove(&self.key("cache", name)).await;
    }

    /// The stored value, if it was sealed for just this key; anything else counts as absent.
    async fn read<V: DeserializeOwned>(&self, name: &str) -> Option<V> {
        let key = self.key("cache", name);
        let sealed = self.store.text(&key).await?;
        self.sealer.open(&key, &sealed)
    }

    /// The store's key, which the value is also sealed for: flow, account, kind and name.
    fn key(&self, what: &str, name: &str) -> String {
        format!("{what}:{}:{name}", self.scope)
    }
}
