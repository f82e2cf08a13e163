//! What one caller may take of what all share, so that nobody can take it from the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

/// Half of something for each caller.
pub(crate) struct Shares {
    half: usize,
    of: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Shares {
    /// Of so many units.
    pub(crate) fn of(units: usize) -> Self {
        Self { half: units.div_ceil(2), of: Mutex::default() }
    }

    /// Units in one share.
    pub(crate) fn half(&self) -> usize {
        self.half
    }

    /// The share of `caller`, for as long as it is in use.
    pub(crate) fn share(&self, caller: &str) -> Arc<Semaphore> {
        let mut shares = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(caller).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.half));
        shares.insert(caller.to_owned(), Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_while_it_is_in_use_and_no_longer() {
        let shares = Shares::of(5);
        let held = shares.share("a").try_acquire_many_owned(2).unwrap();
        assert_eq!(shares.share("a").available_permits(), 1);
        assert_eq!(shares.share("b").available_permits(), 3);
        drop(held);
        assert_eq!(shares.share("c").available_permits(), 3);
        assert_eq!(shares.of.lock().unwrap().len(), 1);
    }
}
