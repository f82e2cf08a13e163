//! `POST /grants` and its Uppy Companion facade.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::address::{public_base, source};
use super::around::new_id;
use super::path::Prefix;
use super::{App, Door, json_response, read_document};
use crate::caller::Caller;
use crate::clock;
use crate::flow::{Ask, Flow};
use crate::grant::{Complete, Enforced, Grant, Pairs};
use crate::media::{self, Media};
use crate::policy::Permissions;
use crate::problem::{Code, Problem};
use crate::request::{GrantRequest, MAX_BODY, Mode};
use crate::telemetry;
use crate::ticket::Binding;

pub(super) async fn grants<F: Flow>(
    State(app): State<Arc<App<F>>>,
    Extension(prefix): Extension<Prefix>,
    door: Option<Extension<Door>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let door = door.map(|Extension(door)| door).unwrap_or_default();
    let caller = app.caller(request.headers(), &door).await?;
    let granted = app.granted(&caller)?;
    let (head, body) = request.into_parts();
    let body = read_document(&head.headers, body, MAX_BODY).await?;
    let asked = GrantRequest::parse(&body)?;
    let base = || public_base(&app, &door, &head.headers, &head.uri, &prefix);
    let grant = app.grant(&asked, &granted, source(&app, &door, &head.headers), &door, base).await?;
    Ok(no_store(json_response(&grant)))
}

/// `GET /s3/params` as Uppy Companion answers it, for flows with forms.
pub(super) async fn s3_params<F: Flow>(
    State(app): State<Arc<App<F>>>,
    door: Option<Extension<Door>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let door = door.map(|Extension(door)| door).unwrap_or_default();
    let caller = app.caller(request.headers(), &door).await?;
    let granted = app.granted(&caller)?;
    if !app.has_companion() {
        return Err(Problem::new(Code::InvalidRequest, "this flow has no forms for Uppy: use POST /grants"));
    }
    let asked = companion_request(request.uri().query().unwrap_or_default(), F::PARAMS)?;
    let source = source(&app, &door, request.headers());
    let grant = app.grant(&asked, &granted, source, &door, || Ok(String::new())).await?;
    Ok(no_store(json_response(&json!({
        "method": grant.method, "url": grant.url, "fields": grant.fields, "headers": grant.headers,
        "expires": grant.expires, "key": grant.key,
    }))))
}

impl<F: Flow> App<F> {
    /// Whether the flow has forms for Uppy: those of aicontent are not a store's.
    pub(super) fn has_companion(&self) -> bool {
        self.flow.modes().contains(&Mode::Form) && F::NAME != "alibaba-aicontent"
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
        if let Some(sealers) = &self.sealers {
            let token = sealers.token(&Binding::of_grant::<F>(&grant, &ask, caller))?;
            grant.complete = Some(Complete { token, collect: F::COLLECT });
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

    /// Checks a request against flow, settings and policy: before any vendor call.
    fn ask(
        &self,
        asked: &GrantRequest,
        granted: &Permissions<'_>,
        source: Option<IpAddr>,
        max_body: u64,
    ) -> Result<Ask, Problem> {
        let mode = granted.mode(asked.mode, self.flow.modes())?;
        if !self.flow.modes().contains(&mode) {
            return Err(Problem::invalid("/mode", format!("this flow has no mode {}", mode.as_str())));
        }
        if mode == Mode::Credentials && !self.cx.settings.allow_credentials {
            return Err(Problem::at(Code::Forbidden, "/mode", "credentials mode is switched off"));
        }
        let bounded = mode == Mode::Relay || F::BOUNDED.contains(&mode);
        granted.size(asked.size, self.cx.settings.max_bytes.is_some(), bounded)?;
        self.checked_ask(asked, mode, granted, source, max_body)
    }

    /// Checks parameters, type and size, and puts the ask together.
    pub(crate) fn checked_ask(
        &self,
        asked: &GrantRequest,
        mode: Mode,
        granted: &Permissions<'_>,
        source: Option<IpAddr>,
        max_body: u64,
    ) -> Result<Ask, Problem> {
        let params = granted.params(F::PARAMS, self.flow.defaults(), &asked.params, source)?;
        let media = media::resolve(&asked.filename, asked.content_type.as_deref(), F::TYPES)?;
        let mut max_bytes = granted.max_bytes(&media.content_type, self.max_bytes(&media)?)?;
        if mode == Mode::Relay {
            self.sealers()?;
            max_bytes = max_bytes.min(max_body);
        }
        if asked.size.is_some_and(|size| size > max_bytes) {
            let detail = format!("files of this type are limited to {max_bytes} bytes");
            return Err(Problem::at(Code::TooLarge, "/size", detail));
        }
        let ask = Ask {
            id: new_id(),
            filename: asked.filename.clone(),
            content_type: media.content_type,
            extension: media.extension,
            size: asked.size,
            max_bytes,
            checksums: asked.checksums.clone(),
            mode,
            params,
            now: clock::now(),
            deadline: Instant::now() + self.cx.settings.timeout,
        };
        self.flow.check(&ask)?;
        Ok(ask)
    }

    /// The most bytes of a file of this type.
    fn max_bytes(&self, media: &Media) -> Result<u64, Problem> {
        let same_type =
            || F::TYPES.iter().filter(|row| media::matches(row.content_type, &media.content_type));
        let row = same_type().find(|row| row.extensions.contains(&media.extension.as_str()));
        let row = row.or_else(|| same_type().next());
        let accepted = match &self.cx.settings.content_types {
            Some(patterns) => patterns.iter().any(|pattern| media::matches(pattern, &media.content_type)),
            None => row.is_some(),
        };
        if !accepted {
            let detail = format!("files of type {} are not accepted", media.content_type);
            return Err(Problem::at(Code::UnsupportedType, "/content_type", detail));
        }
        let largest = || F::TYPES.iter().map(|row| row.max_bytes).max();
        let limit = self.cx.settings.max_bytes.or_else(|| row.map(|row| row.max_bytes)).or_else(largest);
        Ok(limit.unwrap_or(u64::MAX))
    }

    /// A grant for our own relay: no vendor call, the ticket says it all.
    fn relay_grant(&self, ask: &Ask, caller: Option<&str>, base: &str) -> Result<Grant, Problem> {
        let expires_at = ask.now.plus(self.cx.settings.ttl);
        let ticket = self.sealers()?.ticket(&Binding::of_ask(F::NAME, ask, caller, expires_at))?;
        let limits = ask.limits(&[Enforced::Key, Enforced::Size, Enforced::Type, Enforced::Expiry]);
        let mut grant = ask.grant::<F>(format!("{base}/relay/{ticket}"), ask.id.clone(), expires_at, limits);
        // Gateways rewrite text bodies; the type that counts is in the ticket.
        grant.headers = Pairs::new([("Content-Type", "application/octet-stream")]);
        grant.success_status = &[200];
        Ok(grant)
    }
}

/// `?filename=&type=&metadata[k]=` as a request in form mode; metadata that is no parameter is Uppy's own.
fn companion_request(query: &str, flow_params: &[&str]) -> Result<GrantRequest, Problem> {
    let pairs: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut document = json!({ "mode": "form", "params": {} });
    for (from, to) in [("filename", "filename"), ("type", "content_type")] {
        if let Some(value) = pairs.get(from) {
            document[to] = value.as_str().into();
        }
    }
    for name in flow_params {
        if let Some(value) = pairs.get(&format!("metadata[{name}]")) {
            document["params"][name] = match value.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                text => text.into(),
            };
        }
    }
    GrantRequest::from_value(&document)
}

pub(super) fn no_store(response: Response) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], response).into_response()
}
