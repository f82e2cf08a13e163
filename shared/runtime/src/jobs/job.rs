//! Reading jobs out of messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::auth::Caller;
use crate::event::cloud_event;
use crate::transfer::Source;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::GrantRequest;
use upload_grant::wire::encode;

/// One upload to be done.
#[derive(Clone, Debug)]
pub struct Job {
    /// Names the job over all its deliveries.
    pub id: String,
    /// What its record and object go by: the id, under the caller's name where a caller sent it.
    pub name: String,
    /// SHA-256 of what it says, in hex.
    pub fingerprint: String,
    /// The file, as a caller would ask for it.
    pub request: GrantRequest,
    /// Where the bytes are.
    pub source: Source,
    /// Who is told of the outcome.
    pub notify: Option<Url>,
}

/// A job that cannot be read: what is known of it, so that its sender can be told.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// The id it would have had.
    pub id: String,
    /// As in [`Job`].
    pub fingerprint: String,
    /// Who is told.
    pub notify: Option<Url>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Job {
    /// As sent by `caller`: two callers' jobs of one id are two jobs.
    pub(super) fn of(mut self, caller: Option<&Caller>) -> Self {
        self.name = name_of(&self.id, caller);
        self
    }
}

/// What names a job of this id over all its deliveries.
pub(super) fn name_of(id: &str, caller: Option<&Caller>) -> String {
    match caller.and_then(|caller| caller.name.as_ref()) {
        Some(name) => format!("{name}\n{id}"),
        None => id.to_owned(),
    }
}

/// The jobs in a message's payload; usually one. A job that cannot be read is a problem in its place, under
/// the id it would have had.
pub(super) fn read(payload: &Value, message_id: &str) -> Vec<Result<Job, Box<Unreadable>>> {
    let string = |name: &str| payload.get(name).and_then(Value::as_str);
    if string("Event") == Some("s3:TestEvent") {
        return Vec::new();
    }
    if let Some(records) = payload.get("Records").and_then(Value::as_array) {
        let created = records.iter().filter(|record| {
            record
                .get("eventName")
                .and_then(Value::as_str)
                .is_some_and(|name| name.starts_with("ObjectCreated"))
        });
        return created.map(|record| s3(&record["s3"], true)).collect();
    }
    if string("Type") == Some("Notification") {
        let inner = string("Message").and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
        return read(&inner, string("MessageId").unwrap_or(message_id));
    }
    if let Some(detail) = payload.get("detail").filter(|_| payload.get("detail-type").is_some()) {
        if string("source") == Some("aws.s3") {
            return vec![s3(detail, false)];
        }
        return read(detail, string("id").unwrap_or(message_id));
    }
    if payload.get("specversion").is_some() {
        let message = cloud_event(payload);
        return read(&message.payload, &message.id);
    }
    vec![upload_job(payload, message_id)]
}

/// An UploadJob document. Without an id of its own or of its message, what it says names it.
fn upload_job(document: &Value, message_id: &str) -> Result<Job, Box<Unreadable>> {
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
    let told = notify.as_ref().ok().cloned().flatten();
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
        })
    };
    job().map_err(|problem| {
        Box::new(Unreadable { id: id.clone(), fingerprint: fingerprint.clone(), notify: told, problem })
    })
}

/// The job's own id, if it has one.
fn id(document: &Value) -> Result<Option<&str>, Problem> {
    let Some(id) = present(document, "id") else { return Ok(None) };
    let id = id.as_str().ok_or_else(|| Problem::invalid("/id", "a string is expected"))?;
    if !(1..=256).contains(&id.len()) || id.chars().any(char::is_control) {
        return Err(Problem::invalid("/id", "1 to 256 bytes are expected"));
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

/// A native notification: the object is the file, and its version the job.
fn s3(record: &Value, encoded: bool) -> Result<Job, Box<Unreadable>> {
    let bucket = record.pointer("/bucket/name").and_then(Value::as_str).unwrap_or_default();
    let raw_key = record.pointer("/object/key").and_then(Value::as_str).unwrap_or_default();
    let key = if encoded { form_decoded(raw_key) } else { raw_key.to_owned() };
    let object = |name: &str| record.pointer(&format!("/object/{name}")).and_then(Value::as_str);
    let version_id = object("versionId").or_else(|| object("version-id"));
    let instance = version_id.or_else(|| object("sequencer")).unwrap_or_default();
    let size = record.pointer("/object/size").cloned().unwrap_or(Value::Null);
    let mut id = format!("{bucket}/{key}/{instance}");
    if id.len() > 256 {
        id = encode::digest_hex(&Sha256::digest(id.as_bytes())).to_string(); // a long key: its hash names the job as well
    }
    let document = json!({
        "id": id,
        "filename": key.rsplit('/').next(),
        "size": size,
        "source": { "s3": { "bucket": bucket, "key": key, "version_id": version_id } },
    });
    upload_job(&document, "")
}

fn url(value: Option<&Value>, pointer: &str) -> Result<Url, Problem> {
    let url = value
        .and_then(Value::as_str)
        .filter(|text| text.len() <= 4096)
        .and_then(|text| Url::parse(text).ok());
    url.ok_or_else(|| Problem::invalid(pointer, "a URL is expected"))
}

/// `+` is a space, `%XX` a byte.
fn form_decoded(text: &str) -> String {
    let pair = format!("k={}", text.replace('&', "%26"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    decoded.unwrap_or_default()
}

/// The hash of what a document says, however its members are ordered and spaced.
fn fingerprint(document: &Value) -> String {
    let mut document = document.clone();
    document.sort_all_objects();
    encode::digest_hex(&Sha256::digest(document.to_string().as_bytes())).to_string()
}

/// The code of a problem that no delivery can do anything about.
pub(super) fn is_deployment_fault(code: Code) -> bool {
    matches!(code, Code::ConfigMissing | Code::VendorAuthFailed | Code::VendorNotSubscribed | Code::Internal)
}
