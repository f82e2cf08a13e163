//! What follows a job's outcome: it is recorded, its sender is notified, and the queue may delete the job, or not.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::Job;
use super::job::is_deployment_fault;
use crate::app::App;
use crate::auth::Caller;
use crate::flow::Flow;
use crate::state::Outcome;
use crate::transfer::Notified;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::Receipt;

/// Receipts are remembered as long as any queue redelivers.
pub(super) const KEEP_DONE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Failures are remembered through a queue's retries, and forgotten before an operator fixes the cause and
/// redrives the queue.
const KEEP_FAILED: Duration = Duration::from_secs(60 * 60);

/// The result of processing a job.
#[derive(Debug)]
pub struct Settled {
    /// Its receipt or problem.
    pub outcome: Result<Receipt, Problem>,
    /// Whether the queue may delete it.
    pub acknowledged: bool,
}

impl<F: Flow> App<F> {
    /// Records the outcome and sends its webhook.
    pub(super) async fn conclude(
        &self,
        job: &Job,
        caller: Option<&Caller>,
        claim: (&str, &str),
        outcome: Result<Receipt, Problem>,
        deadline: Instant,
    ) -> Settled {
        let (name, owner) = claim;
        let data = match &outcome {
            Ok(receipt) => json!(receipt),
            Err(problem) if problem.retryable || is_deployment_fault(problem.code) => {
                // Where the store cannot be reached, the claim expires.
                let _ = self.store.release(name, owner).await;
                return Settled { outcome, acknowledged: false };
            }
            Err(problem) => {
                let mut problem = problem.clone();
                (problem.flow, problem.job_id) = (Some(F::SPEC.name.to_owned()), Some(job.id.clone()));
                with_caller(problem.to_value(), caller)
            }
        };
        let record = Outcome { data, fingerprint: job.fingerprint.clone(), notified: false };
        if let Err(problem) = self.store.finish(name, owner, record.clone(), keep(&outcome)).await {
            // The object is stored. The queue may delete the job, or deliver it again if the webhook fails too.
            tracing::error!(
                flow = F::SPEC.name,
                code = problem.code.as_str(),
                "the outcome could not be recorded"
            );
        }
        self.notify(job, claim, outcome, record, deadline).await
    }

    /// A job that is done already is answered from its record.
    pub(super) async fn redelivered(
        &self,
        job: &Job,
        claim: (&str, &str),
        record: Outcome,
        deadline: Instant,
    ) -> Settled {
        let data = &record.data;
        let outcome = serde_json::from_value::<Receipt>(data.clone()).map_err(|_| {
            let unreadable = || Problem::new(Code::Internal, "the record cannot be read");
            Problem::from_value(data).unwrap_or_else(unreadable)
        });
        self.notify(job, claim, outcome, record, deadline).await
    }

    /// Sends the webhook of a recorded outcome, unless it was delivered before, and records its delivery.
    async fn notify(
        &self,
        job: &Job,
        (name, owner): (&str, &str),
        outcome: Result<Receipt, Problem>,
        mut record: Outcome,
        deadline: Instant,
    ) -> Settled {
        let mut notified = Ok(Notified::Accepted);
        if !record.notified {
            let failure = outcome.as_ref().err().map(|problem| problem.code);
            let id = job.webhook_id(F::SPEC.name, failure);
            let kind = if outcome.is_ok() { "upload.completed" } else { "upload.failed" };
            let deadline = self.webhook_deadline(deadline);
            notified = self.notifier.notify(job.notify.as_ref(), &id, kind, &record.data, deadline).await;
            if notified == Ok(Notified::Accepted) {
                record.notified = true;
                let _ = self.store.finish(name, owner, record, keep(&outcome)).await;
            }
        }
        let acknowledged = acknowledged(&outcome, &notified);
        Settled { outcome, acknowledged }
    }

    /// A webhook takes no longer than a request may.
    fn webhook_deadline(&self, deadline: Instant) -> Instant {
        deadline.min(Instant::now() + self.cx.settings.timeout)
    }

    /// Sends the webhook of a permanent failure that has no record.
    pub(super) async fn notify_failure(
        &self,
        job_id: &str,
        caller: Option<&Caller>,
        event: &str,
        notify: Option<&Url>,
        mut problem: Problem,
        deadline: Instant,
    ) -> Settled {
        (problem.flow, problem.job_id) = (Some(F::SPEC.name.to_owned()), Some(job_id.to_owned()));
        let deadline = self.webhook_deadline(deadline);
        let data = with_caller(problem.to_value(), caller);
        let notified = self.notifier.notify(notify, event, "upload.failed", &data, deadline).await;
        let outcome = Err(problem);
        let acknowledged = acknowledged(&outcome, &notified);
        Settled { outcome, acknowledged }
    }
}

/// `data` of a webhook, with the caller who sent the job.
fn with_caller(mut data: Value, caller: Option<&Caller>) -> Value {
    if let Some(name) = caller.and_then(|caller| caller.name.as_deref()) {
        data["caller"] = name.into();
    }
    data
}

/// How long an outcome is kept.
fn keep(outcome: &Result<Receipt, Problem>) -> Duration {
    if outcome.is_ok() { KEEP_DONE } else { KEEP_FAILED }
}

/// Whether the queue may delete a job with a lasting outcome: one that was delivered, or a success that nobody is to
/// be notified of.
fn acknowledged(outcome: &Result<Receipt, Problem>, notified: &Result<Notified, Problem>) -> bool {
    matches!((outcome, notified), (_, Ok(Notified::Accepted)) | (Ok(_), Ok(Notified::NoAddress)))
}

pub(super) fn unacknowledged(problem: Problem) -> Settled {
    Settled { outcome: Err(problem), acknowledged: false }
}
