//! A place in a window of calls: the same rule as `vendor::budget`, in milliseconds since 1970.

use std::time::Duration;

use crate::state::Reservation;

/// Nobody waits longer for a place, so none of ours is further ahead.
const LONGEST_WAIT: u64 = 3_600_000;

/// The reserved places; an empty list if what was read cannot be one of ours.
pub(super) fn ours(places: Option<Vec<u64>>, now: u64) -> Vec<u64> {
    let ours =
        |places: &Vec<u64>| places.is_sorted() && places.last().is_none_or(|last| *last < now + LONGEST_WAIT);
    places.filter(ours).unwrap_or_default()
}

/// Adds one more place among `calls` in `window` to `places`, if the wait for it is at most `most`.
pub(super) fn reserve(
    places: &mut Vec<u64>,
    now: u64,
    calls: usize,
    window: Duration,
    most: Duration,
) -> Reservation {
    let window = millis(window);
    let full = places.len() >= calls;
    let mut place = places.first().filter(|_| full).map_or(now, |first| now.max(first + window));
    if place > now {
        let step = window.div_ceil(u64::try_from(calls).unwrap_or(u64::MAX).max(1));
        place = places.last().map_or(place, |last| place.max(last + step));
    }
    let wait = place - now;
    if wait > millis(most) {
        return Reservation::TooLate(Duration::from_millis(wait - millis(most)));
    }
    places.push(place);
    let surplus = places.len().saturating_sub(calls);
    places.drain(..surplus);
    Reservation::After(Duration::from_millis(wait))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_calls_wait_and_the_late_are_refused() {
        let (window, most, mut places) = (Duration::from_millis(1050), Duration::from_secs(2), Vec::new());
        let mut waits = Vec::new();
        for _ in 0..4 {
            waits.push(reserve(&mut places, 1000, 2, window, most));
        }
        let after = |millis| Reservation::After(Duration::from_millis(millis));
        assert_eq!(waits, [0, 0, 1050, 1575].map(after));
        let too_late = Reservation::TooLate(Duration::from_millis(100));
        let full = places.clone();
        assert_eq!(reserve(&mut places, 1000, 2, window, most), too_late);
        assert_eq!(places, full);
        assert_eq!(reserve(&mut places, 11_000, 2, window, most), after(0));
    }

    #[test]
    fn what_is_not_ours_does_not_count() {
        assert_eq!(ours(Some(vec![1, 2]), 3), [1, 2]);
        for garbage in [None, Some(vec![2, 1]), Some(vec![1, 4_102_444_800_000])] {
            assert!(ours(garbage, 3).is_empty());
        }
    }
}
