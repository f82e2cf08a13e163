//! From an upload to the vendor's document, over as many deliveries as that takes.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::Receipt;

use super::Job;
use super::outcome::KEEP_DONE;
use crate::app::App;
use crate::auth::Caller;
use crate::flow::{Finish, Flow};
use crate::state::Outcome;

/// The vendor is polled after a second, then with doubling pauses up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// No platform gives a queue's delivery longer (Lambda: 900 s). Over plain HTTP there is no deadline at all, and the
/// client should not wait for a vendor's queue.
const LONGEST_DELIVERY: Duration = Duration::from_secs(900);

impl<F: Flow> App<F> {
    /// Uploads the job's file and goes on to the vendor's document. A record of its own keeps the progress: the next
    /// delivery goes on from there, without a second upload and without a second document.
    pub(super) async fn upload_and_finish(
        &self,
        job: &Job,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Result<Receipt, Problem> {
        if !self.flow.finishes() {
            return self.upload_job(job, caller, deadline).await;
        }
        let mut receipt = if let Some(receipt) = self.unfinished(job).await? {
            receipt
        } else {
            let receipt = self.upload_job(job, caller, deadline).await?;
            self.remember(job, &receipt).await?;
            receipt
        };
        let is_bounded = deadline <= Instant::now() + LONGEST_DELIVERY;
        let deadline = if is_bounded { deadline } else { Instant::now() + self.cx.settings.timeout };
        let mut pause = Duration::from_secs(1);
        loop {
            let document = match self.flow.finish(&self.cx, &receipt, deadline).await? {
                Finish::Done(document) => {
                    receipt.document = document;
                    return Ok(receipt);
                }
                Finish::Pending(document) => document,
            };
            let is_new = receipt.document.as_ref().is_none_or(|known| known.id != document.id);
            receipt.document = Some(document);
            if is_new {
                self.remember(job, &receipt).await?;
                continue;
            }
            if Instant::now() + pause >= deadline {
                let detail = "the vendor is still at work on the file: the next delivery goes on from here";
                return Err(Problem::new(Code::VendorTimeout, detail));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The receipt of an earlier delivery's upload.
    async fn unfinished(&self, job: &Job) -> Result<Option<Receipt>, Problem> {
        let record = self.store.outcome(&record_name::<F>(job)).await?;
        let same = record.filter(|record| record.fingerprint == job.fingerprint);
        Ok(same.and_then(|record| serde_json::from_value(record.data).ok()))
    }

    async fn remember(&self, job: &Job, receipt: &Receipt) -> Result<(), Problem> {
        let record = Outcome { fingerprint: job.fingerprint.clone(), ..Outcome::from(json!(receipt)) };
        self.store.finish(&record_name::<F>(job), "", record, KEEP_DONE).await
    }
}

fn record_name<F: Flow>(job: &Job) -> String {
    format!("uploaded:{}:{}", F::SPEC.name, job.name)
}
