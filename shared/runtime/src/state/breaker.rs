//! A circuit breaker: while the store fails, commands that a request can do without are skipped.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::pulse::GivenUp;

/// While the breaker is open, one command per interval is let through as a probe.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// What a command does to the store: a full or read-only one still answers reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The store's own word for it (`READONLY`, `AccessDeniedException`), else the kind (`Timeout`, `Io`).
    pub(super) kind: String,
    /// What it says about the store.
    pub(super) class: Class,
}

/// What a failed command says about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It cannot be used at all: no connection, no login, no table.
    Absent,
    /// It answered no command for as long as this one waited.
    Silent,
    /// It answered others, but not this one in time.
    Slow,
    /// It refused this command, and may still take others.
    Refused,
    /// It answered that the same command may succeed in a moment.
    Busy,
}

impl Fault {
    pub(super) fn new(kind: impl Into<String>, class: Class) -> Self {
        Self { kind: kind.into(), class }
    }

    /// There was no answer in time.
    pub(super) fn given_up(why: GivenUp) -> Self {
        match why {
            GivenUp::Silent => Self::new("Timeout", Class::Silent),
            GivenUp::Slow => Self::new("Slow", Class::Slow),
        }
    }

    /// Whether there was no answer in time.
    pub(super) fn is_late(&self) -> bool {
        matches!(self.class, Class::Silent | Class::Slow)
    }

    /// Whether the store refused just this command.
    fn is_refusal(&self) -> bool {
        self.class == Class::Refused
    }
}

/// The breaker of one store: open for reads, for writes, or for both while there is a fault.
pub(super) struct Breaker {
    store: &'static str,
    state: Mutex<State>,
}

struct State {
    reads: Option<Fault>,
    writes: Option<Fault>,
    /// When the next probe is let through.
    next: Instant,
}

impl Breaker {
    pub(super) fn new(store: &'static str) -> Self {
        Self { store, state: Mutex::new(State { reads: None, writes: None, next: Instant::now() }) }
    }

    /// Whether a best-effort command should be sent.
    pub(super) fn admits(&self, access: Access, now: Instant) -> bool {
        let mut state = self.lock();
        if state.of(access).is_none() {
            return true;
        }
        let due = now >= state.next;
        if due {
            state.next = now + PROBE_INTERVAL;
        }
        due
    }

    /// Records a command's result. A line is logged when the breaker opens, and when it closes.
    pub(super) fn learn<T>(&self, access: Access, result: &Result<T, Fault>, now: Instant) {
        // The store answered others: a slow command says nothing of its health.
        if result.as_ref().is_err_and(|fault| fault.class == Class::Slow) {
            return;
        }
        let mut state = self.lock();
        let was_closed = state.fault().is_none();
        match result {
            Ok(_) => {
                *state.of(access) = None;
                // A success closes the other half too, unless the store refused just that.
                state.reads.take_if(|fault| !fault.is_refusal());
                state.writes.take_if(|fault| !fault.is_refusal());
            }
            Err(fault) if fault.is_refusal() => *state.of(access) = Some(fault.clone()),
            Err(fault) => {
                (state.reads, state.writes) = (Some(fault.clone()), Some(fault.clone()));
            }
        }
        if result.is_err() {
            state.next = now + PROBE_INTERVAL;
        }
        match (was_closed, state.fault()) {
            (true, Some(fault)) => {
                tracing::error!(store = self.store, kind = fault.kind, "the store cannot be used");
            }
            (false, None) => tracing::info!(store = self.store, "the store can be used again"),
            _ => {}
        }
    }

    /// The kind of the fault that keeps the breaker open.
    pub(super) fn fault(&self) -> Option<String> {
        self.lock().fault().map(|fault| fault.kind.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&mut self, access: Access) -> &mut Option<Fault> {
        match access {
            Access::Read => &mut self.reads,
            Access::Write => &mut self.writes,
        }
    }

    fn fault(&self) -> Option<&Fault> {
        self.writes.as_ref().or(self.reads.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::Access::{Read, Write};
    use super::*;

    const WELL: Result<(), Fault> = Ok(());

    fn refused() -> Result<(), Fault> {
        Err(Fault::new("OOM", Class::Refused))
    }

    fn absent() -> Result<(), Fault> {
        Err(Fault::given_up(GivenUp::Silent))
    }

    #[test]
    fn an_absent_store_is_probed_once_a_second_and_one_answer_is_enough() {
        let (breaker, now) = (Breaker::new("redis"), Instant::now());
        assert!(breaker.admits(Read, now) && breaker.admits(Write, now));
        breaker.learn(Read, &absent(), now);
        assert_eq!(breaker.fault().as_deref(), Some("Timeout"));
        assert!(!breaker.admits(Read, now) && !breaker.admits(Write, now));
        let later = now + PROBE_INTERVAL;
        assert!(breaker.admits(Read, later));
        assert!(!breaker.admits(Write, later), "one of both");
        breaker.learn(Read, &WELL, later);
        assert!(breaker.admits(Write, later) && breaker.fault().is_none());
    }

    #[test]
    fn a_busy_store_is_not_absent() {
        let (breaker, now) = (Breaker::new("redis"), Instant::now());
        let slow: Result<(), Fault> = Err(Fault::given_up(GivenUp::Slow));
        breaker.learn(Read, &slow, now);
        assert!(breaker.admits(Read, now) && breaker.fault().is_none());
        breaker.learn(Read, &absent(), now);
        breaker.learn(Read, &slow, now);
        assert_eq!(breaker.fault().as_deref(), Some("Timeout"));
    }

    #[test]
    fn a_full_store_is_still_read() {
        let (breaker, now) = (Breaker::new("redis"), Instant::now());
        breaker.learn(Write, &refused(), now);
        assert!(breaker.admits(Read, now) && !breaker.admits(Write, now));
        breaker.learn(Read, &WELL, now);
        assert_eq!(breaker.fault().as_deref(), Some("OOM"), "a read says nothing of writes");
        breaker.learn(Write, &absent(), now);
        assert!(!breaker.admits(Read, now));
        breaker.learn(Write, &WELL, now);
        assert!(breaker.admits(Read, now) && breaker.admits(Write, now));
    }
}
