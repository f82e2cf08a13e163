//! How many requests are at work at once, and what of that strangers may take.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot};
use upload_grant::model::problem::{Code, Problem};

use crate::platform::Shares;

/// Of so many places, strangers' documents get one.
const STRANGERS_SHARE: usize = 16;

/// `GRANT_MAX_IN_FLIGHT`. A place is for work whose sender is known; whoever must still send a document to be
/// known waits outside, where there is room for a few: for one more, the one that has taken longest gives way. Bodies
/// that are still to come from one caller have half of the places: by sending slowly it keeps nobody else out.
pub(crate) struct Capacity {
    places: Semaphore,
    /// How many strangers there may be, and those there are, by age.
    strangers: (usize, Mutex<VecDeque<oneshot::Sender<()>>>),
    shares: Shares,
}

impl Capacity {
    pub(super) fn new(most: usize) -> Self {
        Self {
            places: Semaphore::new(most),
            strangers: (most.div_ceil(STRANGERS_SHARE), Mutex::default()),
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

    /// What a stranger's document brings; whoever sends at once is never the oldest.
    ///
    /// # Errors
    /// Those of `document`; `rate_limited` if it gives way to a later one.
    pub(crate) async fn stranger<T>(
        &self,
        document: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let gives_way = self.newest_stranger();
        tokio::select! {
            biased;
            document = document => document,
            _ = gives_way => Err(full()),
        }
    }

    fn newest_stranger(&self) -> oneshot::Receiver<()> {
        let (most, strangers) = &self.strangers;
        let (newest, gives_way) = oneshot::channel();
        let mut strangers = strangers.lock().unwrap_or_else(PoisonError::into_inner);
        strangers.retain(|one| !one.is_closed());
        if strangers.len() >= *most
            && let Some(oldest) = strangers.pop_front()
        {
            let _ = oldest.send(());
        }
        strangers.push_back(newest);
        gives_way
    }
}

fn full() -> Problem {
    Problem::new(Code::RateLimited, "the function is at capacity")
}
