//! JSON read one level at a time: what nobody asks for costs no memory, however much of it there is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Elements of an array that are kept: SQS delivers no more at a time.
pub(crate) const MOST_ELEMENTS: usize = 10_000;
/// Names that are kept to say what an unknown object looks like.
const MOST_NAMES: usize = 12;

/// Every member that an event or envelope is known by.
const KNOWN: &[&str] = &[
    "CMQ",
    "Ckafka",
    "Event",
    "EventSource",
    "Message",
    "MessageGroupId",
    "MessageId",
    "Records",
    "Sns",
    "Type",
    "agent",
    "attributes",
    "body",
    "bucket",
    "cf",
    "connectionId",
    "cos",
    "data",
    "data_base64",
    "detail",
    "detail-type",
    "elb",
    "event",
    "eventName",
    "eventSource",
    "eventSourceARN",
    "eventType",
    "event_source",
    "events",
    "filename",
    "function",
    "http",
    "httpMethod",
    "id",
    "key",
    "lts",
    "message",
    "messageBody",
    "messageId",
    "messageVersion",
    "message_id",
    "messages",
    "method",
    "methodArn",
    "msgBody",
    "msgId",
    "name",
    "object",
    "offset",
    "partition",
    "path",
    "raw_path",
    "rawPath",
    "record",
    "records",
    "requestContext",
    "routeArn",
    "s3",
    "sequencer",
    "serviceNetworkArn",
    "size",
    "smn",
    "source",
    "specversion",
    "targetGroupArn",
    "topic",
    "triggerName",
    "triggerTime",
    "trigger_type",
    "type",
    "value",
    "version-id",
    "versionId",
    "actionGroup",
    "apiPath",
    "oss",
    "obs",
    "serviceArn",
    "eventID",
    "userIdentity",
    "stage",
];

/// An object's members, unread.
#[derive(Default)]
pub(crate) struct Members<'a> {
    known: Vec<(&'static str, &'a RawValue)>,
    names: Vec<String>,
}

/// An array's elements, unread.
#[derive(Default)]
pub(crate) struct Elements<'a> {
    /// The first [`MOST_ELEMENTS`].
    pub(crate) first: Vec<&'a RawValue>,
    /// How many there are.
    pub(crate) count: usize,
    /// Whether each of them, kept or not, is an object.
    pub(crate) all_objects: bool,
}

impl<'a> Members<'a> {
    /// The members of the object that `json` is.
    pub(crate) fn of(json: &'a str) -> Option<Self> {
        if json.trim_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
    }

    /// A member; null counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        debug_assert!(KNOWN.contains(&name), "{name} is not kept");
        let (_, value) = self.known.iter().rev().find(|(known, _)| *known == name)?;
        Some(value.get()).filter(|text| *text != "null")
    }

    /// A member that is text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    /// A member that is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Members<'a>> {
        Members::of(self.get(name)?)
    }

    /// A member that is an array.
    pub(crate) fn elements(&self, name: &str) -> Option<Elements<'a>> {
        Elements::of(self.get(name)?)
    }

    /// The first plain names among the members, for people.
    pub(crate) fn names(&self) -> String {
        self.names.join(", ")
    }
}

impl<'a> Elements<'a> {
    /// The elements of the array that `json` is.
    pub(crate) fn of(json: &'a str) -> Option<Self> {
        if json.trim_start().starts_with('[') { serde_json::from_str(json).ok() } else { None }
    }
}

/// The text that `json` is.
pub(crate) fn text(json: &str) -> Option<String> {
    if json.trim_start().starts_with('"') { serde_json::from_str(json).ok() } else { None }
}

/// How many values `json` holds at the most: one for each comma and bracket outside of text, and one more.
pub(crate) fn values(json: &str) -> usize {
    let (mut count, mut quoted, mut escaped) = (1, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b'[' | b'{' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

/// `text`, if it can be shown as it is.
pub(crate) fn plain(text: &str, most: usize) -> Option<&str> {
    ((1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(text)
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Members::default();
                while let Some(name) = map.next_key::<String>()? {
                    match KNOWN.iter().find(|known| **known == name) {
                        None => drop(map.next_value::<IgnoredAny>()?),
                        Some(known) => {
                            let value = map.next_value()?;
                            // As for every reader of JSON, the last one of a name counts.
                            members.known.retain(|(other, _)| other != known);
                            members.known.push((*known, value));
                        }
                    }
                    if members.names.len() < MOST_NAMES && plain(&name, 40).is_some() {
                        members.names.push(name);
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Elements<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Elements<'de>, A::Error> {
                let mut elements = Elements { all_objects: true, ..Elements::default() };
                while let Some(element) = sequence.next_element::<&RawValue>()? {
                    elements.count += 1;
                    elements.all_objects &= element.get().starts_with('{');
                    if elements.first.len() < MOST_ELEMENTS {
                        elements.first.push(element);
                    }
                }
                Ok(elements)
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}
