//! Metrics for Prometheus: `GRANT_METRICS=true` opens `/metrics` where the runtime is plain HTTP.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

/// The content type of what [`text`] answers.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Seconds; a vendor call is within the first half, an upload in the second.
const BUCKETS: [f64; 11] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

static METRICS: OnceLock<Metrics> = OnceLock::new();

struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    vendor_calls: IntCounterVec,
    credentials: IntCounterVec,
}

/// Begins to count. Later calls change nothing.
pub(crate) fn switch_on() {
    if let Ok(metrics) = Metrics::new() {
        // A second function in one process (tests) counts with the first.
        let _ = METRICS.set(metrics);
    }
}

/// What has been counted, as Prometheus reads it; empty where nothing is.
pub fn text() -> String {
    let families = METRICS.get().map(|metrics| metrics.registry.gather()).unwrap_or_default();
    TextEncoder::new().encode_to_string(&families).unwrap_or_default()
}

/// One request or message, as its log line tells it.
pub(super) fn count(
    flow: &str,
    route: &str,
    code: &str,
    took: Duration,
    vendor_calls: u32,
    cache: Option<&str>,
) {
    let Some(metrics) = METRICS.get() else { return };
    metrics.requests.with_label_values(&[flow, route, code]).inc();
    metrics.seconds.with_label_values(&[flow, route]).observe(took.as_secs_f64());
    metrics.vendor_calls.with_label_values(&[flow]).inc_by(vendor_calls.into());
    if let Some(cache) = cache {
        metrics.credentials.with_label_values(&[flow, cache]).inc();
    }
}

impl Metrics {
    fn new() -> prometheus::Result<Self> {
        let requests = Opts::new("upload_grant_requests_total", "Requests and jobs, by their outcome.");
        let seconds = HistogramOpts::new("upload_grant_duration_seconds", "How long they took.");
        let calls = Opts::new("upload_grant_vendor_calls_total", "Calls of the vendor's API.");
        let credentials =
            Opts::new("upload_grant_credentials_total", "Cached credentials: hit, miss, coalesced.");
        let metrics = Self {
            registry: Registry::new(),
            requests: IntCounterVec::new(requests, &["flow", "route", "code"])?,
            seconds: HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &["flow", "route"])?,
            vendor_calls: IntCounterVec::new(calls, &["flow"])?,
            credentials: IntCounterVec::new(credentials, &["flow", "result"])?,
        };
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.vendor_calls.clone()))?;
        metrics.registry.register(Box::new(metrics.credentials.clone()))?;
        Ok(metrics)
    }
}
