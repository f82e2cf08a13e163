//! Our own rate limit on vendor calls: a burst is smoothed as long as the caller can wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::state::{Reservation, Shared};
use upload_grant::model::problem::{Code, Problem};

/// At most `calls` calls in any `window`, as vendors count them.
pub struct Budget {
    calls: usize,
    window: Duration,
    /// `calls`, as a divisor of durations.
    pace: u32,
    /// When the last `calls` calls go out, oldest first.
    slots: Mutex<VecDeque<Instant>>,
    /// Where all instances reserve together, and under which name.
    shared: Option<(Arc<Shared>, String)>,
}

impl Budget {
    /// `rps` calls per second, in all instances together where they share a store; none means no limit.
    pub(crate) fn new(rps: Option<f64>, shared: Option<(Arc<Shared>, String)>) -> Self {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded to 1..=10000")]
        let calls = rps.map_or(0, |rps| rps.floor().clamp(1.0, 10_000.0) as usize);
        // A twentieth longer than the vendor's, for calls that travel at different speeds.
        #[allow(clippy::cast_precision_loss, reason = "at most 10000")]
        let window = rps.map_or(Duration::ZERO, |rps| Duration::from_secs_f64(1.05 * calls as f64 / rps));
        let pace = u32::try_from(calls).unwrap_or(u32::MAX).max(1);
        Self { calls, window, pace, slots: Mutex::new(VecDeque::with_capacity(calls)), shared }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// `rate_limited` at once, with the time until the next slot, if there is none before `deadline`.
    pub async fn wait(&self, deadline: Instant) -> Result<(), Problem> {
        if self.calls == 0 {
            return Ok(());
        }
        let slot = match self.reserve_shared(deadline).await {
            Some(Reservation::After(wait)) => self.remember(Instant::now() + wait),
            Some(Reservation::TooLate(excess)) => return Err(refusal(excess)),
            None => self.reserve(Instant::now(), deadline)?,
        };
        tokio::time::sleep_until(slot).await;
        Ok(())
    }

    /// A slot among all instances' calls; none where nothing is shared, or the store fails.
    async fn reserve_shared(&self, deadline: Instant) -> Option<Reservation> {
        let (store, name) = self.shared.as_ref()?;
        store.reserve(name, self.calls, self.window, deadline).await
    }

    /// Records a slot of the shared budget, for when the store fails and this process goes on by itself.
    fn remember(&self, slot: Instant) -> Instant {
        let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if slots.len() >= self.calls {
            slots.pop_front();
        }
        let last = slots.back().map_or(slot, |last| slot.max(*last));
        slots.push_back(last);
        slot
    }

    fn reserve(&self, now: Instant, deadline: Instant) -> Result<Instant, Problem> {
        let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let full = slots.len() >= self.calls;
        let mut slot = slots.front().filter(|_| full).map_or(now, |oldest| (*oldest + self.window).max(now));
        if slot > now {
            // Calls that wait are spaced evenly: a burst that arrives late would run into the next one.
            slot = slots.back().map_or(slot, |last| slot.max(*last + self.window / self.pace));
        }
        if slot > deadline {
            return Err(refusal(slot.duration_since(deadline)));
        }
        if full {
            slots.pop_front();
        }
        slots.push_back(slot);
        Ok(slot)
    }
}

/// `excess`: by how much the first free place misses the deadline.
fn refusal(excess: Duration) -> Problem {
    Problem::new(Code::RateLimited, "more calls are waiting than the vendor's quota serves in time")
        .retry_in(excess.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_calls_wait_and_the_late_are_refused() {
        let budget = Budget::new(Some(2.0), None);
        let now = Instant::now();
        let deadline = now + Duration::from_secs(2);
        let slots: Vec<u128> =
            (0..4).map(|_| budget.reserve(now, deadline).unwrap().duration_since(now).as_millis()).collect();
        assert_eq!(slots, [0, 0, 1050, 1575]);
        let refused = budget.reserve(now, deadline).unwrap_err();
        assert_eq!((refused.code, refused.retryable, refused.retry_after), (Code::RateLimited, true, 0.1));
        let later = now + Duration::from_secs(10);
        assert_eq!(budget.reserve(later, later), Ok(later));
    }
}
