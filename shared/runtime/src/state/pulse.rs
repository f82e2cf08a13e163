//! Tells a store that is slow because it is busy from one that is down.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::platform::clock;

/// The timeout of a connection, and of a command while the store answers no other either.
pub(super) const SILENCE: Duration = Duration::from_millis(500);
/// The timeout of one attempt while the store answers others. A required command is then tried once more.
pub(super) const SLOWEST: Duration = Duration::from_secs(1);

/// When the store last answered any command of this process.
pub(super) struct Pulse(Mutex<Instant>);

/// Why a command was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// The store answered no command for as long as this one waited.
    Silent,
    /// It answered others.
    Slow,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// The store answered something.
    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Awaits `work` for at most `limit`, and only as long as the store answers some command every [`SILENCE`].
    pub(super) async fn wait<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, GivenUp> {
        let started = Instant::now();
        let mut work = std::pin::pin!(work);
        loop {
            let patience = patience(limit, started, self.last(), Instant::now())?;
            if let Some(done) = clock::timeout(patience, work.as_mut()).await {
                return Ok(done);
            }
        }
    }
}

/// How much longer to wait for a command that `started` then, where the store last answered at `heard`.
fn patience(limit: Duration, started: Instant, heard: Instant, now: Instant) -> Result<Duration, GivenUp> {
    let (silent, slow) = (heard.max(started) + SILENCE, started + limit);
    if now >= silent {
        return Err(GivenUp::Silent);
    }
    if now >= slow {
        return Err(GivenUp::Slow);
    }
    Ok(silent.min(slow) - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_waits_half_a_second_for_a_sign_of_life_and_a_second_in_all() {
        let at = |millis| Duration::from_millis(millis);
        let started = Instant::now() + at(5_000);
        let patience = |heard, now| patience(SLOWEST, started, heard, started + at(now));
        // What was heard before it began is no sign.
        for before in [started - at(4_000), started - at(1), started] {
            assert_eq!(patience(before, 0), Ok(at(500)));
            assert_eq!(patience(before, 499), Ok(at(1)));
            assert_eq!(patience(before, 500), Err(GivenUp::Silent));
        }
        assert_eq!(patience(started + at(300), 500), Ok(at(300)));
        assert_eq!(patience(started + at(300), 800), Err(GivenUp::Silent));
        assert_eq!(patience(started + at(900), 950), Ok(at(50)));
        assert_eq!(patience(started + at(900), 1_000), Err(GivenUp::Slow));
    }
}
