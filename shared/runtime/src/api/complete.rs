//! `POST /complete`: from the client's word to a receipt, without any vendor call.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use serde_json::Value;

use super::grants::no_store;
use super::{Rejection, STRANGERS_TIME, json_response, read_document};
use crate::app::{App, TicketClaims, quoted};
use crate::flow::{Flow, UploadContext};
use crate::platform::clock;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Receipt, Verified};
use upload_grant::model::request::{self, Checksums, MAX_BODY, Mode};

pub(super) async fn complete<F: Flow>(
    State(app): State<Arc<App<F>>>,
    request: Request<Body>,
) -> Result<Response, Rejection> {
    let sealers = app.sealers()?;
    let (head, body) = request.into_parts();
    // Who sends it shows only in the document.
    let body = read_document(&head.headers, body, MAX_BODY, STRANGERS_TIME);
    let body = app.capacity.unidentified(body).await?;
    let sent: Value =
        serde_json::from_slice(&body).map_err(|_| Problem::invalid("", "the body is not valid JSON"))?;
    if !sent.is_object() {
        return Err(Problem::invalid("", "a JSON object is expected").into());
    }
    let token = text(&sent, "token")?.ok_or_else(|| Problem::invalid("/token", "token is required"))?;
    let claims = sealers.open_token(token, F::SPEC.name, clock::now())?;
    let _place = app.capacity.place()?;
    let receipt = receipt(&app.flow, &claims, &sent)?;
    // The function's own word about a relayed upload is worth more than the client's.
    if claims.mode == Mode::Relay
        && let Some(outcome) = app.store.outcome(&format!("ticket:{}", claims.id)).await?
    {
        return Ok(no_store(json_response(&outcome.data)));
    }
    Ok(no_store(json_response(&receipt)))
}

fn receipt<F: Flow>(flow: &F, claims: &TicketClaims, sent: &Value) -> Result<Receipt, Problem> {
    let size = match sent.get("size").filter(|size| !size.is_null()) {
        None => claims.size,
        Some(size) => Some(
            request::whole(size).ok_or_else(|| Problem::invalid("/size", "a whole number is expected"))?,
        ),
    };
    let mut checksums = checksums(sent)?;
    let crc64 = crc64(sent)?;
    let contradiction = contradiction(claims, size, &checksums, crc64.as_ref());
    if let Some(pointer) = contradiction {
        return Err(Problem::at(Code::CompleteMismatch, pointer, "this is not what the grant was given for"));
    }
    checksums.crc64 = checksums.crc64.or(crc64);
    let mut vendor = claims.vendor.clone();
    if let Some(record_id) = text(sent, "record_id")?.filter(|_| F::SPEC.collect.contains(&"record_id")) {
        vendor.insert("record_id".into(), record_id.into());
    }
    let mut receipt = Receipt {
        version: 1,
        id: claims.id.clone(),
        job_id: None,
        caller: None,
        flow: F::SPEC.name.to_owned(),
        filename: claims.filename.clone(),
        key: claims.key.clone(),
        location: claims.location.clone(),
        size,
        etag: text(sent, "etag")?.map(quoted),
        crc64: checksums.crc64.or_else(|| claims.checksums.crc64.clone()),
        sha256: checksums.sha256.or_else(|| claims.checksums.sha256.clone()),
        verified: Verified::Client,
        uploaded_at: clock::now(),
        vendor,
        handoff: None,
        document: None,
    };
    // Of a relay without the relay's own word nothing is known that could be handed on.
    if claims.mode != Mode::Relay {
        let context = UploadContext { content_type: &claims.content_type, params: &claims.params };
        receipt.handoff = flow.handoff(&receipt, &context);
    }
    Ok(receipt)
}

fn checksums(sent: &Value) -> Result<Checksums, Problem> {
    match sent.get("checksums").filter(|value| !value.is_null()) {
        Some(value) => request::checksums(value, "/checksums"),
        None => Ok(Checksums::default()),
    }
}

/// The `crc64` that a store's header says, beside the sender's own checksums.
fn crc64(sent: &Value) -> Result<Option<String>, Problem> {
    text(sent, "crc64")?.map(|text| request::crc64(text, "/crc64")).transpose()
}

/// The pointer to what contradicts the binding.
fn contradiction(
    claims: &TicketClaims,
    size: Option<u64>,
    sent: &Checksums,
    crc64: Option<&String>,
) -> Option<&'static str> {
    let wrong_size = match claims.size {
        Some(granted) => size.is_some_and(|size| size != granted),
        None => size.is_some_and(|size| size == 0 || size > claims.max_bytes),
    };
    if wrong_size {
        return Some("/size");
    }
    let granted = &claims.checksums;
    let pairs = [
        ("/checksums/md5", &granted.md5, sent.md5.as_ref()),
        ("/checksums/sha256", &granted.sha256, sent.sha256.as_ref()),
        ("/checksums/crc64", &granted.crc64, sent.crc64.as_ref()),
        ("/crc64", &granted.crc64, crc64),
    ];
    let differ = |granted: &Option<String>, sent: Option<&String>| {
        granted.as_ref().zip(sent).is_some_and(|(granted, sent)| granted != sent)
    };
    pairs.into_iter().find(|(_, granted, sent)| differ(granted, *sent)).map(|(pointer, ..)| pointer)
}

/// A plain text member of at most 256 bytes; longer for the token.
fn text<'a>(sent: &'a Value, name: &str) -> Result<Option<&'a str>, Problem> {
    // A client that could not read a header sends nothing in one way or another.
    let Some(value) = sent.get(name).filter(|value| !value.is_null() && *value != "") else {
        return Ok(None);
    };
    let limit = if name == "token" { MAX_BODY } else { 256 };
    let fits = |text: &&str| text.len() <= limit && !text.chars().any(char::is_control);
    value
        .as_str()
        .filter(fits)
        .map(Some)
        .ok_or_else(|| Problem::invalid(format!("/{name}"), "a plain, short string is expected"))
}
