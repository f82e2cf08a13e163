//! How often a caller may ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Callers kept before those whose buckets are full are dropped.
const ROOM: usize = 1024;

/// A token bucket per caller, in this process's memory: a minute's worth at once, then as it refills.
#[derive(Default)]
pub struct Rates {
    buckets: Mutex<Buckets>,
}

#[derive(Default)]
struct Buckets {
    by_caller: HashMap<String, Bucket>,
    room: usize,
}

struct Bucket {
    /// What is left, at `since`.
    left: f64,
    since: Instant,
    per_minute: u32,
}

impl Bucket {
    fn left_at(&self, now: Instant) -> f64 {
        let refilled =
            now.saturating_duration_since(self.since).as_secs_f64() * f64::from(self.per_minute) / 60.0;
        (self.left + refilled).min(f64::from(self.per_minute))
    }
}

impl Rates {
    /// Takes one of the caller's `per_minute` requests.
    ///
    /// # Errors
    /// The seconds until there is one to take.
    pub fn take(&self, caller: &str, per_minute: u32, now: Instant) -> Result<(), f64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Buckets { by_caller, room } = &mut *buckets;
        if by_caller.len() >= (*room).max(ROOM) && !by_caller.contains_key(caller) {
            // A full bucket is as good as none.
            by_caller.retain(|_, bucket| bucket.left_at(now) < f64::from(bucket.per_minute));
            *room = 2 * by_caller.len();
        }
        let full = Bucket { left: f64::from(per_minute), since: now, per_minute };
        let bucket = by_caller.entry(caller.to_owned()).or_insert(full);
        *bucket = Bucket { left: bucket.left_at(now).min(f64::from(per_minute)), since: now, per_minute };
        if bucket.left < 1.0 {
            return Err((1.0 - bucket.left) * 60.0 / f64::from(per_minute.max(1)));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_minutes_worth_then_as_it_refills() {
        let (rates, start) = (Rates::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!([0, 0, 0].map(|second| rates.take("a", 2, at(second))), [Ok(()), Ok(()), Err(30.0)]);
        assert_eq!(rates.take("b", 2, at(0)), Ok(()), "each caller has its own");
        assert_eq!(rates.take("a", 2, at(15)), Err(15.0), "being refused costs nothing");
        assert_eq!(rates.take("a", 2, at(30)), Ok(()));
        assert_eq!(rates.take("a", 2, at(30)), Err(30.0));
        let idle = [3600; 3].map(|second| rates.take("a", 2, at(second)).is_ok());
        assert_eq!(idle, [true, true, false], "no more than a minute's worth is saved up");
    }

    #[test]
    fn callers_at_rest_are_forgotten_and_busy_ones_are_not() {
        let (rates, start) = (Rates::default(), Instant::now());
        for index in 0..ROOM {
            assert_eq!(rates.take(&index.to_string(), 1, start), Ok(()));
        }
        let later = start + Duration::from_secs(60);
        assert_eq!(rates.take("0", 1, later), Ok(()));
        assert_eq!(rates.take("new", 1, later), Ok(()));
        assert_eq!(rates.buckets.lock().unwrap().by_caller.len(), 2);
        assert_eq!(rates.take("0", 1, later), Err(60.0));
    }
}
