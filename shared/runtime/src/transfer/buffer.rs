//! Semaphores over the memory for what cannot be streamed: one for all uploads, one for all deliveries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};

use crate::platform::Shares;

/// Bytes per permit of a semaphore.
const UNIT: u64 = 1024;
/// Memory for bytes that are still arriving is released after this time and a second per [`PACE`] bytes, if others
/// wait for it. Those wait longer than that.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes per second.
const PACE: u64 = 8 << 20;
/// How often a slow holder checks whether others wait.
const POLL: Duration = Duration::from_millis(250);

/// A number of bytes that all requests of the process share.
pub struct Buffers {
    units: u32,
    free: Arc<Semaphore>,
    /// Per-caller limit, acquired before the global one.
    shares: Shares,
    /// How many wait for the global one.
    waiting: AtomicUsize,
}

/// Memory that one upload or delivery may use, until it is dropped.
pub struct Held<'a> {
    buffers: &'a Buffers,
    /// From then on the holder gives way.
    late: Instant,
    units: OwnedSemaphorePermit,
    share: Option<OwnedSemaphorePermit>,
}

impl Buffers {
    /// `bytes` in all.
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 4).max(1);
        let shares = Shares::of(units as usize);
        Self { units, free: Arc::new(Semaphore::new(units as usize)), shares, waiting: AtomicUsize::new(0) }
    }

    /// Waits for `bytes`, as long as half of the time until `deadline` is left for the work itself. A `caller` holds
    /// half of all at most, or one upload that is larger.
    ///
    /// # Errors
    /// `too_large` if there is never so much; `rate_limited` if others hold it for too long.
    pub async fn hold(
        &self,
        bytes: u64,
        caller: Option<&str>,
        deadline: Instant,
    ) -> Result<Held<'_>, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        if units > self.units {
            let detail = "the file does not fit into GRANT_BUFFER_BYTES, and this vendor takes no stream";
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let now = Instant::now();
        let patience = now + deadline.saturating_duration_since(now) / 2;
        let taken = tokio::time::timeout_at(patience, async {
            let share = match caller.map(|caller| self.shares.share(caller)) {
                Some(share) => {
                    let most = u32::try_from(self.shares.half()).unwrap_or(u32::MAX);
                    Some(share.acquire_many_owned(units.min(most)).await.ok()?)
                }
                None => None,
            };
            let _waiting = Waiting::at(&self.waiting);
            Some((self.free.clone().acquire_many_owned(units).await.ok()?, share))
        });
        let Ok(Some((taken, share))) = taken.await else { return Err(busy()) };
        let late = Instant::now() + GRACE + Duration::from_millis(bytes.saturating_mul(1000) / PACE);
        Ok(Held { buffers: self, late, units: taken, share })
    }

    /// As [`Buffers::hold`], but more than there is in all takes all.
    ///
    /// # Errors
    /// `rate_limited` if others hold it for too long.
    pub async fn hold_up_to(
        &self,
        bytes: u64,
        caller: Option<&str>,
        deadline: Instant,
    ) -> Result<Held<'_>, Problem> {
        self.hold(bytes.min(u64::from(self.units) * UNIT), caller, deadline).await
    }
}

impl Held<'_> {
    /// Releases all but `bytes`.
    pub fn keep(&mut self, bytes: u64) {
        let units = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX);
        for held in [Some(&mut self.units), self.share.as_mut()].into_iter().flatten() {
            drop(held.split(held.num_permits().saturating_sub(units)));
        }
    }

    /// Awaits `arriving`, unless it is slow and others wait for the memory.
    ///
    /// # Errors
    /// Those of `arriving`; `rate_limited` if it gives way.
    pub async fn fill<T>(&self, arriving: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        let gives_way = async {
            tokio::time::sleep_until(self.late).await;
            while self.buffers.waiting.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::select! {
            biased;
            arrived = arriving => arrived,
            () = gives_way => Err(busy()),
        }
    }
}

/// Counts as waiting until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn at(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> Problem {
    Problem::new(Code::RateLimited, "others wait for the memory, or hold it").retry_in(2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_is_free_again_and_more_than_all_is_refused_at_once() {
        let buffers = Buffers::new(4096);
        let soon = || Instant::now() + Duration::from_millis(20);
        let held = buffers.hold(3000, None, soon()).await.ok().unwrap();
        let code = |outcome: Result<Held<'_>, Problem>| outcome.err().map(|problem| problem.code);
        assert_eq!(code(buffers.hold(2000, None, soon()).await), Some(Code::RateLimited));
        assert_eq!(code(buffers.hold(1024, None, soon()).await), None);
        drop(held);
        assert_eq!(code(buffers.hold(4096, None, soon()).await), None);
        assert_eq!(code(buffers.hold(4097, None, soon()).await), Some(Code::TooLarge));
    }

    #[tokio::test]
    async fn a_caller_has_half_or_one_that_is_larger() {
        let buffers = Buffers::new(4096);
        let soon = || Instant::now() + Duration::from_millis(20);
        let code = |outcome: Result<Held<'_>, Problem>| outcome.err().map(|problem| problem.code);
        let held = buffers.hold(3000, Some("a"), soon()).await.ok().unwrap();
        assert_eq!(code(buffers.hold(1, Some("a"), soon()).await), Some(Code::RateLimited));
        assert_eq!(code(buffers.hold(1024, Some("b"), soon()).await), None);
        drop(held);
        let mut held = buffers.hold(4096, Some("a"), soon()).await.ok().unwrap();
        assert_eq!(code(buffers.hold(1, Some("a"), soon()).await), Some(Code::RateLimited));
        held.keep(1000);
        assert_eq!(code(buffers.hold(3072, Some("b"), soon()).await), None);
        assert_eq!(code(buffers.hold(1024, Some("a"), soon()).await), None);
    }
}
