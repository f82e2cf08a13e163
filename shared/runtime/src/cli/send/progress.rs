//! What a person sees, on standard error: a bar for each file under way, and a line when it is through.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use upload_grant::model::problem::Problem;

const STYLE: &str = "{prefix:20!} {msg:9} [{bar:24}] {percent:>3}% {decimal_bytes_per_sec:>12}";

/// The bars, or none where nobody looks.
pub(super) struct Progress {
    bars: MultiProgress,
    quiet: bool,
}

/// One file's bar. It counts also where it is not shown.
#[derive(Clone)]
pub(super) struct Bar(ProgressBar);

impl Progress {
    /// Bars if standard error is a terminal and not to be `quiet`.
    pub fn new(quiet: bool) -> Self {
        let seen = !quiet && std::io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), quiet }
    }

    /// A bar for a file; it is gone when it is dropped.
    pub fn bar(&self, file: &str) -> Bar {
        let name = file.rsplit('/').next().unwrap_or(file);
        let bar = ProgressBar::hidden().with_prefix(plain(name));
        // The template is a constant: a test shows it.
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style.progress_chars("=> "));
        }
        Bar(self.bars.add(bar))
    }

    /// Tells what became of `file`: a line for people, and the one that `print` prints for programs.
    ///
    /// # Errors
    /// That of `print`.
    pub fn outcome(
        &self,
        file: &str,
        outcome: &Result<Value, Problem>,
        print: impl FnOnce() -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        self.bars.suspend(|| {
            match outcome {
                Ok(_) if self.quiet => {}
                Ok(receipt) => say(&format!("{file}: sent{}", summary(receipt))),
                Err(problem) => say(&format!("{file}: {}", sentence(problem))),
            }
            print()
        })
    }
}

impl Bar {
    /// Starts over, with so many bytes to go.
    pub fn start(&self, phase: &'static str, length: u64) {
        self.0.set_length(length);
        self.0.reset();
        self.0.set_message(phase);
        self.0.force_draw();
    }

    /// So many bytes more.
    pub fn add(&self, bytes: usize) {
        self.0.inc(bytes as u64);
    }

    /// Says why nothing moves.
    pub fn waiting(&self, problem: &Problem) {
        self.0.set_message(problem.code.as_str());
        self.0.force_draw();
    }

    /// Resolves when no byte has moved for `patience`, or up to twice as long.
    pub async fn stalled(&self, patience: Duration) {
        loop {
            let before = self.0.position();
            tokio::time::sleep(patience).await;
            if self.0.position() == before {
                return;
            }
        }
    }
}

/// One line on standard error. Names and details come from outside: nothing in them may steer the terminal.
pub(super) fn say(line: &str) {
    // There is nowhere to complain about a closed standard error.
    let _ = writeln!(std::io::stderr().lock(), "{}", plain(line));
}

fn plain(text: &str) -> String {
    text.chars().map(|symbol| if symbol.is_control() { '\u{fffd}' } else { symbol }).collect()
}

fn summary(receipt: &Value) -> String {
    let size = receipt["size"].as_u64().map(|size| format!(" {size} bytes")).unwrap_or_default();
    let key = receipt["key"].as_str().map(|key| format!(" as {key}")).unwrap_or_default();
    format!("{size}{key}")
}

/// Code, detail, and what a support desk asks for.
fn sentence(problem: &Problem) -> String {
    let mut more = Vec::new();
    more.extend(problem.errors.first().map(|error| format!("at {}", error.pointer)));
    if let Some(vendor) = &problem.vendor {
        let status = vendor.http_status.map(|status| status.to_string());
        let says: Vec<String> = status.into_iter().chain(vendor.code.clone()).collect();
        more.push(format!("answered {}", says.join(" ")));
    }
    more.extend(problem.request_id.as_ref().map(|id| format!("request {id}")));
    if more.is_empty() { problem.to_string() } else { format!("{problem} ({})", more.join(", ")) }
}
