//! Doing one job: once, whoever delivers it how often.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use ulid::Ulid;

use super::Job;
use super::job::is_deployment_fault;
use crate::caller::Caller;
use crate::clock;
use crate::encode;
use crate::flow::{Ask, Flow};
use crate::policy::Granted;
use crate::problem::{Code, Problem};
use crate::receipt::Receipt;
use crate::routes::{App, carrier, new_id, receipt_of, time_for};
use crate::store::Claim;
use crate::telemetry;
use crate::upload::Body;

/// A claim holds this long unless renewed: so long does a killed instance keep a job from the others.
const LEASE: Duration = Duration::from_secs(10);
/// Receipts are remembered as long as any queue redelivers.
const KEEP_DONE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Failures are remembered through a queue's retries, and forgotten before somebody mends and redrives.
const KEEP_FAILED: Duration = Duration::from_secs(60 * 60);

/// What became of a job.
#[derive(Debug)]
pub struct Settled {
    /// Its receipt or problem.
    pub outcome: Result<Receipt, Problem>,
    /// Whether the queue may forget it.
    pub acknowledged: bool,
}

impl<F: Flow> App<F> {
    pub(super) async fn work(
        self: &Arc<Self>,
        job: Result<Job, Box<Problem>>,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Settled {
        let started = Instant::now();
        let id = job.as_ref().map(|job| job.id.clone()).unwrap_or_default();
        let (mut settled, notes) = telemetry::noting(self.settle(job, caller, deadline)).await;
        if let Err(problem) = &mut settled.outcome {
            problem.flow = Some(F::NAME.to_owned());
            problem.job_id = Some(id.clone()).filter(|id| !id.is_empty());
        }
        let code = settled.outcome.as_ref().err().map_or("ok", |problem| problem.code.as_str());
        telemetry::log_job(F::NAME, &id, code, settled.acknowledged, &notes, started);
        settled
    }

    async fn settle(
        self: &Arc<Self>,
        job: Result<Job, Box<Problem>>,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Settled {
        let job = match job {
            Ok(job) => job.of(caller),
            // Without a readable job there is no address to tell but our own.
            Err(problem) => return self.tell_failure(None, &problem_id(&problem), *problem, deadline).await,
        };
        if let Err(problem) = self.configured() {
            return unacknowledged(problem);
        }
        let name = format!("job:{}:{}", F::NAME, job.name);
        let owner = new_id();
        match self.store.claim(&name, &owner, LEASE).await {
            Err(problem) => unacknowledged(problem),
            Ok(Claim::Running) => unacknowledged(
                Problem::new(Code::AlreadyUsed, "another delivery of this job is at work").retryable(true),
            ),
            Ok(Claim::Done(record)) if record["fingerprint"] != job.fingerprint.as_str() => {
                let problem = Problem::invalid("/id", "another job was done under this id");
                let message_id = format!("{}-other", webhook_id::<F>(&job.name));
                self.tell_failure(Some(&job), &message_id, problem, deadline).await
            }
            Ok(Claim::Done(record)) => self.redelivered(&job, &name, &owner, record, deadline).await,
            Ok(Claim::Mine) => {
                let work = self.upload_job(&job, caller, deadline);
                let outcome = tokio::select! {
                    outcome = work => outcome,
                    () = self.hold(&name, &owner) => {
                        Err(Problem::new(Code::RateLimited, "the claim on this job was lost"))
                    }
                };
                self.conclude(&job, &name, &owner, outcome, deadline).await
            }
        }
    }

    /// Renews the claim until it is lost.
    async fn hold(&self, name: &str, owner: &str) {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            if !self.store.renew(name, owner, LEASE).await.unwrap_or(false) {
                return;
            }
        }
    }

    async fn upload_job(
        &self,
        job: &Job,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Result<Receipt, Problem> {
        let mut ask = self.job_ask(job, caller)?;
        let opened = self.sources.open(&job.source, ask.size).await?;
        if opened.length == 0 {
            return Err(Problem::new(Code::InvalidRequest, "the source is empty"));
        }
        if opened.length > ask.max_bytes {
            let detail = format!("files of this type are limited to {} bytes", ask.max_bytes);
            return Err(Problem::new(Code::TooLarge, detail));
        }
        ask.size = Some(opened.length);
        ask.deadline = deadline.min(Instant::now() + time_for(self.cx.settings.timeout, opened.length));
        let body = Body::new(opened.length, ask.checksums.clone(), opened.stream);
        let time_is_up = |_| Err(Problem::new(Code::VendorTimeout, "the upload did not end in time"));
        let upload = self.flow.upload(&self.cx, &ask, body);
        let stored = tokio::time::timeout_at(ask.deadline, upload).await.unwrap_or_else(time_is_up)?;
        Ok(receipt_of(&*self.flow, &ask, stored, Some(job.id.clone())))
    }

    /// The ask of a job: its object's name derives from the job, so that every delivery means the same object.
    fn job_ask(&self, job: &Job, caller: Option<&Caller>) -> Result<Ask, Problem> {
        let nobody = Caller::default();
        let granted = match caller {
            Some(caller) => Granted::of(self.cx.settings.policy.as_ref(), caller)?,
            None => Granted::trusted(&nobody),
        };
        let mode = carrier(self.flow.modes());
        let mut ask = self.checked_ask(&job.request, mode, &granted, None, u64::MAX)?;
        ask.id = job_ulid(F::NAME, &job.name);
        ask.now = clock::now();
        Ok(ask)
    }

    /// Records the outcome and tells it.
    async fn conclude(
        &self,
        job: &Job,
        name: &str,
        owner: &str,
        outcome: Result<Receipt, Problem>,
        deadline: Instant,
    ) -> Settled {
        let (kind, data, keep) = match &outcome {
            Ok(receipt) => ("upload.completed", json!(receipt), KEEP_DONE),
            Err(problem) if problem.retryable || is_deployment_fault(problem.code) => {
                // A store that cannot be reached frees the claim by letting it end.
                let _ = self.store.release(name, owner).await;
                return Settled { outcome, acknowledged: false };
            }
            Err(problem) => {
                let mut problem = problem.clone();
                (problem.flow, problem.job_id) = (Some(F::NAME.to_owned()), Some(job.id.clone()));
                ("upload.failed", problem.to_value(), KEEP_FAILED)
            }
        };
        let mut record = json!({ "fingerprint": job.fingerprint, "kind": kind, "data": data, "told": false });
        let recorded = self.store.finish(name, owner, record.clone(), keep).await;
        let told =
            self.notifier.tell(job.notify.as_ref(), &webhook_id::<F>(&job.name), kind, &data, deadline).await;
        if told == Ok(true) {
            record["told"] = true.into();
            let _ = self.store.finish(name, owner, record, keep).await;
        }
        // Done, with nobody to tell: the queue may forget it. So may it when only our record failed: the object is there.
        let done = outcome.is_ok() && told == Ok(false);
        let _ = recorded;
        Settled { outcome, acknowledged: done || told == Ok(true) }
    }

    /// A job that is done already: its record answers, and only the telling is repeated if it failed before.
    async fn redelivered(
        &self,
        job: &Job,
        name: &str,
        owner: &str,
        mut record: Value,
        deadline: Instant,
    ) -> Settled {
        let kind = record["kind"].as_str().unwrap_or_default().to_owned();
        let data = record["data"].clone();
        let outcome = match serde_json::from_value::<Receipt>(data.clone()) {
            Ok(receipt) => Ok(receipt),
            Err(_) => Err(Problem::from_value(&data)
                .unwrap_or_else(|| Problem::new(Code::Internal, "the record cannot be read"))),
        };
        let keep = if outcome.is_ok() { KEEP_DONE } else { KEEP_FAILED };
        let told = if record["told"] == true {
            Ok(true)
        } else {
            self.notifier.tell(job.notify.as_ref(), &webhook_id::<F>(&job.name), &kind, &data, deadline).await
        };
        if told == Ok(true) && record["told"] != true {
            record["told"] = true.into();
            let _ = self.store.finish(name, owner, record, keep).await;
        }
        let done = outcome.is_ok() && told == Ok(false);
        Settled { outcome, acknowledged: done || told == Ok(true) }
    }

    /// A permanent failure that has no record of its own.
    async fn tell_failure(
        &self,
        job: Option<&Job>,
        message_id: &str,
        mut problem: Problem,
        deadline: Instant,
    ) -> Settled {
        (problem.flow, problem.job_id) = (Some(F::NAME.to_owned()), job.map(|job| job.id.clone()));
        let own = job.and_then(|job| job.notify.as_ref());
        let told = self.notifier.tell(own, message_id, "upload.failed", &problem.to_value(), deadline).await;
        Settled { outcome: Err(problem), acknowledged: told == Ok(true) }
    }
}

fn unacknowledged(problem: Problem) -> Settled {
    Settled { outcome: Err(problem), acknowledged: false }
}

/// A ULID whose 128 bits are those of the job's hash.
fn job_ulid(flow: &str, job_id: &str) -> String {
    let digest = Sha256::digest(format!("{flow}\n{job_id}").as_bytes());
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    Ulid::from(u128::from_be_bytes(bits)).to_string()
}

/// The webhook's id: the same for every delivery of a job.
fn webhook_id<F: Flow>(job_id: &str) -> String {
    format!("msg_{}", job_ulid(F::NAME, job_id))
}

fn problem_id(problem: &Problem) -> String {
    let digest = Sha256::digest(problem.to_value().to_string().as_bytes());
    format!("msg_{}", &encode::digest_hex(&digest)[..26])
}
