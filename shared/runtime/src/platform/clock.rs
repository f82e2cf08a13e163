//! The one place that reads the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use upload_grant::wire::time::Timestamp;

/// Now, by this machine's clock.
pub fn now() -> Timestamp {
    Timestamp::from_unix(since_epoch().as_secs().try_into().unwrap_or(i64::MAX))
}

/// Milliseconds since 1970, for ULIDs and deadlines.
pub fn unix_millis() -> u64 {
    since_epoch().as_millis().try_into().unwrap_or(u64::MAX)
}

/// What `work` comes to within `limit`. An answer that arrived in time counts even where this thread was too busy to
/// look at it: it is looked for once more before giving up.
pub(crate) async fn timeout<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let end = async {
        tokio::time::sleep(limit).await;
        // The answer goes from the socket to its connection's task, and from there to us.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        answer = work => Some(answer),
        () = end => None,
    }
}

#[allow(clippy::disallowed_methods, reason = "the one clock of the crate")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
