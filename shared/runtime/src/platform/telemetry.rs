//! What operators see: one JSON line per request or message, and nothing secret in it.

pub(crate) mod emf;
pub mod metrics;
mod output;
mod trace;

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tokio::time::Instant;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use trace::{TRACEPARENT, Trace};

use super::Env;
use upload_grant::model::problem::Code;

/// Whether this process has had its first request.
static STARTED: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static NOTES: RefCell<RequestLog>;
}

/// How a cached credential served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// From the cache.
    Hit,
    /// Fetched.
    Miss,
    /// Fetched by another request at the same time.
    Coalesced,
}

impl CacheStatus {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
        }
    }
}

/// What is learned on the way through one request or message.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    /// The platform's or the client's id of the request; for a message, of the delivery it came with.
    pub request_id: Option<String>,
    /// The caller's trace.
    pub trace: Option<Trace>,
    /// Whether it was the first of this process.
    pub cold: bool,
    /// Mode of the grant.
    pub mode: Option<&'static str>,
    /// Whether a cached credential served.
    pub cache: Option<CacheStatus>,
    /// The vendor's request id.
    pub vendor_request_id: Option<String>,
    /// Vendor calls made.
    pub vendor_calls: u32,
    /// Id of the grant; of several, the last one's.
    pub grant_id: Option<String>,
    /// What an event was that is no job, in words of ours.
    pub seen: Option<String>,
    /// Files of a request for several, and how many of them were refused.
    pub files: Option<(usize, usize)>,
}

/// Runs `work` and returns with its output what was noted on the way. Within another such work (a message of
/// a delivery) the notes begin with that one's id and trace.
pub async fn scope<T>(work: impl Future<Output = T>) -> (T, RequestLog) {
    let outer = NOTES.try_with(|notes| {
        let notes = notes.borrow();
        RequestLog {
            request_id: notes.request_id.clone(),
            trace: notes.trace.clone(),
            cold: notes.cold,
            ..RequestLog::default()
        }
    });
    let notes = outer.unwrap_or_else(|_| RequestLog {
        cold: !STARTED.swap(true, Ordering::Relaxed),
        ..RequestLog::default()
    });
    NOTES
        .scope(RefCell::new(notes), async {
            let output = work.await;
            (output, NOTES.with(RefCell::take))
        })
        .await
}

/// Adds to the notes of the request at hand; outside of one, nothing.
pub fn note(add: impl FnOnce(&mut RequestLog)) {
    let _ = NOTES.try_with(|notes| add(&mut notes.borrow_mut()));
}

/// Notes the vendor's request id among the values of a success.
pub(crate) fn note_vendor(values: &Map<String, Value>) {
    if let Some(id) = values.get("request_id").and_then(Value::as_str) {
        note(|notes| notes.vendor_request_id = Some(id.to_owned()));
    }
}

/// Notes what an event was that is no job.
pub(crate) fn note_seen(seen: impl Into<String>) {
    note(|notes| notes.seen = Some(seen.into()));
}

/// The id of the request at hand.
pub fn request_id() -> Option<String> {
    NOTES.try_with(|notes| notes.borrow().request_id.clone()).ok().flatten()
}

/// The caller's trace, for a call made on its behalf.
pub fn trace() -> Option<Trace> {
    NOTES.try_with(|notes| notes.borrow().trace.clone()).ok().flatten()
}

/// One request or message, as its line tells it.
pub(crate) struct AccessLog<'a> {
    pub(crate) flow: &'static str,
    pub(crate) route: &'a str,
    pub(crate) code: Option<Code>,
    pub(crate) method: Option<&'a str>,
    pub(crate) status: Option<u16>,
    pub(crate) job_id: Option<&'a str>,
    pub(crate) acknowledged: Option<bool>,
    pub(crate) started: Instant,
}

impl<'a> AccessLog<'a> {
    pub(crate) fn new(flow: &'static str, route: &'a str, code: Option<Code>, started: Instant) -> Self {
        Self { flow, route, code, method: None, status: None, job_id: None, acknowledged: None, started }
    }

    /// Writes the line, and on Lambda its metrics.
    pub(crate) fn write(&self, notes: &RequestLog) {
        let took = self.started.elapsed();
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (code, cache) = (self.code.map_or("ok", Code::as_str), notes.cache.map(CacheStatus::as_str));
        // A write for each would be a call of the kernel each.
        let _together = output::hold();
        tracing::info!(
            flow = self.flow,
            request_id = notes.request_id,
            trace_id = notes.trace.as_ref().map(Trace::id),
            route = self.route,
            method = self.method,
            status = self.status,
            job_id = self.job_id,
            acknowledged = self.acknowledged,
            seen = notes.seen,
            code,
            mode = notes.mode,
            grant_id = notes.grant_id,
            files = notes.files.map(|(all, _)| all),
            files_failed = notes.files.map(|(_, failed)| failed),
            cache,
            vendor_calls = notes.vendor_calls,
            vendor_request_id = notes.vendor_request_id,
            ms,
            cold = notes.cold,
            "{}",
            match (self.job_id, self.acknowledged) {
                (Some(_), _) => "job",
                (None, Some(_)) => "message",
                (None, None) => "request",
            }
        );
        // A caller's mistake is no error of ours; a job that did not succeed is one, whosever the mistake.
        let error = self.code.is_some_and(|code| code.status() >= 500 || self.job_id.is_some());
        metrics::count(self.flow, self.route, code, took, notes.vendor_calls, cache);
        emf::write(self.flow, emf::Counts { error, ms, vendor_calls: notes.vendor_calls });
    }
}

/// Starts logging to standard output: JSON lines, filtered by `GRANT_LOG` (default `info`).
pub fn start(env: &mut Env) {
    let filter = filter(env);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_writer(|| output::Output);
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    on_panic(|place| tracing::error!(place, "panic"));
}

/// What of the log is written, by `GRANT_LOG`.
pub(crate) fn filter(env: &mut Env) -> Targets {
    // Every line of ours has the request's id: a span around it that has it too is not worth its time.
    let usual =
        Targets::new().with_default(tracing::Level::INFO).with_target("lambda_runtime", tracing::Level::WARN);
    env.parse("GRANT_LOG", usual, "a tracing filter")
}

/// Has `tell` hear of panics by their place: a panic's message could hold anything.
fn on_panic(tell: impl Fn(String) + Send + Sync + 'static) {
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic.location().map(ToString::to_string).unwrap_or_default());
    }));
}

/// For programs of a shell: panics go to standard error.
pub(crate) fn tell_panics() {
    on_panic(|place| {
        let _ = writeln!(std::io::stderr(), "panic at {place}");
    });
}
