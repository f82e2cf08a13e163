//! One slot per credential, so that one fetch at a time fills it; and a bound on how many there are.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use upload_grant::model::problem::Problem;

use super::{Expires, lifetime};

/// The backoff between background fetches that fail: at first, and at most.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A full map evicts this fraction of its entries at once: to find them costs a walk over the map.
const EVICTED_FRACTION: usize = 64;

pub(super) struct Slots<K, V>(Mutex<HashMap<K, Arc<Slot<V>>>>);

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

pub(super) struct Slot<V> {
    pub(super) flight: tokio::sync::Mutex<Flight<V>>,
    refreshing: AtomicBool,
    /// When the value ends, in Unix seconds; 0 without one.
    ends: AtomicI64,
}

pub(super) struct Flight<V> {
    pub(super) value: Option<Arc<V>>,
    /// How the last fetch failed, for those who waited for it.
    pub(super) problem: Option<Problem>,
    /// No background fetch before this, and the backoff that leads to it.
    pause: Option<(Instant, Duration)>,
}

impl<K: Clone + Eq + Hash, V: Expires> Slots<K, V> {
    /// The slot of `key`. Where there are `most` already, those whose credentials end soonest are evicted.
    pub(super) fn of(&self, key: &K, most: usize) -> Arc<Slot<V>> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get(key) {
            return slot.clone();
        }
        if slots.len() >= most {
            evict(&mut slots, most);
        }
        let flight = Flight { value: None, problem: None, pause: None };
        let slot = Arc::new(Slot {
            flight: flight.into(),
            refreshing: AtomicBool::new(false),
            ends: AtomicI64::new(0),
        });
        slots.insert(key.clone(), slot.clone());
        slot
    }

    pub(super) fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Slot<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops a few idle slots, those that end soonest first; what is in flight stays.
fn evict<K: Eq + Hash, V>(slots: &mut HashMap<K, Arc<Slot<V>>>, most: usize) {
    let idle = |slot: &Arc<Slot<V>>| Arc::strong_count(slot) == 1;
    let mut ends: Vec<i64> = slots.values().filter(|slot| idle(slot)).map(|slot| slot.ends()).collect();
    if ends.is_empty() {
        return;
    }
    let mut surplus = (slots.len() + 1).saturating_sub(most).max(most / EVICTED_FRACTION).min(ends.len());
    let (_, latest, _) = ends.select_nth_unstable(surplus - 1);
    let latest = *latest;
    slots.retain(|_, slot| {
        let goes = surplus > 0 && idle(slot) && slot.ends() <= latest;
        surplus -= usize::from(goes);
        !goes
    });
}

impl<V: Expires> Slot<V> {
    pub(super) fn store(
        &self,
        flight: &mut Flight<V>,
        outcome: Result<V, Problem>,
    ) -> Result<Arc<V>, Problem> {
        match outcome {
            Ok(value) => {
                self.ends.store(lifetime(&value).1.unix(), Ordering::Relaxed);
                let value = Arc::new(value);
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

    /// Whether a refresh may begin: no other is under way.
    pub(super) fn begin_refresh(&self) -> bool {
        !self.refreshing.swap(true, Ordering::Relaxed)
    }

    pub(super) async fn end_refresh(&self, outcome: Result<V, Problem>) {
        let mut flight = self.flight.lock().await;
        match outcome {
            Ok(value) => {
                let _ = self.store(&mut flight, Ok(value));
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
        self.refreshing.store(false, Ordering::Relaxed);
    }
}

impl<V> Slot<V> {
    fn ends(&self) -> i64 {
        self.ends.load(Ordering::Relaxed)
    }
}

impl<V> Flight<V> {
    /// Whether the pause after a failed refresh is over.
    pub(super) fn pause_is_over(&self) -> bool {
        self.pause.is_none_or(|(until, _)| Instant::now() >= until)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use upload_grant::wire::time::Timestamp;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Until(i64);

    impl Expires for Until {
        fn lifetime(&self) -> (Timestamp, Timestamp) {
            (Timestamp::from_unix(0), Timestamp::from_unix(self.0))
        }
    }

    fn filled(ends: impl Iterator<Item = i64>, most: usize) -> Slots<i64, Until> {
        let slots = Slots::default();
        for end in ends {
            let slot = slots.of(&end, most);
            let mut flight = slot.flight.try_lock().unwrap();
            slot.store(&mut flight, Ok(Until(end))).unwrap();
        }
        slots
    }

    #[test]
    fn a_newcomer_costs_a_few_of_those_that_end_soonest() {
        let slots = filled(1..=640, 640);
        slots.of(&641, 640);
        let kept = slots.lock();
        assert_eq!(kept.len(), 631);
        assert!((1..=10).all(|end| !kept.contains_key(&end)));
        assert!((11..=641).all(|end| kept.contains_key(&end)));
    }

    #[test]
    fn an_end_in_the_year_9999_is_a_days() {
        let slots = filled([253_402_300_799].into_iter(), 3);
        assert_eq!(slots.of(&253_402_300_799, 3).ends(), 24 * 60 * 60);
    }

    #[test]
    fn what_is_in_flight_stays_and_a_small_map_still_turns_over() {
        let slots = filled(1..=3, 3);
        let held = slots.of(&1, 3);
        slots.of(&4, 3);
        let kept = slots.lock();
        assert!(kept.contains_key(&1) && !kept.contains_key(&2) && kept.contains_key(&4));
        drop(held);
    }
}
