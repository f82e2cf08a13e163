//! The report: a table that grows line by line, or one JSON document at the end.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use crate::platform::telemetry;
use upload_grant::model::problem::Problem;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Info,
    Warn,
    Fail,
    Skipped,
}

/// One check: what was looked at, what was seen, and what to do.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    check: String,
    outcome: Outcome,
    /// For machines: `ok`, `skipped`, or a word for what was seen.
    code: &'static str,
    seen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn new(check: impl Into<String>, outcome: Outcome, code: &'static str, seen: impl Into<String>) -> Self {
        Self { check: check.into(), outcome, code, seen: seen.into(), advice: None }
    }

    /// As it should be.
    pub fn ok(check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, "ok", seen)
    }

    /// A fact, neither good nor bad.
    pub fn info(check: impl Into<String>, code: &'static str, seen: impl Into<String>) -> Self {
        Self::new(check, Outcome::Info, code, seen)
    }

    /// It works, but not for everyone or not for long.
    pub fn warn(
        check: impl Into<String>,
        code: &'static str,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { advice: Some(advice.into()), ..Self::new(check, Outcome::Warn, code, seen) }
    }

    /// It does not work.
    pub fn fail(
        check: impl Into<String>,
        code: &'static str,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { advice: Some(advice.into()), ..Self::new(check, Outcome::Fail, code, seen) }
    }

    /// Not looked at, and why.
    pub fn skipped(check: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(check, Outcome::Skipped, "skipped", reason)
    }
}

/// What was found, and what was left in the vendor's store.
pub struct Report {
    flow: &'static str,
    pub(super) json: bool,
    pub(super) uploads: bool,
    lines: Vec<Finding>,
    objects: Vec<String>,
}

impl Report {
    pub(super) fn new(flow: &'static str) -> Self {
        Self { flow, json: false, uploads: true, lines: Vec::new(), objects: Vec::new() }
    }

    /// Whether probes may be uploaded.
    pub fn uploads(&self) -> bool {
        self.uploads
    }

    /// Says what is about to be done.
    pub(super) fn begin(&self, filename: &str, bytes: usize) {
        let flow = self.flow;
        self.print(&if self.uploads {
            format!(
                "{flow} doctor uploads probes of {bytes} bytes, named {filename}.\n\
                 They stay in the vendor's store, and their keys are listed. --no-upload leaves them out.\n\n"
            )
        } else {
            format!("{flow} doctor, without uploads\n\n")
        });
    }

    /// Adds a line.
    pub fn add(&mut self, line: Finding) {
        let word = serde_json::to_value(line.outcome).unwrap_or_default();
        let word = word.as_str().unwrap_or_default();
        let mut text = format!("{word:<8}{:<26} {}\n", line.check, line.seen);
        if let Some(advice) = &line.advice {
            let _ = writeln!(text, "{:8}do: {advice}", "");
        }
        self.print(&text);
        self.lines.push(line);
    }

    /// Notes an object that a probe left behind.
    pub fn left(&mut self, key: impl Into<String>) {
        let key = key.into();
        if !self.objects.contains(&key) {
            self.objects.push(key);
        }
    }

    /// Makes the vendor's call, and reports that it was answered. A failure is for the caller to report.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn call<T>(&mut self, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        let started = Instant::now();
        let (outcome, notes) = telemetry::scope(work).await;
        let answer = outcome?;
        let ms = started.elapsed().as_millis();
        self.add(if notes.vendor_calls > 1 {
            Finding::warn(
                "vendor.call",
                "retried",
                format!("accepted in {ms} ms, at attempt {}", notes.vendor_calls),
                "if neither clock nor a line below explains it, the vendor throttles or fails at times",
            )
        } else {
            Finding::ok("vendor.call", format!("key and permission accepted, in {ms} ms"))
        });
        Ok(answer)
    }

    /// Writes what is left to write; the exit code says whether anything failed.
    pub(super) fn finish(&self) -> ExitCode {
        let count = |outcome| self.lines.iter().filter(|line| line.outcome == outcome).count();
        let (failed, warned) = (count(Outcome::Fail), count(Outcome::Warn));
        if self.json {
            let document = json!({
                "version": 1, "flow": self.flow, "ok": failed == 0, "uploads": self.uploads,
                "checks": self.lines, "objects": self.objects,
            });
            let _ = writeln!(std::io::stdout(), "{document:#}");
        }
        let (good, skipped) = (count(Outcome::Ok), count(Outcome::Skipped));
        let mut end = format!("\n{good} ok, {warned} to look at, {failed} failed, {skipped} skipped\n");
        for key in &self.objects {
            let _ = writeln!(end, "left in the store: {key}");
        }
        self.print(&end);
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Nobody may be reading; that must not end the checks.
    fn print(&self, text: &str) {
        if !self.json {
            let _ = std::io::stdout().write_all(text.as_bytes());
        }
    }
}

/// A problem as a line shows it: our own words, and of the vendor's only code, status and request id.
pub fn seen(problem: &Problem) -> String {
    let mut text = problem.detail.clone();
    if let Some(vendor) = &problem.vendor {
        let parts = [
            vendor.code.clone(),
            vendor.http_status.map(|status| format!("HTTP {status}")),
            vendor.request_id.as_ref().map(|id| format!("request {id}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let _ = write!(text, " ({})", parts.join(", "));
    }
    text
}
