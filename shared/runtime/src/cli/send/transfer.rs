//! One FILE, from its checksums to its receipt.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::attempt::{Uploaded, attempt};
use super::file::Source;
use super::function::Function;
use super::grant::Grant;
use super::options::{Input, Options};
use super::progress::Bar;
use upload_grant::model::problem::Problem;
use upload_grant::model::request::Checksums;

/// Attempts in all for what may succeed the next time.
const ATTEMPTS: u32 = 5;
/// Who wants us to wait longer than this is not waited for.
const LONGEST_WAIT_SECS: f64 = 300.0;

/// A FILE that has been read, and what is asked for it.
pub(super) struct Prepared {
    pub source: Source,
    pub checksums: Checksums,
    pub request: Value,
    /// What it was answered in a list: the first attempt's, unless its time is over by then.
    pub held: Option<Result<Grant, Problem>>,
}

/// Opens `input` and reads it for its checksums.
///
/// # Errors
/// The file's own problem.
pub(super) async fn prepare(options: &Options, input: &Input, bar: &Bar) -> Result<Prepared, Problem> {
    let source = Source::open(input).await?;
    bar.start("reading", source.length);
    let digests = source.body(Checksums::default(), bar).read(|_| ()).await?;
    let checksums = digests.checksums();
    let request = request(options, &source, &checksums);
    Ok(Prepared { source, checksums, request, held: None })
}

/// Sends a file and returns its receipt.
///
/// # Errors
/// That of the last attempt.
pub(super) async fn send(function: &Function, mut prepared: Prepared, bar: &Bar) -> Result<Value, Problem> {
    let uploaded = patiently(bar, async || attempt(function, &mut prepared, bar).await).await?;
    match uploaded {
        Uploaded::Receipt(receipt) => Ok(receipt),
        Uploaded::Complete(mut document) => {
            document.insert("size".to_owned(), prepared.source.length.into());
            let document = Value::Object(document);
            patiently(bar, async || function.complete(&document).await).await
        }
    }
}

fn request(options: &Options, source: &Source, checksums: &Checksums) -> Value {
    let mut request = json!({ "filename": source.name, "size": source.length, "checksums": checksums });
    let mut optional = Map::new();
    optional.extend(options.content_type.as_deref().map(|value| ("content_type".to_owned(), value.into())));
    optional.extend(options.mode.map(|mode| ("mode".to_owned(), mode.as_str().into())));
    if !options.params.is_empty() {
        optional.insert("params".to_owned(), options.params.clone().into());
    }
    for (name, value) in optional {
        request[name] = value;
    }
    request
}

/// Does `work` until it succeeds, fails for good, or has failed too often.
pub(super) async fn patiently<T>(
    bar: &Bar,
    mut work: impl AsyncFnMut() -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut backoff = 0.1;
    for _ in 1..ATTEMPTS {
        match work().await {
            Err(problem) if problem.retryable && problem.retry_after <= LONGEST_WAIT_SECS => {
                bar.waiting(&problem);
                tokio::time::sleep(Duration::from_secs_f64(problem.retry_after + backoff)).await;
                backoff *= 2.0;
            }
            outcome => return outcome,
        }
    }
    work().await
}
