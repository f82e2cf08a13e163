//! Vendor credentials kept for the next caller. Concurrent misses share one vendor call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::problem::Problem;
use crate::telemetry::{self, Hit};

/// The most entries; past it, those that no longer serve go first.
const CAPACITY: usize = 4096;

/// Credentials by what they are good for (a space, an app and user, …).
pub struct Cache<V> {
    slots: Mutex<HashMap<String, Arc<Slot<V>>>>,
}

struct Slot<V> {
    flight: tokio::sync::Mutex<Flight<V>>,
}

struct Flight<V> {
    value: Option<V>,
    /// How the last fetch failed, for those who waited for it.
    problem: Option<Problem>,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<V: Clone> Cache<V> {
    /// The value of `name` if it still `serves`, else what `fetch` brings. Callers that wait while another
    /// fetches get that fetch's outcome, good or bad.
    ///
    /// # Errors
    /// The problem of the fetch.
    pub async fn get(
        &self,
        name: &str,
        serves: impl Fn(&V) -> bool,
        fetch: impl Future<Output = Result<V, Problem>>,
    ) -> Result<V, Problem> {
        let slot = self.slot(name);
        let (mut flight, waited) = match slot.flight.try_lock() {
            Ok(flight) => (flight, false),
            Err(_) => (slot.flight.lock().await, true),
        };
        if let Some(value) = flight.value.as_ref().filter(|value| serves(value)) {
            let hit = if waited { Hit::Coalesced } else { Hit::Hit };
            telemetry::note(|notes| notes.cache = Some(hit));
            return Ok(value.clone());
        }
        if let (true, Some(problem)) = (waited, &flight.problem) {
            telemetry::note(|notes| notes.cache = Some(Hit::Coalesced));
            return Err(problem.clone());
        }
        telemetry::note(|notes| notes.cache = Some(Hit::Miss));
        let outcome = fetch.await;
        match outcome {
            Ok(value) => {
                flight.value = Some(value.clone());
                flight.problem = None;
                Ok(value)
            }
            Err(problem) => {
                flight.problem = Some(problem.clone());
                Err(problem)
            }
        }
    }

    /// Forgets `name`: the vendor no longer accepts it.
    pub fn forget(&self, name: &str) {
        self.lock().remove(name);
    }

    fn slot(&self, name: &str) -> Arc<Slot<V>> {
        let mut slots = self.lock();
        if slots.len() >= CAPACITY && !slots.contains_key(name) {
            // Idle slots can be fetched again; those in flight must stay.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let empty = || Arc::new(Slot { flight: Flight { value: None, problem: None }.into() });
        slots.entry(name.to_owned()).or_insert_with(empty).clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Slot<V>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
