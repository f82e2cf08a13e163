//! A place in a window of calls: the same rule as `vendor::budget`, in milliseconds since 1970.

use std::time::Duration;

/// No place of ours is further ahead than whoever took it would wait.
const LONGEST_WAIT: u64 = 3_600_000;

/// The places that count: none, where they cannot be ours.
pub(super) fn ours(places: Option<Vec<u64>>, now: u64) -> Vec<u64> {
    let ours =
        |places: &Vec<u64>| places.is_sorted() && places.last().is_none_or(|last| *last < now + LONGEST_WAIT);
    places.filter(ours).unwrap_or_default()
}

/// One more place among `calls` in `window`: how long to wait for it, at most `most`, and the places then. As an
/// error how much longer than `most` it would be.
pub(super) fn reserve(
    mut places: Vec<u64>,
    now: u64,
    calls: usize,
    window: Duration,
    most: Duration,
) -> Result<(Duration, Vec<u64>), Duration> {
    let window = millis(window);
    let full = places.len() >= calls;
    let mut place = places.first().filter(|_| full).map_or(now, |first| now.max(first + window));
    if place > now {
        let step = window.div_ceil(u64::try_from(calls).unwrap_or(u64::MAX).max(1));
        place = places.last().map_or(place, |last| place.max(last + step));
    }
    let wait = place - now;
    if wait > millis(most) {
        return Err(Duration::from_millis(wait - millis(most)));
    }
    places.push(place);
    let surplus = places.len().saturating_sub(calls);
    places.drain(..surplus);
    Ok((Duration::from_millis(wait), places))
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
            let (wait, after) = reserve(places, 1000, 2, window, most).unwrap();
            waits.push(wait.as_millis());
            places = after;
        }
        assert_eq!(waits, [0, 0, 1050, 1575]);
        assert_eq!(reserve(places.clone(), 1000, 2, window, most), Err(Duration::from_millis(100)));
        assert_eq!(reserve(places, 11_000, 2, window, most).unwrap().0, Duration::ZERO);
    }

    #[test]
    fn what_is_not_ours_does_not_count() {
        assert_eq!(ours(Some(vec![1, 2]), 3), [1, 2]);
        for garbage in [None, Some(vec![2, 1]), Some(vec![1, 4_102_444_800_000])] {
            assert!(ours(garbage, 3).is_empty());
        }
    }
}
