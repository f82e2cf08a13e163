//! A store that all instances share, and what becomes of a request while it fails.
//!
//! Records decide what may begin, so their commands are always tried and their failure is told. Sealed credentials,
//! locks and the budget only save work: their commands are left out while the store fails, and whoever asked goes
//! on without.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::breaker::{Access, Breaker, Class, Fault};
use super::dynamodb::DynamoDb;
use super::pulse::{GivenUp, Pulse};
use super::redis::Redis;
use super::{Outcome, Record};
use crate::platform::{Env, clock};

/// How long a request waits for a command that it needs, with what is tried again.
const NEEDED: Duration = Duration::from_secs(2);
/// Commands under way at the same time that can be done without. With few of them the next is answered soon.
const TURNS: usize = 8;
/// Between two tries while the store is busy.
const BUSY_PAUSE: Duration = Duration::from_millis(150);

/// Redis or DynamoDB, behind a breaker.
pub struct Shared {
    backend: Backend,
    breaker: Breaker,
    pulse: Arc<Pulse>,
    /// For the commands that can be done without: a burst of them should not wait for itself in the store.
    turns: Semaphore,
}

/// A place in a window of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reservation {
    /// It is reserved: the call may go out after this wait.
    After(Duration),
    /// Nothing is reserved: the first free place is this much past the deadline.
    TooLate(Duration),
}

enum Backend {
    Redis(Redis),
    DynamoDb(DynamoDb),
}

/// Hands a command to whichever store it is. Boxed: its future is large, and most requests need no store.
macro_rules! on {
    ($shared:expr, $command:ident($($argument:expr),*)) => {
        match &$shared.backend {
            Backend::Redis(store) => store.$command($($argument),*).boxed(),
            Backend::DynamoDb(store) => store.$command($($argument),*).boxed(),
        }
    };
}

impl Shared {
    fn new(backend: Backend, name: &'static str, pulse: Arc<Pulse>) -> Self {
        Self { backend, breaker: Breaker::new(name), pulse, turns: Semaphore::new(TURNS) }
    }

    /// A Redis; none if the address is not usable.
    pub(super) fn redis(url: &str, extra_roots: Option<&str>) -> Option<Self> {
        let pulse = Arc::new(Pulse::new());
        let redis = Redis::new(url, extra_roots, pulse.clone())?;
        Some(Self::new(Backend::Redis(redis), "redis", pulse))
    }

    /// A table of DynamoDB; none with a fault in `env` if it has no usable name or place.
    pub(super) fn dynamodb(env: &mut Env, table: &str, extra_roots: Option<&str>) -> Option<Self> {
        let pulse = Arc::new(Pulse::new());
        let table = DynamoDb::from_env(env, table, extra_roots, pulse.clone())?;
        Some(Self::new(Backend::DynamoDb(table), "dynamodb", pulse))
    }

    /// The store's name, for people.
    pub(crate) fn name(&self) -> &'static str {
        match self.backend {
            Backend::Redis(_) => "Redis",
            Backend::DynamoDb(_) => "DynamoDB",
        }
    }

    /// The kind of the fault that keeps it from being used, if there is one.
    pub(crate) fn fault(&self) -> Option<String> {
        self.breaker.fault()
    }

    /// The record that stands in the way of `owner`'s claim on `name`; none, it is claimed.
    pub(super) async fn claim(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Record>, Fault> {
        self.needed(Access::Write, || on!(self, claim(name, owner, lease))).await
    }

    pub(super) async fn renew(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, Fault> {
        self.needed(Access::Write, || on!(self, renew(name, owner, lease))).await
    }

    pub(super) async fn release(&self, name: &str, owner: &str) -> Result<(), Fault> {
        self.needed(Access::Write, || on!(self, release(name, owner))).await
    }

    pub(super) async fn put(
        &self,
        name: &str,
        owner: &str,
        outcome: &Outcome,
        keep: Duration,
    ) -> Result<(), Fault> {
        self.needed(Access::Write, || on!(self, put(name, owner, outcome, keep))).await
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Record>, Fault> {
        self.needed(Access::Read, || on!(self, get(name))).await
    }

    /// Whether `owner` has the lock `name` now; none if that cannot be known.
    pub(crate) async fn lock(&self, name: &str, owner: &str, lease: Duration) -> Option<bool> {
        match self.spared(Access::Write, on!(self, claim(name, owner, lease))).await {
            Some(claimed) => Some(claimed.is_none()),
            // It is busy, not gone: asking again tells. A claim that came through meets itself then.
            None if self.breaker.fault().is_none() => Some(false),
            None => None,
        }
    }

    /// Puts a text there and gives the lock back, behind the answer's back: other instances wait for it, and it is
    /// tried again where it is slow.
    pub(crate) async fn share(&self, text: Option<(&str, &str, Duration)>, lock: Option<(&str, &str)>) {
        if !self.breaker.admits(Access::Write, Instant::now()) {
            return;
        }
        if let Some((name, text, keep)) = text {
            let outcome = Outcome::from(serde_json::Value::from(text));
            // Where it cannot be put, the others fetch for themselves.
            let _ = self.needed(Access::Write, || on!(self, put(name, "", &outcome, keep))).await;
        }
        if let Some((name, owner)) = lock {
            // A lock that stays ends by itself.
            let _ = self.needed(Access::Write, || on!(self, release(name, owner))).await;
        }
    }

    /// The text under `name`, if it is there and can be had.
    pub(crate) async fn text(&self, name: &str) -> Option<String> {
        let record = self.spared(Access::Read, on!(self, get(name))).await??;
        record.outcome?.data.as_str().map(str::to_owned)
    }

    pub(crate) async fn put_text(&self, name: &str, text: &str, keep: Duration) {
        let outcome = Outcome::from(serde_json::Value::from(text));
        self.spared(Access::Write, on!(self, put(name, "", &outcome, keep))).await;
    }

    pub(crate) async fn remove(&self, name: &str) {
        self.spared(Access::Write, on!(self, remove(name))).await;
    }

    /// Reserves a place among `calls` in `window`, at `deadline` at the latest. None if the store cannot tell.
    pub(crate) async fn reserve(
        &self,
        name: &str,
        calls: usize,
        window: Duration,
        deadline: Instant,
    ) -> Option<Reservation> {
        let _turn = match &self.backend {
            Backend::Redis(_) => None,
            Backend::DynamoDb(table) => Some(table.turn().await),
        };
        let most = deadline.saturating_duration_since(Instant::now());
        // Several instances may fight for a place in a table, round after round.
        self.spared(Access::Write, on!(self, reserve(name, calls, window, most))).await?
    }

    /// Tries again while the store says that it is busy, or nothing.
    async fn needed<'a, T>(
        &self,
        access: Access,
        command: impl Fn() -> BoxFuture<'a, Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let end = Instant::now() + NEEDED;
        let mut said = None;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let late = || Err(Fault::given_up(GivenUp::Silent));
            let mut result = clock::timeout(left, command()).await.unwrap_or_else(late);
            let again = Instant::now() + BUSY_PAUSE;
            if let Err(fault) = &result
                && (fault.class == Class::Busy || fault.is_late())
            {
                // A try that was cut short at the end says less than the one before it.
                let fault = said.filter(|_| fault.is_late()).unwrap_or_else(|| fault.clone());
                if again < end {
                    said = Some(fault);
                    tokio::time::sleep_until(again).await;
                    continue;
                }
                result = Err(fault);
            }
            self.breaker.learn(access, &result, Instant::now());
            return result;
        }
    }

    /// Is not done while the store fails, nor waited for longer than it answers somebody.
    async fn spared<T>(&self, access: Access, command: BoxFuture<'_, Result<T, Fault>>) -> Option<T> {
        // Waiting for a turn is not the store's fault, and ends as soon as the store is found to fail.
        let _turn = clock::timeout(NEEDED, self.turns.acquire()).await?.ok()?;
        if !self.breaker.admits(access, Instant::now()) {
            return None;
        }
        let result = self.pulse.wait(NEEDED, command).await;
        let result = result.unwrap_or_else(|given_up| Err(Fault::given_up(given_up)));
        self.breaker.learn(access, &result, Instant::now());
        result.ok()
    }
}
