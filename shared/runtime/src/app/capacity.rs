//! How many requests are at work at once, and what of that strangers may take.

use tokio::sync::{Semaphore, SemaphorePermit};
use upload_grant::model::problem::{Code, Problem};

/// Of so many places, strangers' documents get one.
const STRANGERS_SHARE: usize = 16;

/// `GRANT_MAX_IN_FLIGHT`. A place is for work whose sender is known; whoever must still send a document to be
/// known waits outside, where there is room for a few.
pub(crate) struct Capacity {
    places: Semaphore,
    strangers: Semaphore,
}

impl Capacity {
    pub(super) fn new(most: usize) -> Self {
        Self { places: Semaphore::new(most), strangers: Semaphore::new(most.div_ceil(STRANGERS_SHARE)) }
    }

    /// A place for identified work, until it is dropped.
    ///
    /// # Errors
    /// `rate_limited` at once if there is none.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.places.try_acquire().map_err(|_| full())
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
