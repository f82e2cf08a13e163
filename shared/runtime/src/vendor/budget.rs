//! Our own rate limit on vendor calls: a burst is smoothed as long as the caller can wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::state::{Reservation, Shared};
use upload_grant::model::problem::{Code, Problem};

/// A limit of calls in any window of time, as vendors count them.
pub struct Budget {
    calls: usize,
    window: Duration,
    /// The same number, to divide by.
    pace: u32,
    /// When the last `calls` calls go out, oldest first.
    places: Mutex<VecDeque<Instant>>,
    /// The store in which all instances reserve together, and the name there.
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
        Self { calls, window, pace, places: Mutex::new(VecDeque::with_capacity(calls)), shared }
    }

    /// Waits until the call may go out.
    ///
    /// # Errors
    /// `rate_limited` at once, with the time until the next place, if there is none before `deadline`.
    pub async fn wait(&self, deadline: Instant) -> Result<(), Problem> {
        if self.calls == 0 {
            return Ok(());
        }
        let place = match self.reserve_shared(deadline).await {
            Some(Reservation::After(wait)) => self.remember(Instant::now() + wait),
            Some(Reservation::TooLate(excess)) => return Err(refusal(excess)),
            None => self.reserve(Instant::now(), deadline)?,
        };
        tokio::time::sleep_until(place).await;
        Ok(())
    }

    /// A place among all instances' calls; none where nothing is shared, or the store fails.
    async fn reserve_shared(&self, deadline: Instant) -> Option<Reservation> {
        let (store, name) = self.shared.as_ref()?;
        store.reserve(name, self.calls, self.window, deadline).await
    }

    /// Records a shared place here too, for when the store fails and this process goes on by itself.
    fn remember(&self, place: Instant) -> Instant {
        let mut places = self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if places.len() >= self.calls {
            places.pop_front();
        }
        let last = places.back().map_or(place, |last| place.max(*last));
        places.push_back(last);
        place
    }

    fn reserve(&self, now: Instant, deadline: Instant) -> Result<Instant, Problem> {
        let mut places = self.places.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let full = places.len() >= self.calls;
        let mut place =
            places.front().filter(|_| full).map_or(now, |oldest| (*oldest + self.window).max(now));
        if place > now {
            // Calls that must wait are spaced evenly: a burst that travels late would run into the next one.
            place = places.back().map_or(place, |last| place.max(*last + self.window / self.pace));
        }
        if place > deadline {
            return Err(refusal(place.duration_since(deadline)));
        }
        if full {
            places.pop_front();
        }
        places.push_back(place);
        Ok(place)
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
        let places: Vec<u128> =
            (0..4).map(|_| budget.reserve(now, deadline).unwrap().duration_since(now).as_millis()).collect();
        assert_eq!(places, [0, 0, 1050, 1575]);
        let refused = budget.reserve(now, deadline).unwrap_err();
        assert_eq!((refused.code, refused.retryable, refused.retry_after), (Code::RateLimited, true, 0.1));
        let later = now + Duration::from_secs(10);
        assert_eq!(budget.reserve(later, later), Ok(later));
    }
}
