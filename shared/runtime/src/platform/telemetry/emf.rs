//! Metrics for CloudWatch: on Lambda one more JSON line for each one of the log, in the Embedded Metric Format.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::platform::clock;

static ON: AtomicBool = AtomicBool::new(false);

/// Begins to write metrics: where CloudWatch reads our standard output.
pub(crate) fn switch_on() {
    ON.store(true, Ordering::Relaxed);
}

/// What one request or message counts for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) error: bool,
    pub(super) ms: u64,
    pub(super) vendor_calls: u32,
}

pub(super) fn write(flow: &str, counts: Counts) {
    if ON.load(Ordering::Relaxed) {
        // A closed standard output is not worth a failed request.
        let _ = writeln!(super::output::Output, "{}", document(flow, counts, clock::unix_millis()));
    }
}

/// Our own words and numbers only, so nothing needs escaping.
fn document(flow: &str, counts: Counts, at: u64) -> String {
    let (errors, ms, vendor_calls) = (u8::from(counts.error), counts.ms, counts.vendor_calls);
    format!(
        concat!(
            r#"{{"_aws":{{"Timestamp":{},"CloudWatchMetrics":[{{"Namespace":"UploadGrants","Dimensions":[["flow"]],"#,
            r#""Metrics":[{{"Name":"Requests","Unit":"Count"}},{{"Name":"Errors","Unit":"Count"}},"#,
            r#"{{"Name":"LatencyMs","Unit":"Milliseconds"}},{{"Name":"VendorCalls","Unit":"Count"}}]}}]}},"#,
            r#""flow":"{}","Requests":1,"Errors":{},"LatencyMs":{},"VendorCalls":{}}}"#
        ),
        at, flow, errors, ms, vendor_calls
    )
}
