//! Keeps a failing store from slowing down what can do without it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::pulse::GivenUp;

/// While the store fails, one command in so long is let through to see whether it still does.
const PAUSE: Duration = Duration::from_secs(1);

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
    /// It cannot be used at all: no connection, no access, no table.
    Absent,
    /// It answered nobody for as long as the command waited.
    Silent,
    /// It answered others, but not this command in time.
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

/// What is known of a store's health.
pub(super) struct Breaker {
    store: &'static str,
    state: Mutex<State>,
}

struct State {
    reads: Option<Fault>,
    writes: Option<Fault>,
    /// When the next command is let through.
    next: Instant,
}

impl Breaker {
    pub(super) fn new(store: &'static str) -> Self {
        Self { store, state: Mutex::new(State { reads: None, writes: None, next: Instant::now() }) }
    }

    /// Whether a command that can be done without should be tried.
    pub(super) fn admits(&self, access: Access, now: Instant) -> bool {
        let mut state = self.lock();
        if state.of(access).is_none() {
            return true;
        }
        let due = now >= state.next;
        if due {
            state.next = now + PAUSE;
        }
        due
    }

    /// Takes in how a command ended. A line is logged when the first one fails, and when all is well again.
    pub(super) fn learn<T>(&self, access: Access, result: &Result<T, Fault>, now: Instant) {
        // Too slow while others were answered: that says nothing of the store's health.
        if result.as_ref().is_err_and(|fault| fault.class == Class::Slow) {
            return;
        }
        let mut state = self.lock();
        let was_well = state.fault().is_none();
        match result {
            Ok(_) => {
                *state.of(access) = None;
                // An answer to one is news of the other too, unless that was refused by itself.
                state.reads.take_if(|fault| !fault.is_refusal());
                state.writes.take_if(|fault| !fault.is_refusal());
            }
            Err(fault) if fault.is_refusal() => *state.of(access) = Some(fault.clone()),
            Err(fault) => {
                (state.reads, state.writes) = (Some(fault.clone()), Some(fault.clone()));
            }
        }
        if result.is_err() {
            state.next = now + PAUSE;
        }
        match (was_well, state.fault()) {
            (true, Some(fault)) => {
                tracing::error!(store = self.store, kind = fault.kind, "the store cannot be used");
            }
            (false, None) => tracing::info!(store = self.store, "the store can be used again"),
            _ => {}
        }
    }

    /// What is wrong at the moment.
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
    fn an_absent_store_is_tried_once_a_second_and_one_answer_is_enough() {
        let (breaker, now) = (Breaker::new("redis"), Instant::now());
        assert!(breaker.admits(Read, now) && breaker.admits(Write, now));
        breaker.learn(Read, &absent(), now);
        assert_eq!(breaker.fault().as_deref(), Some("Timeout"));
        assert!(!breaker.admits(Read, now) && !breaker.admits(Write, now));
        let later = now + PAUSE;
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
