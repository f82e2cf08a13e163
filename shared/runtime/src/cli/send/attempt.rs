//! One upload under one grant, and whether another would help.

use std::time::Duration;

use serde_json::{Map, Value};

use super::function::{Function, document};
use super::grant::Grant;
use super::progress::Bar;
use super::transfer::Prepared;
use crate::transfer::{Digests, check_crc64, deliver, refused};
use crate::vendor::Reply;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;

/// A store that takes no bytes for so long, or does not answer after the last, has stopped.
const PATIENCE: Duration = Duration::from_secs(90);

/// An upload that succeeded.
pub(super) enum Uploaded {
    /// A relay's: the function has seen it.
    Receipt(Value),
    /// The document for `/complete`: the token, and what the store's answer had.
    Complete(Map<String, Value>),
}

/// Uploads under the grant that was asked for together with others', or asks for one.
///
/// # Errors
/// Retryable if a new grant and another upload may succeed.
pub(super) async fn attempt(
    function: &Function,
    prepared: &mut Prepared,
    bar: &Bar,
) -> Result<Uploaded, Problem> {
    let held = prepared.held.take().transpose()?.filter(Grant::is_fresh);
    let Prepared { source, checksums, request, .. } = prepared;
    bar.start("asking", source.length);
    let grant = match held {
        Some(grant) => grant,
        None => function.ask(request).await?,
    };
    bar.start("sending", source.length);
    let body = source.body(checksums.clone(), bar);
    let sent = deliver(&function.client, &grant.request(), body, bar.stalled(PATIENCE)).await;
    let (reply, digests) = sent?;
    let uploaded = if grant.mode == Mode::Relay {
        document(&reply).map(Uploaded::Receipt)
    } else {
        stored(&grant, &reply, &digests).map(Uploaded::Complete)
    };
    uploaded.map_err(|problem| {
        let ended = problem.code == Code::GrantExpired || says_expired(&reply) || grant.has_ended();
        // The grant's fault, not the file's: another will do.
        if ended && !problem.retryable { problem.retry_in(0.1) } else { problem }
    })
}

/// What of a store's answer goes to `/complete`.
fn stored(grant: &Grant, reply: &Reply, sent: &Digests) -> Result<Map<String, Value>, Problem> {
    if !grant.success_status.contains(&reply.status) {
        return Err(refused(reply, reply.xml("Code").as_deref()));
    }
    check_crc64(reply, sent)?;
    let mut document = Map::new();
    let complete = grant.complete.iter();
    for name in complete.clone().flat_map(|complete| &complete.collect) {
        let (member, value) = if name == "record_id" {
            ("record_id", Some(record_id(reply)?))
        } else {
            let member = if name.ends_with("crc64ecma") { "crc64" } else { name };
            (member, reply.header(name).map(str::to_owned))
        };
        document.extend(value.map(|value| (member.to_owned(), value.into())));
    }
    document.extend(complete.map(|complete| ("token".to_owned(), complete.token.clone().into())));
    Ok(document)
}

/// The evaluation service fails inside an HTTP 200: what it took has a record.
fn record_id(reply: &Reply) -> Result<String, Problem> {
    let document = reply.json().unwrap_or_default();
    let text = |name: &str| match &document[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    text("recordId").ok_or_else(|| refused(reply, text("errId").or_else(|| text("errorId")).as_deref()))
}

/// Stores say so in their message only; their code is that of every refusal.
fn says_expired(reply: &Reply) -> bool {
    String::from_utf8_lossy(&reply.body).to_ascii_lowercase().contains("expired")
}
