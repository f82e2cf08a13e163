//! The cache that all instances share: sealed credentials in Redis, one instance fetching for all.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use upload_grant::model::problem::Problem;

use super::Redis;
use super::seal::Sealer;
use crate::platform::new_id;
use crate::platform::telemetry::{self, Hit};

/// How long one instance may fetch before another tries. Less than a request's time: whoever waits for an instance
/// that was killed must still have some left.
const LOCK: Duration = Duration::from_secs(15);
/// How often the others look.
const LOOK: Duration = Duration::from_millis(50);

/// Credentials in Redis, unreadable without `GRANT_SECRET`.
pub(crate) struct SharedCache {
    redis: Arc<Redis>,
    sealer: Sealer,
    scope: String,
}

impl SharedCache {
    pub(crate) fn new(redis: Arc<Redis>, sealer: Sealer, scope: String) -> Self {
        Self { redis, sealer, scope }
    }

    /// The credential under `name` if it `serves`, else what `fetch` brings here or another instance put
    /// there. A Redis that cannot be reached costs the sharing, not the request.
    pub(crate) async fn get<V: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        deadline: Instant,
        serves: impl Fn(&V) -> bool,
        time_left: impl Fn(&V) -> Duration,
        fetch: impl Future<Output = Result<V, Problem>>,
    ) -> Result<V, Problem> {
        let (mut hit, mut locked) = (Hit::Hit, false);
        let (lock, owner) = (self.key("lock", name), new_id());
        loop {
            if let Some(value) = self.read::<V>(name).await.filter(&serves) {
                if locked {
                    let _ = self.redis.release(&lock, &owner).await;
                }
                telemetry::note(|notes| notes.cache = Some(hit));
                return Ok(value);
            }
            if locked {
                break;
            }
            // Whoever gets the lock fetches; without Redis everybody does.
            match self.redis.claim(&lock, &owner, LOCK).await {
                Ok(Some(_)) => {}
                // Another instance may have put it there and gone since we looked.
                Ok(None) => {
                    locked = true;
                    continue;
                }
                Err(_) => break,
            }
            hit = Hit::Coalesced;
            if Instant::now() + LOOK >= deadline {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        telemetry::note(|notes| notes.cache = Some(Hit::Miss));
        let outcome = fetch.await;
        if let Ok(value) = &outcome {
            self.put(name, value, time_left(value)).await;
        }
        if locked {
            let _ = self.redis.release(&lock, &owner).await;
        }
        outcome
    }

    /// Keeps `value` for as long as `keep`.
    pub(crate) async fn put<V: Serialize>(&self, name: &str, value: &V, keep: Duration) {
        if let Some(sealed) = self.sealer.seal(value) {
            let _ = self.redis.put_text(&self.key("cache", name), &sealed, keep).await;
        }
    }

    pub(crate) async fn forget(&self, name: &str) {
        let _ = self.redis.remove(&self.key("cache", name)).await;
    }

    async fn read<V: DeserializeOwned>(&self, name: &str) -> Option<V> {
        let sealed = self.redis.get_text(&self.key("cache", name)).await.ok()??;
        self.sealer.open(&sealed)
    }

    fn key(&self, what: &str, name: &str) -> String {
        format!("{what}:{}:{name}", self.scope)
    }
}
