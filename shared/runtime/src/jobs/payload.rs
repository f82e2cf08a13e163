//! From a message to its jobs: envelopes are opened, and events that need nothing are told apart from unknown ones.

use super::job::{Job, MOST_ID, Unreadable, fingerprint_of, upload_job};

use super::s3;
use crate::event::{self, Elements, Members, Message, plain};

/// The most records of a notification; S3 sends one.
const MOST_RECORDS: usize = 1_000;

/// What a part of a message turned out to be.
pub(super) enum Item {
    /// A job.
    Job(Box<Job>),
    /// A job that cannot be read.
    Unreadable(Box<Unreadable>),
    /// Known, and nothing to do: what it was.
    Nothing(String),
    /// Not recognized.
    Unknown(Unknown),
}

/// What is not recognized.
#[derive(Debug)]
pub(super) struct Unknown {
    /// The source it names, if any: those of one source are alike.
    pub(super) source: String,
    /// What was seen, in words.
    pub(super) seen: String,
}

impl Unknown {
    fn new(seen: impl Into<String>) -> Self {
        Self { source: String::new(), seen: seen.into() }
    }

    fn of(members: &Members<'_>) -> Self {
        let source = event::source_of(members).unwrap_or_default();
        Self { source, seen: event::seen(members) }
    }

    /// As a job that cannot be read, under the id of its message if that can be shown.
    pub(super) fn unreadable(&self, message: &Message) -> Unreadable {
        let fingerprint = fingerprint_of(message.payload.as_bytes());
        let id = if is_id(&message.id) && !message.id.is_empty() { &message.id } else { &fingerprint };
        let problem = event::unknown(&self.seen);
        Unreadable { id: id.clone(), fingerprint, notify: None, problem, is_job: false }
    }
}

/// What is in a message: at least one item.
pub(super) fn read(message: &Message) -> Vec<Item> {
    open(&message.payload, &message.id, message.envelopes)
}

fn open(json: &str, id: &str, envelopes: usize) -> Vec<Item> {
    let unknown = |seen: String| vec![Item::Unknown(Unknown::new(seen))];
    if !is_id(id) {
        return unknown(format!("a message id of {} bytes, or with control characters", id.len()));
    }
    // Some senders encode the JSON in base64 first.
    let decoded = if json.trim_start().starts_with('{') { None } else { event::decoded(json.trim()) };
    let json = decoded.as_deref().unwrap_or(json);
    let Some(members) = Members::of(json) else { return unknown("no JSON object".to_owned()) };
    if let Some(reason) = event::nothing(&members) {
        return vec![Item::Nothing(reason)];
    }
    if let Some(records) = members.elements("Records") {
        return notification(&members, &records);
    }
    if event::is_event_bridge(&members) && members.text("source").as_deref() == Some("aws.s3") {
        return vec![s3::created(&members.object("detail").unwrap_or_default(), false)];
    }
    match inside(&members) {
        Some(_) if envelopes == 0 => unknown("more envelopes around a job than are opened".to_owned()),
        Some((payload, own)) => open(&payload, own.as_deref().unwrap_or(id), envelopes - 1),
        None if event::is_job(&members) => vec![document(json, id)],
        None => vec![Item::Unknown(Unknown::of(&members))],
    }
}

/// What is in an envelope of SNS, EventBridge or CloudEvents, and the envelope's id.
fn inside(members: &Members<'_>) -> Option<(String, Option<String>)> {
    if members.text("Type").as_deref() == Some("Notification") {
        return Some((members.text("Message")?, members.text("MessageId")));
    }
    if event::is_event_bridge(members) {
        let ours = event::foreign_source(members).is_none();
        return ours
            .then(|| (members.get("detail").map(event::unwrapped).unwrap_or_default(), members.text("id")));
    }
    members.get("specversion")?;
    let message = event::cloud_event(members);
    Some((message.payload, Some(message.id)))
}

fn document(json: &str, id: &str) -> Item {
    match event::document(json) {
        Ok(document) => {
            upload_job(&document, id).map_or_else(Item::Unreadable, |job| Item::Job(Box::new(job)))
        }
        Err(problem) => Item::Unknown(Unknown::new(problem.detail)),
    }
}

/// Records of S3 and of stores that are compatible with it, each on its own.
fn notification(members: &Members<'_>, records: &Elements<'_>) -> Vec<Item> {
    if records.count == 0 || records.count > MOST_RECORDS {
        let seen = format!("{} records of {}", records.count, event::seen(members));
        return vec![Item::Unknown(Unknown::new(seen))];
    }
    let record = |json: &str| {
        let Some(record) = Members::of(json) else { return Item::Unknown(Unknown::of(members)) };
        let Some(object) = record.object("s3") else { return Item::Unknown(Unknown::of(&record)) };
        // AWS leaves out the `s3:` that others write as its documentation does.
        let name = record.text("eventName").unwrap_or_default();
        match name.strip_prefix("s3:").unwrap_or(&name) {
            "" => Item::Unknown(Unknown::of(&record)),
            kind if kind.starts_with("ObjectCreated:") => s3::created(&object, true),
            kind => Item::Nothing(plain(kind, 80).unwrap_or("a kind with no plain name").to_owned()),
        }
    };
    records.first.iter().map(|one| record(one.get())).collect()
}

fn is_id(id: &str) -> bool {
    id.len() <= MOST_ID && !id.chars().any(char::is_control)
}
