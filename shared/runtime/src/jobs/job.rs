//! Reading jobs out of messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use ulid::Ulid;
use url::Url;

use crate::auth::Caller;
use crate::transfer::Source;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::GrantRequest;
use upload_grant::wire::encode;

/// The longest id of a job or of its message; SQS has 36 bytes, Kafka's are of topic, partition and offset.
pub(super) const MOST_ID: usize = 512;

/// One upload to be done.
#[derive(Clone, Debug)]
pub struct Job {
    /// Names the job over all its deliveries.
    pub id: String,
    /// What its record and object are named after: the id, under the caller's name where a caller sent it.
    pub name: String,
    /// SHA-256 of its content, in hex.
    pub fingerprint: String,
    /// The file, as a caller would ask for it.
    pub request: GrantRequest,
    /// Where the bytes are.
    pub source: Source,
    /// Where the webhook with the outcome goes.
    pub notify: Option<Url>,
    /// Whether the source's content type counts where the file's name implies none that is allowed.
    pub typed_by_source: bool,
}

/// A job that cannot be read: what is known of it, so that its sender can be notified.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// The id it would have had.
    pub id: String,
    /// As in [`Job`].
    pub fingerprint: String,
    /// As in [`Job`].
    pub notify: Option<Url>,
    /// What is wrong with it.
    pub problem: Problem,
    /// Whether it is meant as a job. What is not is never acknowledged, whoever was notified of it.
    pub is_job: bool,
}

impl Job {
    /// As sent by `caller`: two callers' jobs of one id are two jobs.
    pub(super) fn of(mut self, caller: Option<&Caller>) -> Self {
        self.name = name_of(&self.id, caller);
        self
    }

    /// A ULID whose 128 bits are those of the job's hash.
    pub(super) fn ulid(&self, flow: &str) -> String {
        ulid(flow, &self.name)
    }

    /// The id of the webhook with the job's outcome.
    pub(super) fn webhook_id(&self, flow: &str, failure: Option<Code>) -> String {
        webhook_id(flow, &self.name, &self.fingerprint, failure)
    }
}

impl Unreadable {
    /// The id of the webhook with its problem.
    pub(super) fn webhook_id(&self, flow: &str, caller: Option<&Caller>) -> String {
        webhook_id(flow, &name_of(&self.id, caller), &self.fingerprint, Some(self.problem.code))
    }
}

fn ulid(flow: &str, name: &str) -> String {
    let digest = Sha256::digest(format!("{flow}\n{name}").as_bytes());
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    Ulid::from(u128::from_be_bytes(bits)).to_string()
}

/// The same for every delivery of one outcome, and another for another outcome, so that a receiver who drops what it
/// has seen does not drop the success that follows a failure.
fn webhook_id(flow: &str, name: &str, fingerprint: &str, failure: Option<Code>) -> String {
    let outcome = failure.map_or("ok", Code::as_str);
    format!("msg_{}", ulid(flow, &format!("{name}\n{fingerprint}\n{outcome}")))
}

/// The name of a job with this id, the same over all its deliveries. A caller's jobs are under the hash of its name,
/// which has a fixed length. No job of a queue can have such a name: ids have no line breaks.
pub(super) fn name_of(id: &str, caller: Option<&Caller>) -> String {
    match caller.and_then(|caller| caller.name.as_ref()) {
        Some(name) => format!("caller\n{}\n{id}", encode::digest_hex(&Sha256::digest(name.as_bytes()))),
        None => id.to_owned(),
    }
}

/// Reads an UploadJob document. Its id is its own, else its message's, else its fingerprint.
pub(super) fn upload_job(document: &Value, message_id: &str) -> Result<Job, Box<Unreadable>> {
    let fingerprint = fingerprint(document);
    let named = id(document).map(|id| id.unwrap_or(message_id));
    let id = match &named {
        Ok(id) if !id.is_empty() => (*id).to_owned(),
        Err(_) if !message_id.is_empty() => message_id.to_owned(),
        _ => fingerprint.clone(),
    };
    let notify = match present(document, "notify") {
        Some(notify) => url(notify.get("url"), "/notify/url").map(Some),
        None => Ok(None),
    };
    let webhook = notify.as_ref().ok().cloned().flatten();
    let job = || {
        if !document.is_object() {
            return Err(Problem::invalid("", "the message is not a JSON object"));
        }
        named?;
        Ok(Job {
            id: id.clone(),
            name: id.clone(),
            fingerprint: fingerprint.clone(),
            request: GrantRequest::from_value(document)?,
            source: source(present(document, "source"))?,
            notify: notify?,
            typed_by_source: false,
        })
    };
    job().map_err(|problem| {
        Box::new(Unreadable {
            id: id.clone(),
            fingerprint: fingerprint.clone(),
            notify: webhook,
            problem,
            is_job: true,
        })
    })
}

/// The job's own id, if it has one.
fn id(document: &Value) -> Result<Option<&str>, Problem> {
    let Some(id) = present(document, "id") else { return Ok(None) };
    let id = id.as_str().ok_or_else(|| Problem::invalid("/id", "a string is expected"))?;
    if !(1..=MOST_ID).contains(&id.len()) || id.chars().any(char::is_control) {
        return Err(Problem::invalid("/id", format!("1 to {MOST_ID} bytes are expected")));
    }
    Ok(Some(id))
}

fn present<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    document.get(name).filter(|value| !value.is_null())
}

fn source(source: Option<&Value>) -> Result<Source, Problem> {
    let one = || Problem::invalid("/source", "one of url, base64, s3 is expected");
    let source = source.and_then(Value::as_object).filter(|source| source.len() == 1).ok_or_else(one)?;
    if source.contains_key("url") {
        return url(source.get("url"), "/source/url").map(Source::Url);
    }
    if let Some(base64) = source.get("base64") {
        let bytes =
            base64.as_str().and_then(|text| STANDARD.decode(text).ok()).filter(|bytes| !bytes.is_empty());
        let bytes = bytes.ok_or_else(|| {
            Problem::invalid("/source/base64", "the base64 of at least one byte is expected")
        })?;
        return Ok(Source::Bytes(Bytes::from(bytes)));
    }
    let s3 = source.get("s3").ok_or_else(one)?;
    let text = |name: &str| s3.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let need = |name: &str| {
        text(name)
            .map(str::to_owned)
            .ok_or_else(|| Problem::invalid(format!("/source/s3/{name}"), "a string is expected"))
    };
    Ok(Source::S3 {
        bucket: need("bucket")?,
        key: need("key")?,
        version_id: text("version_id").map(str::to_owned),
    })
}

fn url(value: Option<&Value>, pointer: &str) -> Result<Url, Problem> {
    let url = value
        .and_then(Value::as_str)
        .filter(|text| text.len() <= 4096)
        .and_then(|text| Url::parse(text).ok());
    url.ok_or_else(|| Problem::invalid(pointer, "a URL is expected"))
}

/// The hash of a document's content, however its members are ordered and spaced.
fn fingerprint(document: &Value) -> String {
    let mut document = document.clone();
    document.sort_all_objects();
    fingerprint_of(document.to_string().as_bytes())
}

/// SHA-256 in hex.
pub(super) fn fingerprint_of(bytes: &[u8]) -> String {
    encode::digest_hex(&Sha256::digest(bytes)).to_string()
}

/// Whether a problem is the deployment's: the job stays in the queue until an operator has fixed it.
pub(super) fn is_deployment_fault(code: Code) -> bool {
    matches!(code, Code::ConfigMissing | Code::VendorAuthFailed | Code::VendorNotSubscribed | Code::Internal)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_senders_have_one_job() {
        let names = ["", "a", "b", "a\nb", "b\na", "caller", "caller\na", "a\n", "\na", "1", "a:b", "queue"];
        let ids = ["1", "a", "b", "a:1", "b/1", "caller", "caller:a:1", "j"];
        let mut seen = HashSet::new();
        for id in ids {
            assert!(seen.insert(name_of(id, None)));
            for name in names {
                let caller = Caller { name: Some(name.to_owned()), ..Caller::default() };
                assert!(seen.insert(name_of(id, Some(&caller))), "{name:?} {id}");
            }
        }
        assert_eq!(seen.len(), ids.len() * (names.len() + 1));
    }
}
