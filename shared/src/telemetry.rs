//! What operators see: one JSON line per request or message, and nothing secret in it.

use std::cell::RefCell;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Env;

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

/// How a cached credential served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// From the cache.
    Hit,
    /// Fetched.
    Miss,
    /// Fetched by another request at the same time.
    Coalesced,
}

impl Hit {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
        }
    }
}

/// What is learned on the way through one request.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Mode of the grant.
    pub mode: Option<&'static str>,
    /// Whether a cached credential served.
    pub cache: Option<Hit>,
    /// The vendor's request id.
    pub vendor_request_id: Option<String>,
    /// Vendor calls made.
    pub vendor_calls: u32,
    /// Id of the grant.
    pub grant_id: Option<String>,
}

/// Runs `work` and returns with its output what was noted on the way.
pub async fn noting<T>(work: impl Future<Output = T>) -> (T, Notes) {
    NOTES
        .scope(RefCell::default(), async {
            let output = work.await;
            (output, NOTES.with(RefCell::take))
        })
        .await
}

/// Adds to the notes of the request at hand; outside of one, nothing.
pub fn note(add: impl FnOnce(&mut Notes)) {
    let _ = NOTES.try_with(|notes| add(&mut notes.borrow_mut()));
}

/// The line of one job.
pub(crate) fn log_job(
    flow: &str,
    job_id: &str,
    code: &str,
    acknowledged: bool,
    notes: &Notes,
    started: tokio::time::Instant,
) {
    let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        flow,
        job_id,
        code,
        acknowledged,
        cache = notes.cache.map(Hit::as_str),
        vendor_calls = notes.vendor_calls,
        vendor_request_id = notes.vendor_request_id,
        ms,
        "job"
    );
}

/// Starts logging to standard output: JSON lines, filtered by `GRANT_LOG` (default `info`).
pub fn start(env: &mut Env) {
    let filter: Targets =
        env.parse("GRANT_LOG", Targets::new().with_default(tracing::Level::INFO), "a tracing filter");
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false);
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    // A panic's message could hold anything; its place cannot.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
