//! Processing one job: once, however often it is delivered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::outcome::{Settled, unacknowledged};
use super::{Job, Unreadable};
use crate::app::{App, carrier, receipt_of, time_for};
use crate::auth::Caller;
use crate::auth::policy::Permissions;
use crate::event::length_differs;
use crate::flow::{Flow, UploadRequest};
use crate::platform::telemetry::{self, AccessLog};
use crate::platform::{clock, new_id};
use crate::state::Claim;
use crate::transfer::{Body, Opened, Source};
use upload_grant::model::media;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::Receipt;
use upload_grant::model::request::GrantRequest;

/// Lease of a claim: how long a killed instance blocks its job. It is renewed after a third, which leaves time for
/// the store's slowest answer.
const LEASE: Duration = Duration::from_secs(5);

impl<F: Flow> App<F> {
    pub(super) async fn work(
        self: &Arc<Self>,
        job: Result<Job, Box<Unreadable>>,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Settled {
        let started = Instant::now();
        let id = match &job {
            Ok(job) => job.id.clone(),
            Err(unreadable) => unreadable.id.clone(),
        };
        // A panic fails its own job only.
        let work = AssertUnwindSafe(self.settle(job, caller, deadline)).catch_unwind();
        let (settled, notes) = telemetry::scope(work).await;
        let failed = |_| unacknowledged(Problem::new(Code::Internal, "the function failed"));
        let mut settled = settled.unwrap_or_else(failed);
        if let Err(problem) = &mut settled.outcome {
            problem.flow = Some(F::SPEC.name.to_owned());
            problem.job_id = Some(id.clone());
        }
        let code = settled.outcome.as_ref().err().map(|problem| problem.code);
        let line = AccessLog::new(F::SPEC.name, "job", code, started);
        AccessLog { job_id: Some(&id), acknowledged: Some(settled.acknowledged), ..line }.write(&notes);
        settled
    }

    async fn settle(
        self: &Arc<Self>,
        job: Result<Job, Box<Unreadable>>,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Settled {
        if Instant::now() >= deadline {
            let problem = Problem::new(Code::RateLimited, "the time was up before this job began");
            return unacknowledged(problem);
        }
        // Readable or not, it counts against its sender's rate.
        if let Some(Err(problem)) = caller.map(|caller| self.granted(caller)) {
            return unacknowledged(problem);
        }
        let job = match job {
            Ok(job) => job.of(caller),
            Err(unreadable) => {
                let event = unreadable.webhook_id(F::SPEC.name, caller);
                let Unreadable { id, notify, problem, is_job, .. } = *unreadable;
                telemetry::note_seen(problem.detail.as_str());
                let told = self.notify_failure(&id, caller, &event, notify.as_ref(), problem, deadline).await;
                return Settled { acknowledged: told.acknowledged && is_job, ..told };
            }
        };
        if let Err(problem) = self.configured() {
            return unacknowledged(problem);
        }
        if !self.notifier.permits(job.notify.as_ref()) {
            let problem = Problem::invalid("/notify/url", "the address is not in GRANT_NOTIFY_HOSTS");
            let event = job.webhook_id(F::SPEC.name, Some(problem.code));
            return self.notify_failure(&job.id, caller, &event, None, problem, deadline).await;
        }
        let name = format!("job:{}:{}", F::SPEC.name, job.name);
        let owner = new_id();
        match self.store.claim(&name, &owner, LEASE).await {
            Err(problem) => unacknowledged(problem),
            Ok(Claim::Running) => unacknowledged(
                Problem::new(Code::AlreadyUsed, "another delivery of this job is at work").retryable(true),
            ),
            Ok(Claim::Done(record)) if record.fingerprint != job.fingerprint => {
                let problem = Problem::invalid("/id", "another job came under this id before");
                let event = job.webhook_id(F::SPEC.name, Some(problem.code));
                self.notify_failure(&job.id, caller, &event, job.notify.as_ref(), problem, deadline).await
            }
            Ok(Claim::Done(record)) => self.redelivered(&job, (&name, &owner), record, deadline).await,
            Ok(Claim::Mine) => {
                let work = self.upload_and_finish(&job, caller, deadline);
                let outcome = tokio::select! {
                    outcome = work => outcome,
                    lost = self.keep_claim(&name, &owner) => Err(lost),
                };
                self.conclude(&job, caller, (&name, &owner), outcome, deadline).await
            }
        }
    }

    /// Renews the claim until it is lost: taken by another, or expired while the store could not be reached.
    async fn keep_claim(&self, name: &str, owner: &str) -> Problem {
        let mut ends = Instant::now() + LEASE;
        loop {
            tokio::time::sleep(LEASE / 3).await;
            let asked = Instant::now();
            match self.store.renew(name, owner, LEASE).await {
                Ok(true) => ends = asked + LEASE,
                Ok(false) => {
                    return Problem::new(Code::AlreadyUsed, "the claim on this job was lost").retryable(true);
                }
                Err(problem) if Instant::now() >= ends => return problem,
                Err(_) => {}
            }
        }
    }

    pub(super) async fn upload_job(
        &self,
        job: &Job,
        caller: Option<&Caller>,
        deadline: Instant,
    ) -> Result<Receipt, Problem> {
        let upload = self.job_request(job, caller, job.request.content_type.as_deref());
        let names_no_type = media::extension(&job.request.filename).is_none()
            || upload.as_ref().is_err_and(|problem| problem.code == Code::UnsupportedType);
        let (mut upload, opened) = if job.typed_by_source && names_no_type {
            let size = job.request.size;
            let opened =
                self.open(&job.source, size, deadline.min(Instant::now() + self.cx.settings.timeout)).await?;
            let typed = opened.content_type.as_deref();
            (self.job_request(job, caller, typed).or(upload)?, opened)
        } else {
            let upload = upload?;
            let opened = self.open(&job.source, upload.size, upload.deadline.min(deadline)).await?;
            (upload, opened)
        };
        telemetry::note(|notes| {
            notes.mode = Some(upload.mode.as_str());
            notes.grant_id = Some(upload.id.clone());
        });
        if let Some(size) = upload.size.filter(|size| *size != opened.length) {
            return Err(length_differs(Code::ChecksumMismatch, size, opened.length));
        }
        if opened.length == 0 {
            return Err(Problem::new(Code::InvalidRequest, "the source is empty"));
        }
        if opened.length > upload.max_bytes {
            let detail = format!("files of this type are limited to {} bytes", upload.max_bytes);
            return Err(Problem::new(Code::TooLarge, detail));
        }
        upload.size = Some(opened.length);
        upload.deadline = deadline.min(Instant::now() + time_for(self.cx.settings.timeout, opened.length));
        let body = Body::new(opened.length, upload.checksums.clone(), opened.stream);
        let time_is_up = |_| Err(Problem::new(Code::VendorTimeout, "the upload did not end in time"));
        let work = self.flow.upload(&self.cx, &upload, body);
        let stored = tokio::time::timeout_at(upload.deadline, work).await.unwrap_or_else(time_is_up)?;
        telemetry::note_vendor(&stored.vendor);
        let mut receipt = receipt_of(&self.flow, &upload, stored, Some(job.id.clone()));
        receipt.caller = caller.and_then(|caller| caller.name.clone());
        Ok(receipt)
    }

    async fn open(&self, source: &Source, size: Option<u64>, deadline: Instant) -> Result<Opened, Problem> {
        let silent =
            |_| Err(Problem::new(Code::SourceFailed, "the source did not answer in time").retryable(true));
        tokio::time::timeout_at(deadline, self.sources.open(source, size)).await.unwrap_or_else(silent)
    }

    /// The upload request of a job. Its object's name derives from the job, so that every delivery means the same
    /// object.
    fn job_request(
        &self,
        job: &Job,
        caller: Option<&Caller>,
        content_type: Option<&str>,
    ) -> Result<UploadRequest, Problem> {
        let nobody = Caller::default();
        let granted = match caller {
            Some(caller) => self.permissions(caller)?,
            None => Permissions::trusted(&nobody),
        };
        let mode = carrier(self.flow.modes());
        let content_type = content_type.map(str::to_owned);
        let request = GrantRequest { content_type, ..job.request.clone() };
        let mut upload = self.checked_request(&request, mode, &granted, None, u64::MAX)?;
        upload.id = job.ulid(F::SPEC.name);
        upload.now = clock::now();
        Ok(upload)
    }
}
