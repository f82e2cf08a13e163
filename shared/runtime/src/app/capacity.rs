//! How many requests are processed at once, and how many of them may be from callers not yet identified.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};
use upload_grant::model::problem::{Code, Problem};

use crate::platform::Shares;

/// Bodies read before the caller is known share one slot in so many; a new one evicts the oldest.
const UNIDENTIFIED_SHARE: usize = 16;

/// `GRANT_MAX_IN_FLIGHT`. A slot is for work of a known caller. A request whose body must be read before its caller is
/// known takes one of a few slots of their own, where a new one evicts the oldest. Bodies that are still arriving from
/// one caller have half of the slots: by sending slowly it keeps no other caller out.
pub(crate) struct Capacity {
    slots: Semaphore,
    /// How many unidentified bodies there may be, and those there are, oldest first.
    unidentified: (usize, Mutex<VecDeque<oneshot::Sender<()>>>),
    shares: Shares,
}

impl Capacity {
    pub(super) fn new(most: usize) -> Self {
        Self {
            slots: Semaphore::new(most),
            unidentified: (most.div_ceil(UNIDENTIFIED_SHARE), Mutex::default()),
            shares: Shares::of(most),
        }
    }

    /// A slot for work of a known caller, until it is dropped.
    ///
    /// # Errors
    /// `rate_limited` at once if there is none.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.slots.try_acquire().map_err(|_| full())
    }

    /// Room in a caller's share for a body that is still arriving; `caller` is as [`Caller::share`] has it.
    ///
    /// [`Caller::share`]: crate::auth::Caller::share
    ///
    /// # Errors
    /// As [`Capacity::place`].
    pub(crate) fn body(&self, caller: Option<&str>) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let room = |caller| self.shares.share(caller).try_acquire_owned().map_err(|_| full());
        caller.map(room).transpose()
    }

    /// Awaits a body that must be read before its caller is known; one that is there already is never evicted.
    ///
    /// # Errors
    /// Those of `document`; `rate_limited` if a later one evicts it.
    pub(crate) async fn unidentified<T>(
        &self,
        document: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let evicted = self.newest_unidentified();
        tokio::select! {
            biased;
            document = document => document,
            _ = evicted => Err(full()),
        }
    }

    fn newest_unidentified(&self) -> oneshot::Receiver<()> {
        let (most, unidentified) = &self.unidentified;
        let (newest, evicted) = oneshot::channel();
        let mut unidentified = unidentified.lock().unwrap_or_else(PoisonError::into_inner);
        unidentified.retain(|one| !one.is_closed());
        if unidentified.len() >= *most
            && let Some(oldest) = unidentified.pop_front()
        {
            let _ = oldest.send(());
        }
        unidentified.push_back(newest);
        evicted
    }
}

fn full() -> Problem {
    Problem::new(Code::RateLimited, "the function is at capacity")
}
