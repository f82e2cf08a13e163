//! Messages of queues and topics: which events hold some, and how each platform wants to hear of failures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Value, json};

use super::lazy_json::{Elements, Members, plain, text, values};
use upload_grant::model::problem::{Code, Problem};

/// The most messages of a delivery that are looked at.
pub const MOST_MESSAGES: usize = 1_000;
/// The most envelopes around a job, the platform's own record not counted.
const MOST_ENVELOPES: usize = 3;
/// The most values in a document that is read as a whole; jobs have a few dozen.
const MOST_VALUES: usize = 10_000;

/// What an event that is no HTTP request turned out to be.
#[derive(Debug)]
pub enum Event {
    /// Messages of a queue or topic.
    Messages(Delivery),
    /// A direct invocation: a grant request.
    Request(Value),
    /// A direct invocation: a job, whose `source` is an object.
    Job(Value),
    /// Known, and nothing to do: what it was.
    Nothing(String),
}

/// Messages that came together.
#[derive(Debug)]
pub struct Delivery {
    /// In the order they came.
    pub messages: Vec<Message>,
    /// Ids of those beyond [`MOST_MESSAGES`], which fail unread.
    pub beyond: Vec<String>,
    /// How failures are reported.
    pub report: Report,
}

/// One message.
#[derive(Debug)]
pub struct Message {
    /// The platform's id of it, which failure reports name.
    pub id: String,
    /// The FIFO group it belongs to: later ones must not overtake it.
    pub group: Option<String>,
    /// What it says: the JSON of a job, or of an envelope around one.
    pub payload: String,
    /// How many envelopes may be around the job.
    pub envelopes: usize,
}

impl Message {
    /// A job that came alone and unnamed.
    pub(crate) fn bare(job: &str) -> Self {
        message(None, job.to_owned())
    }
}

/// How a platform hears of failed messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Each by its id.
    Items,
    /// All or nothing: one failure fails the delivery, and the records answer for the others next time.
    Whole,
}

/// Recognizes an event that is no HTTP request, from its JSON.
///
/// # Errors
/// `invalid_request` naming what was seen, `too_large` for more than [`MOST_MESSAGES`] that cannot fail singly.
pub fn classify(event: &str) -> Result<Event, Problem> {
    if let Some(array) = Elements::of(event) {
        return listed(&array, array_element);
    }
    let Some(members) = Members::of(event) else {
        let is_object = event.trim_start().starts_with('{');
        return Err(unknown(if is_object {
            "an object that cannot be read"
        } else {
            "neither an object nor an array"
        }));
    };
    if let Some(reason) = nothing(&members) {
        return Ok(Event::Nothing(reason));
    }
    if foreign(&members, &members.object("requestContext").unwrap_or_default()).is_some() {
        return Err(unknown(&seen(&members)));
    }
    if let Some(records) = members.elements("Records") {
        return recorded(event, &members, &records);
    }
    if let Some(records) = members.elements("record") {
        return listed(&records, |record| Some(smn(&Members::of(record)?.object("smn")?)));
    }
    if members.text("trigger_type").as_deref() == Some("KAFKA") {
        return dms(&members);
    }
    if members.get("specversion").is_some() {
        return Ok(whole(vec![cloud_event(&members)]));
    }
    // A topic of SNS posts this to a subscribed address.
    if members.text("Type").as_deref() == Some("Notification")
        && let Some(inner) = members.text("Message")
    {
        return Ok(whole(vec![message(members.text("MessageId"), inner)]));
    }
    if is_event_bridge(&members) {
        if foreign_source(&members).is_some() {
            return Err(unknown(&seen(&members)));
        }
        let own = message(members.text("id"), event.to_owned());
        return Ok(whole(vec![Message { envelopes: MOST_ENVELOPES + 1, ..own }]));
    }
    if is_job(&members) {
        let document = document(event)?;
        let has_source = document.get("source").is_some_and(Value::is_object);
        return Ok(if has_source { Event::Job(document) } else { Event::Request(document) });
    }
    Err(unknown(&seen(&members)))
}

/// A document that is to be read as a whole.
///
/// # Errors
/// `invalid_request` if it is no JSON or holds more than [`MOST_VALUES`].
pub(crate) fn document(json: &str) -> Result<Value, Problem> {
    if values(json) > MOST_VALUES {
        return Err(Problem::invalid("", format!("the document has more than {MOST_VALUES} values")));
    }
    serde_json::from_str(json).map_err(|_| Problem::invalid("", "the document is not valid JSON"))
}

/// What a known event is that there is nothing to do for: a platform's test, or a timer.
pub(crate) fn nothing(members: &Members<'_>) -> Option<String> {
    if members.text("Event").as_deref() == Some("s3:TestEvent") {
        return Some("s3:TestEvent".to_owned());
    }
    let is_timer = members.text("Type").as_deref() == Some("Timer")
        || members.text("trigger_type").as_deref() == Some("TIMER")
        || (members.get("triggerTime").is_some() && members.get("triggerName").is_some());
    if is_timer {
        return Some("a timer".to_owned());
    }
    if !is_event_bridge(members) {
        return None;
    }
    let (source, kind) = (members.text("source")?, members.text("detail-type")?);
    let idle = match source.as_str() {
        "aws.events" | "aws.scheduler" => true,
        "aws.s3" => kind != "Object Created",
        _ => false,
    };
    idle.then(|| format!("{} of {source}", plain_words(&kind)))
}

/// Whether an object has what every EventBridge event has.
pub(crate) fn is_event_bridge(members: &Members<'_>) -> bool {
    members.get("detail-type").is_some() && members.get("detail").is_some()
}

/// The source of an EventBridge event that none of ours can have: AWS keeps `aws.` for itself.
pub(crate) fn foreign_source(members: &Members<'_>) -> Option<String> {
    members.text("source").filter(|source| source.starts_with("aws.") && source != "aws.s3")
}

/// Whether a document is meant as a request or job.
pub(crate) fn is_job(members: &Members<'_>) -> bool {
    ["filename", "name", "key"].iter().any(|name| members.get(name).is_some())
        || members.object("source").is_some()
}

/// What an event is that looks like a request, or is known from elsewhere, and is none of ours; with its
/// `requestContext`.
pub(crate) fn foreign(members: &Members<'_>, context: &Members<'_>) -> Option<&'static str> {
    if context.get("connectionId").is_some() {
        return Some("a WebSocket event of API Gateway");
    }
    if members.get("messageVersion").is_some() && members.get("agent").is_some() {
        return Some("an action of a Bedrock agent");
    }
    let asks = matches!(members.text("type").as_deref(), Some("REQUEST" | "TOKEN"));
    if asks && (members.get("methodArn").is_some() || members.get("routeArn").is_some()) {
        return Some("a question to an authorizer of API Gateway");
    }
    None
}

/// What was seen of an event, in words: its kind or source as far as it tells them, and its members.
pub(crate) fn seen(members: &Members<'_>) -> String {
    let names = match members.names() {
        names if names.is_empty() => "an object without a plain member".to_owned(),
        names => format!("an object with the members {names}"),
    };
    let context = members.object("requestContext").unwrap_or_default();
    match foreign(members, &context).map(str::to_owned).or_else(|| source_of(members)) {
        Some(source) => format!("{source}, {names}"),
        None => names,
    }
}

/// The source that an event or its first record tells.
pub(crate) fn source_of(members: &Members<'_>) -> Option<String> {
    let of = |members: &Members<'_>| {
        let kind = ["cos", "cf"].into_iter().find(|name| members.get(name).is_some());
        let named = || members.object("event").and_then(|event| event.text("eventName"));
        let told = ["eventSource", "EventSource", "event_source"].iter().find_map(|name| members.text(name));
        let told = told.or_else(|| members.text("source"));
        kind.map(|kind| named().unwrap_or_else(|| kind.to_owned())).or(told)
    };
    let first = |name: &str| {
        members
            .elements(name)
            .and_then(|list| Members::of(list.first.first()?.get()).and_then(|one| of(&one)))
    };
    let source = of(members).or_else(|| ["Records", "records", "events"].into_iter().find_map(first))?;
    Some(plain(&source, 80).unwrap_or("a source with no plain name").to_owned())
}

/// The problem of an event or message that is not recognized.
pub(crate) fn unknown(seen: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("this event is not known: {seen}"))
}

/// Our own words for a kind that its sender named.
fn plain_words(kind: &str) -> &str {
    let is_plain = kind.len() <= 80 && kind.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_plain { kind } else { "a kind with no plain name" }
}

/// `Records`, as AWS and Tencent Cloud have them.
fn recorded(event: &str, members: &Members<'_>, records: &Elements<'_>) -> Result<Event, Problem> {
    // What is no object has no id, and fails beside the others.
    let first = records.first.iter().find_map(|record| Members::of(record.get())).unwrap_or_default();
    if first.text("eventSource").as_deref() == Some("aws:sqs") {
        return sqs_records(records);
    }
    if first.object("s3").is_some() {
        return Ok(whole(vec![message(None, event.to_owned())]));
    }
    if first.text("EventSource").as_deref() == Some("aws:sns") {
        return listed(records, |record| {
            let sns = Members::of(record)?.object("Sns")?;
            Some(message(sns.text("MessageId"), sns.text("Message").unwrap_or_default()))
        });
    }
    if first.get("Ckafka").is_some() {
        return listed(records, |record| Some(ckafka(&Members::of(record)?.object("Ckafka")?)));
    }
    if first.get("CMQ").is_some() {
        return listed(records, |record| {
            let cmq = Members::of(record)?.object("CMQ")?;
            Some(message(cmq.text("msgId"), cmq.text("msgBody").unwrap_or_default()))
        });
    }
    Err(unknown(&seen(members)))
}

fn whole(messages: Vec<Message>) -> Event {
    Event::Messages(Delivery { messages, beyond: Vec::new(), report: Report::Whole })
}

/// A message of each element: none may be of another kind, for nothing could be said about it.
fn listed(elements: &Elements<'_>, read: impl Fn(&str) -> Option<Message>) -> Result<Event, Problem> {
    if elements.count > MOST_MESSAGES {
        let detail = format!("a delivery has at most {MOST_MESSAGES} messages");
        return Err(Problem::new(Code::TooLarge, detail));
    }
    if elements.count == 0 {
        return Err(unknown("an empty array"));
    }
    let messages: Option<Vec<Message>> = elements.first.iter().map(|element| read(element.get())).collect();
    messages.map(whole).ok_or_else(|| unknown("an array with elements of another kind"))
}

/// A CloudEvent, as an object or as its JSON in text; a bare job is one too.
fn array_element(element: &str) -> Option<Message> {
    let unwrapped = text(element);
    let element = unwrapped.as_deref().unwrap_or(element);
    let members = Members::of(element)?;
    Some(if members.get("specversion").is_some() {
        cloud_event(&members)
    } else {
        message(None, element.to_owned())
    })
}

/// One CloudEvent; the queues of Alibaba Cloud wrap their messages once more.
pub(crate) fn cloud_event(event: &Members<'_>) -> Message {
    let data = match (event.get("data"), event.text("data_base64")) {
        (Some(data), _) => unwrapped(data),
        (None, Some(base64)) => decoded(&base64).unwrap_or_default(),
        (None, None) => String::new(),
    };
    cloud_event_with(&event.text("type").unwrap_or_default(), event.text("id"), data)
}

/// A CloudEvent in binary mode: its attributes are headers, its data is the body.
pub(crate) fn binary_cloud_event(headers: &HeaderMap, body: &[u8]) -> Message {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let data = String::from_utf8(body.to_vec()).unwrap_or_default();
    cloud_event_with(&header("ce-type").unwrap_or_default(), header("ce-id"), data)
}

fn cloud_event_with(kind: &str, id: Option<String>, data: String) -> Message {
    let Some(members) = Members::of(&data) else { return message(id, data) };
    let inner = match kind {
        _ if kind.starts_with("mns:") => members.get("messageBody"),
        _ if kind.starts_with("mq:") => members.get("body"),
        _ if kind.starts_with("alikafka:") => members.get("value"),
        _ => None,
    };
    let inner = inner.map(unwrapped);
    let own = members.text("messageId").filter(|own| !own.is_empty());
    drop(members);
    message(own.or(id), inner.unwrap_or(data))
}

/// SQS, whose records fail singly: also those that are too many.
fn sqs_records(records: &Elements<'_>) -> Result<Event, Problem> {
    if records.count > records.first.len() {
        return Err(Problem::new(Code::TooLarge, "no queue delivers so many messages"));
    }
    let (first, beyond) = records.first.split_at(records.first.len().min(MOST_MESSAGES));
    Ok(Event::Messages(Delivery {
        messages: first.iter().map(|record| sqs(&Members::of(record.get()).unwrap_or_default())).collect(),
        beyond: beyond.iter().map(|record| message_id(record.get())).collect(),
        report: Report::Items,
    }))
}

fn message_id(record: &str) -> String {
    Members::of(record).and_then(|record| record.text("messageId")).unwrap_or_default()
}

fn sqs(record: &Members<'_>) -> Message {
    let group = record.object("attributes").and_then(|attributes| attributes.text("MessageGroupId"));
    // Queue names are case-sensitive, and so is this suffix.
    let is_fifo = record.text("eventSourceARN").is_some_and(|arn| arn.strip_suffix(".fifo").is_some());
    let body = record.text("body").unwrap_or_default();
    Message { group: group.filter(|_| is_fifo), ..message(record.text("messageId"), body) }
}

fn ckafka(kafka: &Members<'_>) -> Message {
    let number = |name: &str| kafka.get(name).unwrap_or_default();
    let topic = kafka.text("topic").unwrap_or_default();
    let id = format!("{topic}-{}-{}", number("partition"), number("offset"));
    message(Some(id), kafka.text("msgBody").unwrap_or_default())
}

fn smn(smn: &Members<'_>) -> Message {
    message(smn.text("message_id"), smn.text("message").unwrap_or_default())
}

/// Huawei's Kafka and DMS records have no offset: the text itself names the message.
fn dms(event: &Members<'_>) -> Result<Event, Problem> {
    let mut messages = Vec::new();
    for record in event.elements("records").unwrap_or_default().first {
        let Some(texts) = Members::of(record.get()).and_then(|record| record.elements("messages")) else {
            return Err(unknown(&seen(event)));
        };
        if messages.len() + texts.count > MOST_MESSAGES {
            let detail = format!("a delivery has at most {MOST_MESSAGES} messages");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        messages.extend(texts.first.iter().map(|text| message(None, unwrapped(text.get()))));
    }
    if messages.is_empty() {
        return Err(unknown(&seen(event)));
    }
    Ok(whole(messages))
}

fn message(id: Option<String>, payload: String) -> Message {
    Message { id: id.unwrap_or_default(), group: None, payload, envelopes: MOST_ENVELOPES }
}

/// The text that `json` is, or itself.
pub(crate) fn unwrapped(json: &str) -> String {
    text(json).unwrap_or_else(|| json.to_owned())
}

/// The text in `base64`; some senders encode JSON so first.
pub(crate) fn decoded(base64: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(base64).ok()?).ok()
}

/// The report of failed messages by id.
pub(crate) fn batch_item_failures(ids: &[String]) -> Value {
    let items: Vec<Value> = ids.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": items })
}
