//! From a checked upload to its grant.

use std::net::IpAddr;

use serde_json::Value;
use upload_grant::model::grant::{Complete, Enforced, Grant, Pairs};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::{GrantRequest, Mode};

use tokio::time::Instant;

use super::{App, Binding, Door};
use crate::auth::Caller;
use crate::auth::policy::Permissions;
use crate::flow::{Ask, Flow};
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
        door: &Door,
        base: impl Fn() -> Result<String, Problem>,
    ) -> Result<Grant, Problem> {
        let mut ask = self.ask(asked, granted, source, door.max_body)?;
        ask.deadline = door.deadline.map_or(ask.deadline, |deadline| deadline.min(ask.deadline));
        telemetry::note(|notes| {
            notes.mode = Some(ask.mode.as_str());
            notes.grant_id = Some(ask.id.clone());
        });
        let caller = granted.caller().name.as_deref();
        let mut grant = if ask.mode == Mode::Relay {
            self.relay_grant(&ask, caller, &base()?)?
        } else {
            let time_is_up = |_| Err(Problem::new(Code::VendorTimeout, "the vendor did not answer in time"));
            let work = self.flow.grant(&self.cx, &ask);
            tokio::time::timeout_at(ask.deadline, work).await.unwrap_or_else(time_is_up)?
        };
        telemetry::note_vendor(&grant.vendor);
        if door.is_page && grant.headers.0.iter().any(|(_, value)| value.is_empty()) {
            let detail = "the vendor signed an empty header, which a page cannot send: use relay";
            return Err(Problem::invalid("/mode", detail));
        }
        if let Some(sealers) = &self.sealers {
            let token = sealers.token(&Binding::of_grant::<F>(&grant, &ask, caller))?;
            grant.complete = Some(Complete { token, collect: F::SPEC.collect });
        }
        Ok(grant)
    }

    /// The bare grant of a direct invocation, which the platform's own permissions guard.
    pub(crate) async fn direct(&self, document: &Value, deadline: Instant) -> Result<Value, Problem> {
        self.configured()?;
        let asked = GrantRequest::from_value(document)?;
        let door = Door { deadline: Some(deadline), ..Door::default() };
        let nowhere = || {
            Problem::new(Code::ConfigMissing, "GRANT_PUBLIC_URL is missing: this request came to no address")
        };
        let base = || self.cx.settings.public_url.clone().ok_or_else(nowhere);
        let nobody = Caller::default();
        let grant = self.grant(&asked, &Permissions::trusted(&nobody), None, &door, base).await?;
        serde_json::to_value(&grant)
            .map_err(|_| Problem::new(Code::Internal, "the grant could not be written"))
    }

    /// A grant for our own relay: no vendor call, the ticket says it all.
    fn relay_grant(&self, ask: &Ask, caller: Option<&str>, base: &str) -> Result<Grant, Problem> {
        let expires_at = ask.now.plus(self.cx.settings.ttl);
        let ticket = self.sealers()?.ticket(&Binding::of_ask(F::SPEC.name, ask, caller, expires_at))?;
        let limits = ask.limits(&[Enforced::Key, Enforced::Size, Enforced::Type, Enforced::Expiry]);
        let mut grant = ask.grant::<F>(format!("{base}/relay/{ticket}"), ask.id.clone(), expires_at, limits);
        // Gateways rewrite text bodies; the type that counts is in the ticket.
        grant.headers = Pairs::new([("Content-Type", "application/octet-stream")]);
        grant.success_status = &[200];
        Ok(grant)
    }
}
