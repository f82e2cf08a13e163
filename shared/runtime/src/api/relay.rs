//! `PUT /relay/{ticket}`: the function uploads the body itself.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::response::Response;
use futures_util::TryStreamExt as _;
use serde_json::Value;
use tokio::time::Instant;

use super::grants::no_store;
use super::{Rejection, json_response};
use crate::app::{App, RequestOrigin, TicketClaims, carrier, receipt_of, time_for};
use crate::event::{Mangled, declared_length};
use crate::flow::Flow;
use crate::platform::telemetry;
use crate::platform::{clock, new_id};
use crate::state::Claim;
use crate::transfer;
use upload_grant::model::media;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;

pub(super) async fn relay<F: Flow>(
    State(app): State<Arc<App<F>>>,
    Path(ticket): Path<String>,
    origin: RequestOrigin,
    request: Request<Body>,
) -> Result<Response, Rejection> {
    let claims = app.sealers()?.open_ticket(&ticket, F::SPEC.name, clock::now())?;
    let _room = app.capacity.body(claims.caller.as_deref())?;
    let _place = app.capacity.place()?;
    telemetry::note(|notes| {
        notes.mode = Some(Mode::Relay.as_str());
        notes.grant_id = Some(claims.id.clone());
    });
    if let Some(Mangled(problem)) = request.extensions().get() {
        return Err(problem.clone().into());
    }
    let length = check_headers(&claims, request.headers())?;
    let name = format!("ticket:{}", claims.id);
    let time = time_for(app.cx.settings.timeout, length);
    let owner = new_id();
    match app.store.claim(&name, &owner, time).await? {
        Claim::Running => {
            return Err(Rejection::new(Code::AlreadyUsed, "this ticket is being used right now"));
        }
        Claim::Done(outcome) => return Ok(with_etag(&outcome.data)),
        Claim::Mine => {}
    }
    let mut lease = Lease { app: app.clone(), name: name.clone(), owner, spent: false };
    let source_failed = |_| Problem::new(Code::SourceFailed, "the request body broke off").retryable(true);
    // The platform may end the request sooner than we would.
    let deadline = origin.deadline;
    let usual = Instant::now() + time;
    let stream = request.into_body().into_data_stream().map_err(source_failed);
    let body = transfer::Body::new(length, claims.checksums.clone(), stream);
    let upload = claims.upload(length, carrier(app.flow.modes()), deadline.unwrap_or(usual).min(usual));
    // The flow says more exactly what took too long; this is for one that does not keep its deadline.
    let end = usual + Duration::from_millis(500);
    let end = deadline.map_or(end, |deadline| deadline.min(end));
    let time_is_up = |_| Err(Problem::new(Code::VendorTimeout, "the upload did not end in time"));
    let work = app.flow.upload(&app.cx, &upload, body);
    let stored = match tokio::time::timeout_at(end, work).await.unwrap_or_else(time_is_up) {
        Ok(stored) => stored,
        Err(problem) => {
            // At once, so that whoever reads the problem can try again.
            lease.spent = true;
            let _ = app.store.release(&name, &lease.owner).await;
            return Err(problem.into());
        }
    };
    let receipt = serde_json::to_value(receipt_of(&app.flow, &upload, stored, None)).unwrap_or(Value::Null);
    let keep = claims.expires_at.unix() - clock::now().unix() + 24 * 60 * 60;
    let keep = Duration::from_secs(keep.max(60).unsigned_abs());
    lease.spent = true;
    // The object is there: a store that fails now must not turn the upload into a failure.
    let _ = app.store.finish(&name, &lease.owner, receipt.clone().into(), keep).await;
    Ok(with_etag(&receipt))
}

/// A ticket in use; given back when the client goes away in the middle.
struct Lease<F: Flow> {
    app: Arc<App<F>>,
    name: String,
    owner: String,
    spent: bool,
}

impl<F: Flow> Drop for Lease<F> {
    fn drop(&mut self) {
        if !self.spent {
            let (app, name, owner) = (self.app.clone(), self.name.clone(), self.owner.clone());
            tokio::spawn(async move { app.store.release(&name, &owner).await });
        }
    }
}

/// The length of a body that the ticket allows.
fn check_headers(claims: &TicketClaims, headers: &HeaderMap) -> Result<u64, Problem> {
    // The store would have the encoded bytes, under the type of the file.
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        let detail = "the body is in a content encoding: send the file as it is";
        return Err(Problem::new(Code::UnsupportedType, detail));
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        let detail = "the body is a part of a file: send all of it";
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let fits = |sent: &str| {
        let declared = claims.declared_type.as_deref();
        media::may_be(sent, &claims.filename, &claims.content_type, declared)
    };
    if headers.get(header::CONTENT_TYPE).is_some_and(|value| !value.to_str().is_ok_and(fits)) {
        let detail =
            format!("the ticket is for a file of type {} ({})", claims.content_type, claims.extension);
        return Err(Problem::new(Code::UnsupportedType, detail));
    }
    let length = declared_length(headers)
        .ok_or_else(|| Problem::new(Code::LengthRequired, "Content-Length is required"))?;
    let too_large = |limit| Problem::new(Code::TooLarge, format!("the ticket is for {limit} bytes at most"));
    match claims.size {
        _ if length == 0 => Err(Problem::new(Code::InvalidRequest, "the body is empty")),
        Some(size) if length > size => Err(too_large(size)),
        Some(size) if length < size => {
            Err(Problem::new(Code::InvalidRequest, format!("the ticket is for {size} bytes")))
        }
        None if length > claims.max_bytes => Err(too_large(claims.max_bytes)),
        _ => Ok(length),
    }
}

fn with_etag(receipt: &Value) -> Response {
    let mut response = no_store(json_response(receipt));
    let etag = receipt.get("etag").and_then(Value::as_str).and_then(|etag| HeaderValue::from_str(etag).ok());
    if let Some(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
