//! The one place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use upload_grant::wire::time::Timestamp;

/// Now, by this machine's clock.
pub fn now() -> Timestamp {
    Timestamp::from_unix(since_epoch().as_secs().try_into().unwrap_or(i64::MAX))
}

/// Milliseconds since 1970, for ULIDs and deadlines.
pub fn unix_millis() -> u64 {
    since_epoch().as_millis().try_into().unwrap_or(u64::MAX)
}

#[allow(clippy::disallowed_methods, reason = "the one clock of the crate")]
fn since_epoch() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
