//! Vendor credentials kept for the next caller: in this process, and with Redis for every instance.
//!
//! Concurrent misses share one vendor call. Ahead of its end a credential is fetched anew in the background
//! where the runtime allows it; while that fails, the one at hand goes on serving.

mod shared;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub(crate) use shared::SharedCache;

use crate::flow::{Ask, Context};
use crate::problem::Problem;
use crate::telemetry::{self, Hit};
use crate::time::Timestamp;

/// The most entries; past it, those that nobody is waiting for go.
const CAPACITY: usize = 4096;
/// Between two background fetches that fail: at first, and at most.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A credential that ends.
pub trait Perishable: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// When it was issued and when it ends.
    fn life(&self) -> (Timestamp, Timestamp);
}

/// A vendor call that brings a credential before the instant it is given.
pub type Fetch<V> = Box<dyn FnOnce(Instant) -> BoxFuture<'static, Result<V, Problem>> + Send>;

/// Credentials by what they are good for (a space, an app and user, …).
pub struct Cache<V> {
    /// What is kept, as part of the names in Redis.
    kind: &'static str,
    slots: Mutex<HashMap<String, Arc<Slot<V>>>>,
}

struct Slot<V> {
    flight: tokio::sync::Mutex<Flight<V>>,
    refreshing: AtomicBool,
}

struct Flight<V> {
    value: Option<Arc<V>>,
    /// How the last fetch failed, for those who waited for it.
    problem: Option<Problem>,
    /// No background fetch before this, and how long to pause after it.
    pause: Option<(Instant, Duration)>,
}

impl<V: Perishable> Cache<V> {
    /// An empty cache of this kind.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, slots: Mutex::default() }
    }

    /// The credential under `name` if it serves `ask`, else what `fetch` brings. Callers that wait while
    /// another fetches get that fetch's outcome, good or bad.
    ///
    /// # Errors
    /// The problem of the fetch.
    pub async fn get(
        &self,
        cx: &Arc<Context>,
        ask: &Ask,
        name: &str,
        fetch: Fetch<V>,
    ) -> Result<Arc<V>, Problem> {
        let slot = self.slot(name);
        let (mut flight, waited) = match slot.flight.try_lock() {
            Ok(flight) => (flight, false),
            Err(_) => (slot.flight.lock().await, true),
        };
        if let Some(value) = flight.value.clone().filter(|value| serves(cx, ask, value.as_ref())) {
            telemetry::note(|notes| notes.cache = Some(if waited { Hit::Coalesced } else { Hit::Hit }));
            if cx.background && ages(cx, ask, value.as_ref()) && flight.rested() {
                drop(flight);
                self.refresh(cx, name, &slot, fetch);
            }
            return Ok(value);
        }
        if let (true, Some(problem)) = (waited, &flight.problem) {
            telemetry::note(|notes| notes.cache = Some(Hit::Coalesced));
            return Err(problem.clone());
        }
        // A fetch that is given up in the middle must not leave the failure of an earlier one to those who wait.
        flight.problem = None;
        let outcome = if let Some(shared) = &cx.shared_cache {
            let name = format!("{}:{name}", self.kind);
            let serves = |value: &V| serves(cx, ask, value);
            // Boxed: nobody whose credential is at hand should move this future about.
            Box::pin(shared.get(&name, ask.deadline, serves, fetch)).await
        } else {
            telemetry::note(|notes| notes.cache = Some(Hit::Miss));
            fetch(ask.deadline).await
        };
        flight.take_in(outcome)
    }

    /// Keeps a credential that the vendor renewed by itself.
    pub async fn put(&self, cx: &Context, name: &str, value: V) {
        if let Some(shared) = &cx.shared_cache {
            shared.put(&format!("{}:{name}", self.kind), &value).await;
        }
        self.slot(name).flight.lock().await.value = Some(Arc::new(value));
    }

    /// Forgets `name`: the vendor no longer accepts it.
    pub async fn forget(&self, cx: &Context, name: &str) {
        self.lock().remove(name);
        if let Some(shared) = &cx.shared_cache {
            shared.forget(&format!("{}:{name}", self.kind)).await;
        }
    }

    /// Fetches in the background, one at a time.
    fn refresh(&self, cx: &Arc<Context>, name: &str, slot: &Arc<Slot<V>>, fetch: Fetch<V>) {
        if slot.refreshing.swap(true, Ordering::Relaxed) {
            return;
        }
        let (cx, slot, name) = (cx.clone(), slot.clone(), format!("{}:{name}", self.kind));
        tokio::spawn(async move {
            let outcome = fetch(Instant::now() + cx.settings.timeout).await;
            if let (Some(shared), Ok(value)) = (&cx.shared_cache, &outcome) {
                shared.put(&name, value).await;
            }
            let mut flight = slot.flight.lock().await;
            match outcome {
                Ok(value) => {
                    let _ = flight.take_in(Ok(value));
                    flight.pause = None;
                }
                Err(problem) => {
                    tracing::warn!(
                        code = problem.code.as_str(),
                        "a credential could not be refreshed ahead of its end"
                    );
                    let pause = flight.pause.map_or(PAUSE, |(_, pause)| (pause * 2).min(LONGEST_PAUSE));
                    flight.pause = Some((Instant::now() + pause, pause));
                }
            }
            slot.refreshing.store(false, Ordering::Relaxed);
        });
    }

    fn slot(&self, name: &str) -> Arc<Slot<V>> {
        let mut slots = self.lock();
        if slots.len() >= CAPACITY && !slots.contains_key(name) {
            // Idle slots can be fetched again; those in flight must stay.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let empty = || {
            let flight = Flight { value: None, problem: None, pause: None };
            Arc::new(Slot { flight: flight.into(), refreshing: AtomicBool::new(false) })
        };
        slots.entry(name.to_owned()).or_insert_with(empty).clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot<V>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Flight<V> {
    fn take_in(&mut self, outcome: Result<V, Problem>) -> Result<Arc<V>, Problem> {
        match outcome {
            Ok(value) => {
                let value = Arc::new(value);
                self.value = Some(value.clone());
                self.problem = None;
                Ok(value)
            }
            Err(problem) => {
                self.problem = Some(problem.clone());
                Err(problem)
            }
        }
    }

    fn rested(&self) -> bool {
        self.pause.is_none_or(|(until, _)| Instant::now() >= until)
    }
}

/// Whether `value` serves `ask`.
fn serves(cx: &Context, ask: &Ask, value: &impl Perishable) -> bool {
    let (from, end) = value.life();
    ask.served_by(cx, from, end)
}

/// Whether it is time to fetch the next one.
fn ages(cx: &Context, ask: &Ask, value: &impl Perishable) -> bool {
    let (from, end) = value.life();
    ask.outlives_soon(cx, from, end)
}
