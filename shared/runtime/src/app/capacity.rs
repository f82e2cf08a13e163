//! How many requests are at work at once, and what of that strangers may take.

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use upload_grant::model::problem::{Code, Problem};

use crate::platform::Shares;

/// Of so many places, strangers' documents get one.
const STRANGERS_SHARE: usize = 16;

/// `GRANT_MAX_IN_FLIGHT`. A place is for work whose sender is known; whoever must still send a document to be
/// known waits outside, where there is room for a few. Bodies that are still to come from one caller have half of the
/// places: by sending slowly it keeps nobody else out.
pub(crate) struct Capacity {
    places: Semaphore,
    strangers: Semaphore,
    shares: Shares,
}

impl Capacity {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: Semaphore::new(most),
            strangers: Semaphore::new(most.div_ceil(STRANGERS_SHARE)),
            shares: Shares::of(most),
        }
    }

    /// A place for identified work, until it is dropped.
    ///
    /// # Errors
    /// `rate_limited` at once if there is none.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.places.try_acquire().map_err(|_| full())
    }

    /// Room in a caller's share for a body that is still to come; `caller` is as [`Caller::share`] has it.
    ///
    /// [`Caller::share`]: crate::auth::Caller::share
    ///
    /// # Errors
    /// As [`Capacity::place`].
    pub(crate) fn body(&self, caller: Option<&str>) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let room = |caller| self.shares.share(caller).try_acquire_owned().map_err(|_| full());
        caller.map(room).transpose()
    }

    /// Room for a stranger's document.
    ///
    /// # Errors
    /// As [`Capacity::place`].
    pub(crate) fn stranger(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.strangers.try_acquire().map_err(|_| full())
    }
}

fn full() -> Problem {
    Problem::new(Code::RateLimited, "the function is at capacity")
}
