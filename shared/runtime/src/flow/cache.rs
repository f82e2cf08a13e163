//! A cache of vendor credentials: in this process, and with a shared store for every instance.
//!
//! Concurrent misses share one vendor call. Ahead of its end a credential is refreshed in the background where the
//! runtime allows it; while that fails, the cached one goes on serving.

mod slots;

use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use upload_grant::model::problem::Problem;
use upload_grant::wire::time::Timestamp;

use self::slots::{Slot, Slots};
use super::{Context, END_MARGIN_SECS};
use crate::platform::clock;
use crate::platform::telemetry::{self, CacheStatus};

/// A credential that expires.
pub trait Expires: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// When it was issued and when it ends.
    fn lifetime(&self) -> (Timestamp, Timestamp);
}

/// A vendor's API client that fetches a credential. A refresh in the background owns just this.
pub trait Fetch: Send + Sync + 'static {
    /// What a credential is good for: a space, an app and a user. As text it names the credential in a shared store.
    type Key: Clone + Eq + Hash + Display + Send + Sync + 'static;
    /// What is fetched.
    type Credential: Expires;

    /// Makes the vendor call, within `deadline`.
    fn fetch(
        &self,
        cx: &Context,
        key: &Self::Key,
        deadline: Instant,
    ) -> impl Future<Output = Result<Self::Credential, Problem>> + Send;
}

/// The key of a credential that serves the whole account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account;

impl Display for Account {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

/// Credentials of one kind, by what they are good for.
pub struct Cached<F: Fetch> {
    /// What is kept, as part of the names in a shared store.
    kind: &'static str,
    source: Arc<F>,
    slots: Slots<F::Key, F::Credential>,
}

impl<F: Fetch> Cached<F> {
    /// An empty cache of what `source` fetches.
    pub fn new(kind: &'static str, source: F) -> Self {
        Self { kind, source: Arc::new(source), slots: Slots::default() }
    }

    /// The client itself, for calls that must not be answered from the cache.
    pub fn source(&self) -> &F {
        &self.source
    }

    /// The credential of `key`: the cached one if it serves a grant made now, else one fetched by `deadline`. Callers
    /// that wait while another fetches get that fetch's outcome, good or bad.
    ///
    /// # Errors
    /// The problem of the fetch.
    pub async fn get(
        &self,
        cx: &Context,
        key: &F::Key,
        deadline: Instant,
    ) -> Result<Arc<F::Credential>, Problem> {
        let slot = self.slots.of(key, cx.settings.cache_entries);
        let (mut flight, waited) = match slot.flight.try_lock() {
            Ok(flight) => (flight, false),
            Err(_) => (slot.flight.lock().await, true),
        };
        let now = clock::now();
        if let Some(value) = flight.value.clone().filter(|value| serves(cx, now, value.as_ref())) {
            telemetry::note(|notes| {
                notes.cache = Some(if waited { CacheStatus::Coalesced } else { CacheStatus::Hit });
            });
            if cx.background && is_due(cx, now, value.as_ref()) && flight.pause_is_over() {
                drop(flight);
                self.refresh(cx, key, &slot);
            }
            return Ok(value);
        }
        if let (true, Some(problem)) = (waited, &flight.problem) {
            telemetry::note(|notes| notes.cache = Some(CacheStatus::Coalesced));
            return Err(problem.clone());
        }
        // A fetch that is given up in the middle must not leave the failure of an earlier one to those who wait.
        flight.problem = None;
        // Boxed to keep the large miss path out of the hit path.
        let outcome = Box::pin(self.load(cx, key, deadline)).await;
        slot.store(&mut flight, outcome)
    }

    /// From the shared store, else from the vendor.
    async fn load(&self, cx: &Context, key: &F::Key, deadline: Instant) -> Result<F::Credential, Problem> {
        let fetch = self.source.fetch(cx, key, deadline);
        let Some(shared) = &cx.shared_cache else {
            telemetry::note(|notes| notes.cache = Some(CacheStatus::Miss));
            return fetch.await;
        };
        let serves = |value: &F::Credential| serves(cx, clock::now(), value);
        shared.get(&self.name(key), deadline, serves, time_left, fetch).await
    }

    /// Keeps a credential that the vendor renewed by itself.
    pub async fn put(&self, cx: &Context, key: &F::Key, value: F::Credential) {
        if let Some(shared) = &cx.shared_cache {
            shared.put(&self.name(key), &value, time_left(&value)).await;
        }
        let slot = self.slots.of(key, cx.settings.cache_entries);
        let mut flight = slot.flight.lock().await;
        // A renewal is a success like a fetch.
        let _ = slot.store(&mut flight, Ok(value));
    }

    /// Forgets what is kept under `key`: the vendor no longer accepts it.
    pub async fn forget(&self, cx: &Context, key: &F::Key) {
        self.slots.forget(key);
        if let Some(shared) = &cx.shared_cache {
            shared.forget(&self.name(key)).await;
        }
    }

    /// Fetches in the background, one at a time.
    fn refresh(&self, cx: &Context, key: &F::Key, slot: &Arc<Slot<F::Credential>>) {
        if !slot.begin_refresh() {
            return;
        }
        let (source, cx, key, slot, name) =
            (self.source.clone(), cx.clone(), key.clone(), slot.clone(), self.name(key));
        tokio::spawn(async move {
            let outcome = source.fetch(&cx, &key, Instant::now() + cx.settings.timeout).await;
            if let (Some(shared), Ok(value)) = (&cx.shared_cache, &outcome) {
                shared.put(&name, value, time_left(value)).await;
            }
            slot.end_refresh(outcome).await;
        });
    }

    fn name(&self, key: &F::Key) -> String {
        format!("{}:{key}", self.kind)
    }
}

/// The longest a credential is kept: an end that is further away is a mistake of the vendor's.
const LONGEST_LIFE_SECS: i64 = 24 * 60 * 60;

/// When `value` was issued, and until when it is kept.
fn lifetime(value: &impl Expires) -> (Timestamp, Timestamp) {
    let (from, end) = value.lifetime();
    (from, end.min(from.plus(LONGEST_LIFE_SECS)))
}

/// Whether `value` serves a grant made `now`: it must cover the grant's life, or where its own is shorter,
/// another minute.
fn serves(cx: &Context, now: Timestamp, value: &impl Expires) -> bool {
    let (from, end) = lifetime(value);
    end.unix() - now.unix() >= needed(cx, from, end)
}

/// Whether it is in the last tenth of its service: time to fetch the next one.
fn is_due(cx: &Context, now: Timestamp, value: &impl Expires) -> bool {
    let (from, end) = lifetime(value);
    let needed = needed(cx, from, end);
    let service = end.unix() - from.unix() - needed;
    end.unix() - now.unix() < needed + service / 10
}

/// Seconds that must be left of a credential.
fn needed(cx: &Context, from: Timestamp, end: Timestamp) -> i64 {
    let covers = cx.settings.ttl_secs + END_MARGIN_SECS;
    if end.unix() - from.unix() < covers { 60 } else { covers }
}

/// How long a credential may be kept.
fn time_left(value: &impl Expires) -> Duration {
    let (_, end) = lifetime(value);
    Duration::from_secs(u64::try_from(end.unix() - clock::now().unix()).unwrap_or(0).max(1))
}
