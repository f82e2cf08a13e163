//! A store that all instances share, and what becomes of a request while it fails.
//!
//! Records decide what may begin: their commands are required, always sent, and their failure is an error. Sealed
//! credentials, locks and the budget only save work: their commands are best effort, skipped while the breaker is
//! open, and the request goes on without.

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

/// How long a request waits for a command, retries included.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// Best-effort commands in flight at the same time. With few of them the next is answered soon.
const BEST_EFFORT_AT_ONCE: usize = 8;
/// Backoff of a required command while the store is busy.
const BUSY_PAUSE: Duration = Duration::from_millis(150);

/// Redis or DynamoDB, behind a breaker.
pub struct Shared {
    backend: Backend,
    breaker: Breaker,
    pulse: Arc<Pulse>,
    /// For the best-effort commands: a burst of them should queue here, not in the store.
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

/// Dispatches a command to the backend. Boxed: its future is large, and most requests need no store.
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
        Self { backend, breaker: Breaker::new(name), pulse, turns: Semaphore::new(BEST_EFFORT_AT_ONCE) }
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

    /// Claims `name` for `owner`, or answers the record that prevents it.
    pub(super) async fn claim(
        &self,
        name: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<Option<Record>, Fault> {
        self.required(Access::Write, || on!(self, claim(name, owner, lease))).await
    }

    pub(super) async fn renew(&self, name: &str, owner: &str, lease: Duration) -> Result<bool, Fault> {
        self.required(Access::Write, || on!(self, renew(name, owner, lease))).await
    }

    pub(super) async fn release(&self, name: &str, owner: &str) -> Result<(), Fault> {
        self.required(Access::Write, || on!(self, release(name, owner))).await
    }

    pub(super) async fn put(
        &self,
        name: &str,
        owner: &str,
        outcome: &Outcome,
        keep: Duration,
    ) -> Result<(), Fault> {
        self.required(Access::Write, || on!(self, put(name, owner, outcome, keep))).await
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Record>, Fault> {
        self.required(Access::Read, || on!(self, get(name))).await
    }

    /// Whether `owner` holds the lock `name` now; none if the store cannot tell.
    pub(crate) async fn lock(&self, name: &str, owner: &str, lease: Duration) -> Option<bool> {
        match self.best_effort(Access::Write, on!(self, claim(name, owner, lease))).await {
            Some(claimed) => Some(claimed.is_none()),
            // It is busy, not down: the next poll tells. A claim that got through finds itself then.
            None if self.breaker.fault().is_none() => Some(false),
            None => None,
        }
    }

    /// Stores a text and releases the lock, in the background, after the response. Other instances wait for both, so
    /// they are retried as required commands are.
    pub(crate) async fn share(&self, text: Option<(&str, &str, Duration)>, lock: Option<(&str, &str)>) {
        if !self.breaker.admits(Access::Write, Instant::now()) {
            return;
        }
        if let Some((name, text, keep)) = text {
            let outcome = Outcome::from(serde_json::Value::from(text));
            // Without it the others fetch for themselves.
            let _ = self.required(Access::Write, || on!(self, put(name, "", &outcome, keep))).await;
        }
        if let Some((name, owner)) = lock {
            // A lock that stays expires.
            let _ = self.required(Access::Write, || on!(self, release(name, owner))).await;
        }
    }

    /// The text under `name`, if there is one and the store answers.
    pub(crate) async fn text(&self, name: &str) -> Option<String> {
        let record = self.best_effort(Access::Read, on!(self, get(name))).await??;
        record.outcome?.data.as_str().map(str::to_owned)
    }

    pub(crate) async fn put_text(&self, name: &str, text: &str, keep: Duration) {
        let outcome = Outcome::from(serde_json::Value::from(text));
        self.best_effort(Access::Write, on!(self, put(name, "", &outcome, keep))).await;
    }

    pub(crate) async fn remove(&self, name: &str) {
        self.best_effort(Access::Write, on!(self, remove(name))).await;
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
            Backend::DynamoDb(table) => Some(table.reservation_turn().await),
        };
        let most = deadline.saturating_duration_since(Instant::now());
        self.best_effort(Access::Write, on!(self, reserve(name, calls, window, most))).await?
    }

    /// Retries while the store is busy or does not answer.
    async fn required<'a, T>(
        &self,
        access: Access,
        command: impl Fn() -> BoxFuture<'a, Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let end = Instant::now() + COMMAND_TIMEOUT;
        let mut said = None;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let late = || Err(Fault::given_up(GivenUp::Silent));
            let mut result = clock::timeout(left, command()).await.unwrap_or_else(late);
            let again = Instant::now() + BUSY_PAUSE;
            if let Err(fault) = &result
                && (fault.class == Class::Busy || fault.is_late())
            {
                // An attempt that was cut short at the end says less than the one before it.
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

    /// Skipped while the breaker is open; gives up when the store stops answering.
    async fn best_effort<T>(&self, access: Access, command: BoxFuture<'_, Result<T, Fault>>) -> Option<T> {
        // Waiting for a permit is not the store's fault, and ends as soon as the store is found to fail.
        let _turn = clock::timeout(COMMAND_TIMEOUT, self.turns.acquire()).await?.ok()?;
        if !self.breaker.admits(access, Instant::now()) {
            return None;
        }
        let result = self.pulse.wait(COMMAND_TIMEOUT, command).await;
        let result = result.unwrap_or_else(|given_up| Err(Fault::given_up(given_up)));
        self.breaker.learn(access, &result, Instant::now());
        result.ok()
    }
}
