//! The cache that all instances share: sealed credentials in the store, one instance fetching for all.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Fetch, Perishable};
use crate::clock;
use crate::problem::Problem;
use crate::routes::new_id;
use crate::seal::Sealer;
use crate::store::Shared;
use crate::telemetry::{self, Hit};

/// How long one instance may fetch before another tries. Less than a request's time: whoever waits for an instance
/// that was killed must still have some left.
const LOCK: Duration = Duration::from_secs(15);
/// How often the others look.
const LOOK: Duration = Duration::from_millis(50);
/// The longest that a credential is kept, in seconds, whatever its vendor says.
const LONGEST_LIFE: i64 = 24 * 60 * 60;

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
    pub(super) async fn get<V: Perishable>(
        &self,
        name: &str,
        deadline: Instant,
        serves: impl Fn(&V) -> bool,
        fetch: Fetch<V>,
    ) -> Result<V, Problem> {
        let (mut hit, mut locked) = (Hit::Hit, false);
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
            hit = Hit::Coalesced;
            if Instant::now() + LOOK >= patience {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        telemetry::note(|notes| notes.cache = Some(Hit::Miss));
        let outcome = fetch(deadline).await;
        match &outcome {
            Ok(value) => self.write(name, value, locked.then_some((lock, owner))),
            Err(_) if locked => self.unlock(lock, owner),
            Err(_) => {}
        }
        outcome
    }

    pub(super) async fn put<V: Perishable>(&self, name: &str, value: &V) {
        if let Some((text, keep)) = self.sealed(name, value) {
            self.store.put_text(&self.key("cache", name), &text, keep).await;
        }
    }

    /// Puts it there and gives the lock back behind the caller's back: its answer does not need either.
    fn write<V: Perishable>(&self, name: &str, value: &V, lock: Option<(String, String)>) {
        let (store, key, sealed) = (self.store.clone(), self.key("cache", name), self.sealed(name, value));
        tokio::spawn(async move {
            if let Some((text, keep)) = sealed {
                store.put_text(&key, &text, keep).await;
            }
            if let Some((lock, owner)) = lock {
                store.unlock(&lock, &owner).await;
            }
        });
    }

    fn unlock(&self, lock: String, owner: String) {
        let store = self.store.clone();
        tokio::spawn(async move { store.unlock(&lock, &owner).await });
    }

    fn sealed<V: Perishable>(&self, name: &str, value: &V) -> Option<(String, Duration)> {
        let (_, end) = value.life();
        let left = (end.unix() - clock::now().unix()).clamp(1, LONGEST_LIFE);
        let text = self.sealer.seal(&self.key("cache", name), value)?;
        Some((text, Duration::from_secs(left.unsigned_abs())))
    }

    pub(super) async fn forget(&self, name: &str) {
        self.store.remove(&self.key("cache", name)).await;
    }

    /// What is there, if it was sealed for just this place; anything else is not there.
    async fn read<V: Perishable>(&self, name: &str) -> Option<V> {
        let key = self.key("cache", name);
        let sealed = self.store.text(&key).await?;
        self.sealer.open(&key, &sealed)
    }

    /// The flow, the account, the kind and the name: where it is, and what it is sealed for.
    fn key(&self, what: &str, name: &str) -> String {
        format!("{what}:{}:{name}", self.scope)
    }
}
