//! Messages of queues and topics, and how each platform wants to hear of failures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Map, Value, json};

/// Messages that came together.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// In the order they came.
    pub messages: Vec<Message>,
    /// How failures are reported.
    pub report: Report,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The platform's id of it, which failure reports name.
    pub id: String,
    /// The FIFO group it belongs to: later ones must not overtake it.
    pub group: Option<String>,
    /// What it says: a job, or an envelope around one.
    pub payload: Value,
}

/// How a platform hears of failed messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// Each by its id.
    Items,
    /// All or nothing: one failure fails the delivery, and the records answer for the others next time.
    Whole,
}

/// The messages in `event`, if it holds any.
pub(super) fn read(event: &Value) -> Option<Delivery> {
    if let Some(array) = event.as_array() {
        return Some(cloud_events(array));
    }
    let whole = |messages| Some(Delivery { messages, report: Report::Whole });
    if let Some(records) = event.get("Records").and_then(Value::as_array) {
        let first = records.first()?;
        return if first.get("eventSource").and_then(Value::as_str) == Some("aws:sqs") {
            Some(Delivery { messages: records.iter().map(sqs).collect(), report: Report::Items })
        } else if first.get("eventSource").and_then(Value::as_str) == Some("aws:s3") {
            whole(vec![message("", event.clone())])
        } else if first.get("EventSource").and_then(Value::as_str) == Some("aws:sns") {
            whole(records.iter().map(sns).collect())
        } else if first.get("Ckafka").is_some() {
            whole(records.iter().map(ckafka).collect())
        } else if first.get("CMQ").is_some() {
            whole(records.iter().map(cmq).collect())
        } else {
            None
        };
    }
    if let Some(records) = event.get("record").and_then(Value::as_array) {
        return whole(records.iter().filter_map(smn).collect());
    }
    if event.get("trigger_type").and_then(Value::as_str) == Some("KAFKA") {
        return whole(dms(event));
    }
    if event.get("specversion").is_some() {
        return Some(cloud_events(std::slice::from_ref(event)));
    }
    if event.get("detail-type").is_some() && event.get("detail").is_some() {
        return whole(vec![message(string(event, "id"), event.clone())]);
    }
    None
}

/// CloudEvents, as objects or as JSON text.
fn cloud_events(events: &[Value]) -> Delivery {
    let messages = events.iter().map(|event| match event {
        Value::String(text) => cloud_event(&parsed(text)),
        event => cloud_event(event),
    });
    Delivery { messages: messages.collect(), report: Report::Whole }
}

/// One CloudEvent; the queues of Alibaba Cloud wrap their messages once more.
pub(crate) fn cloud_event(event: &Value) -> Message {
    let data = match (event.get("data"), event.get("data_base64").and_then(Value::as_str)) {
        (Some(Value::String(text)), _) => parsed(text),
        (Some(data), _) => data.clone(),
        (None, Some(base64)) => {
            STANDARD.decode(base64).ok().map(|bytes| parsed_bytes(&bytes)).unwrap_or_default()
        }
        (None, None) => Value::Null,
    };
    let kind = string(event, "type");
    let inner = match kind {
        _ if kind.starts_with("mns:") => data.get("messageBody"),
        _ if kind.starts_with("mq:") => data.get("body"),
        _ if kind.starts_with("alikafka:") => data.get("value"),
        _ => None,
    };
    let payload = inner.map_or(data.clone(), unwrapped);
    let own = string(&data, "messageId");
    message(if own.is_empty() { string(event, "id") } else { own }, payload)
}

/// A CloudEvent in binary mode: its attributes are headers, its data is the body.
pub(crate) fn binary_cloud_event(headers: &HeaderMap, body: &[u8]) -> Message {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut event = Map::new();
    for name in ["id", "type", "source", "specversion"] {
        event.insert(name.to_owned(), header(&format!("ce-{name}")).into());
    }
    event.insert("data".to_owned(), parsed_bytes(body));
    cloud_event(&Value::Object(event))
}

fn sqs(record: &Value) -> Message {
    let group = record.pointer("/attributes/MessageGroupId").and_then(Value::as_str);
    // Queue names are case-sensitive, and so is this suffix.
    let is_fifo = string(record, "eventSourceARN").strip_suffix(".fifo").is_some();
    Message {
        group: group.filter(|_| is_fifo).map(str::to_owned),
        ..message(string(record, "messageId"), parsed(string(record, "body")))
    }
}

fn sns(record: &Value) -> Message {
    let sns = &record["Sns"];
    message(string(sns, "MessageId"), parsed(string(sns, "Message")))
}

fn ckafka(record: &Value) -> Message {
    let kafka = &record["Ckafka"];
    let id = kafka_id(kafka);
    message(&id, parsed(string(kafka, "msgBody")))
}

fn cmq(record: &Value) -> Message {
    let cmq = &record["CMQ"];
    message(string(cmq, "msgId"), parsed(string(cmq, "msgBody")))
}

fn smn(record: &Value) -> Option<Message> {
    let smn = record.get("smn")?;
    Some(message(string(smn, "message_id"), parsed(string(smn, "message"))))
}

/// Huawei's Kafka and DMS records have no offset: the text itself names the message.
fn dms(event: &Value) -> Vec<Message> {
    let records = event.get("records").and_then(Value::as_array).into_iter().flatten();
    let messages =
        records.flat_map(|record| record.get("messages").and_then(Value::as_array).into_iter().flatten());
    messages.map(|text| message("", unwrapped(text))).collect()
}

fn kafka_id(kafka: &Value) -> String {
    let offset = kafka.get("offset").map(ToString::to_string).unwrap_or_default();
    let partition = kafka.get("partition").map(ToString::to_string).unwrap_or_default();
    format!("{}-{partition}-{offset}", string(kafka, "topic"))
}

fn message(id: &str, payload: Value) -> Message {
    Message { id: id.to_owned(), group: None, payload }
}

fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn unwrapped(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), parsed)
}

/// The JSON in a message's text; some senders encode it in base64 first. Null if it is neither.
fn parsed(text: &str) -> Value {
    parsed_bytes(text.as_bytes())
}

fn parsed_bytes(bytes: &[u8]) -> Value {
    let decoded = || serde_json::from_slice(&STANDARD.decode(bytes).ok()?).ok();
    serde_json::from_slice(bytes).ok().or_else(decoded).unwrap_or(Value::Null)
}

/// The report of failed messages by id.
pub(crate) fn batch_item_failures(ids: &[String]) -> Value {
    let items: Vec<Value> = ids.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": items })
}
