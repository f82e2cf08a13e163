//! Telling events apart: what a runtime hands over is a request, messages, or nothing to do.
//!
//! Everything is read from plain JSON; `shared/deploy` and `tests/events` show each shape.

mod http_event;
mod messages;

use serde_json::Value;

pub use http_event::{HttpEvent, Shape};
pub use messages::{Delivery, Message, Report};
pub(crate) use messages::{batch_item_failures, binary_cloud_event, cloud_event};

use upload_grant::model::problem::{Code, Problem};

/// What an event turned out to be.
pub enum Event {
    /// A gateway's request.
    Http(Box<HttpEvent>),
    /// Messages of a queue or topic.
    Messages(Delivery),
    /// A bare document: a direct invocation.
    Direct(Value),
    /// A platform's test or timer: nothing to do.
    Nothing,
}

/// Recognizes `event`.
///
/// # Errors
/// `invalid_request` naming the members that were seen.
pub fn classify(event: Value) -> Result<Event, Problem> {
    if let Some(request) = http_event::read(&event) {
        return request.map(|request| Event::Http(Box::new(request)));
    }
    if is_test(&event) {
        return Ok(Event::Nothing);
    }
    if let Some(delivery) = messages::read(&event) {
        return Ok(Event::Messages(delivery));
    }
    if event.get("filename").or(event.get("name")).or(event.get("key")).is_some()
        || event.get("source").is_some()
    {
        return Ok(Event::Direct(event));
    }
    Err(unknown(&event))
}

/// What S3 sends when a notification is set up, and timers.
fn is_test(event: &Value) -> bool {
    event.get("Event").and_then(Value::as_str) == Some("s3:TestEvent")
        || event.get("Type").and_then(Value::as_str) == Some("Timer")
        || event.get("trigger_type").and_then(Value::as_str) == Some("TIMER")
        || event.get("triggerTime").is_some_and(|_| event.get("triggerName").is_some())
}

fn unknown(event: &Value) -> Problem {
    let seen = match event {
        Value::Object(members) => {
            let plain = |name: &&String| name.len() <= 40 && name.bytes().all(|b| b.is_ascii_graphic());
            let names: Vec<&str> = members.keys().filter(plain).take(12).map(String::as_str).collect();
            format!("an object with the members {}", names.join(", "))
        }
        Value::Array(_) => "an array".to_owned(),
        _ => "neither an object nor an array".to_owned(),
    };
    Problem::new(Code::InvalidRequest, format!("this event is not known: {seen}"))
}
