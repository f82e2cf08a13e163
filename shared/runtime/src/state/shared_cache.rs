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

/// How long one instance may fetch before another tries. Less than a request's time: whoever waits for an instance
/// that was killed must still have some left.
const LOCK: Duration = Duration::from_secs(15);
/// How soon the others look, and how rarely at last: many who wait for one must not keep the store busy.
const LOOK: Duration = Duration::from_millis(50);
const RAREST_LOOK: Duration = Duration::from_millis(400);

/// Credentials in the store, unreadable without `GRANT_SECRET` and anywhere but in their own place.
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

    /// The credential under `name` if it `serves`, else what `fetch` brings here or another instance put
    /// there. A store that fails costs the sharing, not the request.
    pub(crate) async fn get<V: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        deadline: Instant,
        serves: impl Fn(&V) -> bool,
        time_left: impl Fn(&V) -> Duration,
        fetch: impl Future<Output = Result<V, Problem>>,
    ) -> Result<V, Problem> {
        let (mut hit, mut locked, mut pause) = (CacheStatus::Hit, false, LOOK);
        let (lock, owner) = (self.key("lock", name), new_id());
        // A lock that outlives its time is nobody's.
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
                // Another instance may have put it there and gone since we looked.
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
            pause = (pause * 3 / 2).min(RAREST_LOOK);
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

    /// Puts it there and gives the lock back behind the caller's back: its answer needs neither.
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

    /// What is there, if it was sealed for just this place; anything else is not there.
    async fn read<V: DeserializeOwned>(&self, name: &str) -> Option<V> {
        let key = self.key("cache", name);
        let sealed = self.store.text(&key).await?;
        self.sealer.open(&key, &sealed)
    }

    /// The flow, the account, the kind and the name: where it is, and what it is sealed for.
    fn key(&self, what: &str, name: &str) -> String {
        format!("{what}:{}:{name}", self.scope)
    }
}
