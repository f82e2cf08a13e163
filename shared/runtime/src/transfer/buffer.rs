//! A bound on what uploads that cannot be streamed hold in memory together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};

/// Memory is counted in units of so many bytes.
const UNIT: u64 = 1024;

/// `GRANT_BUFFER_BYTES`, shared by all requests of the process.
pub struct Buffers {
    units: u32,
    free: Arc<Semaphore>,
}

/// Memory that one upload may use, until it is dropped.
pub struct Held {
    _units: OwnedSemaphorePermit,
}

impl Buffers {
    /// So many bytes in all.
    pub fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 4).max(1);
        Self { units, free: Arc::new(Semaphore::new(units as usize)) }
    }

    /// Waits for `bytes`, as long as half of the time until `deadline` is left for the upload itself.
    ///
    /// # Errors
    /// `too_large` if there is never so much; `rate_limited` if others hold it for too long.
    pub async fn hold(&self, bytes: u64, deadline: Instant) -> Result<Held, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        if units > self.units {
            let detail = "the file does not fit into GRANT_BUFFER_BYTES, and this vendor takes no stream";
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let now = Instant::now();
        let patience = now + deadline.saturating_duration_since(now) / 2;
        match tokio::time::timeout_at(patience, self.free.clone().acquire_many_owned(units)).await {
            Ok(Ok(units)) => Ok(Held { _units: units }),
            _ => Err(Problem::new(Code::RateLimited, "other uploads hold the memory for files")
                .retry_in(Duration::from_secs(2).as_secs_f64())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_is_free_again_and_more_than_all_is_refused_at_once() {
        let buffers = Buffers::new(4096);
        let soon = || Instant::now() + Duration::from_millis(20);
        let held = buffers.hold(3000, soon()).await.ok().unwrap();
        let code = |outcome: Result<Held, Problem>| outcome.err().map(|problem| problem.code);
        assert_eq!(code(buffers.hold(2000, soon()).await), Some(Code::RateLimited));
        assert_eq!(code(buffers.hold(1024, soon()).await), None);
        drop(held);
        assert_eq!(code(buffers.hold(4096, soon()).await), None);
        assert_eq!(code(buffers.hold(4097, soon()).await), Some(Code::TooLarge));
    }
}
