//! From a checked upload to its grant.

use std::net::IpAddr;

use serde_json::Value;
use upload_grant::model::grant::{Complete, Enforced, Grant, OrderedMap};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::{GrantRequest, Mode};

use tokio::time::Instant;

use super::{App, RequestOrigin, TicketClaims};
use crate::auth::Caller;
use crate::auth::policy::Permissions;
use crate::flow::{Flow, UploadRequest};
use crate::platform::telemetry;

impl<F: Flow> App<F> {
    /// Whether the flow has a store's forms, which Uppy's Companion route hands out.
    pub(crate) fn has_companion(&self) -> bool {
        F::SPEC.companion && self.flow.modes().contains(&Mode::Form)
    }

    /// From request to grant. `base` is the address our own URLs start with.
    pub(crate) async fn grant(
        &self,
        asked: &GrantRequest,
        granted: &Permissions<'_>,
        source: Option<IpAddr>,
        origin: &RequestOrigin,
        base: impl Fn() -> Result<String, Problem>,
    ) -> Result<Grant, Problem> {
        let mut upload = self.admit(asked, granted, source, origin.max_body)?;
        upload.deadline = origin.deadline.map_or(upload.deadline, |deadline| deadline.min(upload.deadline));
        telemetry::note(|notes| {
            notes.mode = Some(upload.mode.as_str());
            notes.grant_id = Some(upload.id.clone());
        });
        let caller = granted.caller().share();
        let mut grant = if upload.mode == Mode::Relay {
            self.relay_grant(&upload, caller, &base()?)?
        } else {
            let time_is_up = |_| Err(Problem::new(Code::VendorTimeout, "the vendor did not answer in time"));
            let work = self.flow.grant(&self.cx, &upload);
            tokio::time::timeout_at(upload.deadline, work).await.unwrap_or_else(time_is_up)?
        };
        telemetry::note_vendor(&grant.vendor);
        if origin.is_page && grant.headers.0.iter().any(|(_, value)| value.is_empty()) {
            let detail = "the vendor signed an empty header, which a page cannot send: use relay";
            return Err(Problem::invalid("/mode", detail));
        }
        if let Some(sealers) = &self.sealers {
            let token = sealers.token(&TicketClaims::of_grant::<F>(&grant, upload, caller))?;
            grant.complete = Some(Complete { token, collect: F::SPEC.collect });
        }
        Ok(grant)
    }

    /// The bare grant of a direct invocation, which the platform's own permissions guard.
    pub(crate) async fn direct(&self, document: &Value, deadline: Instant) -> Result<Value, Problem> {
        self.configured()?;
        let asked = GrantRequest::from_value(document)?;
        let origin = RequestOrigin { deadline: Some(deadline), ..RequestOrigin::default() };
        let nowhere = || {
            Problem::new(Code::ConfigMissing, "GRANT_PUBLIC_URL is missing: this request came to no address")
        };
        let base = || self.cx.settings.public_url.clone().ok_or_else(nowhere);
        let nobody = Caller::default();
        let grant = self.grant(&asked, &Permissions::trusted(&nobody), None, &origin, base).await?;
        serde_json::to_value(&grant)
            .map_err(|_| Problem::new(Code::Internal, "the grant could not be written"))
    }

    /// A grant for our own relay: no vendor call, the ticket says it all.
    fn relay_grant(
        &self,
        upload: &UploadRequest,
        caller: Option<&str>,
        base: &str,
    ) -> Result<Grant, Problem> {
        let expires_at = upload.now.plus(self.cx.settings.ttl_secs);
        let ticket = self.sealers()?.ticket(&TicketClaims::of_request(
            F::SPEC.name,
            upload.clone(),
            caller,
            expires_at,
        ))?;
        let limits = upload.limits(&[Enforced::Key, Enforced::Size, Enforced::Type, Enforced::Expiry]);
        let mut grant =
            upload.grant::<F>(format!("{base}/relay/{ticket}"), upload.id.clone(), expires_at, limits);
        // Gateways rewrite text bodies; the type that counts is in the ticket.
        grant.headers = OrderedMap::new([("Content-Type", "application/octet-stream")]);
        grant.success_status = &[200];
        Ok(grant)
    }
}
