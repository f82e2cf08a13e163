//! JSON read one level at a time: what nobody asks for costs no memory, however much of it there is.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Elements of an array that are kept: SQS delivers no more at a time.
pub(crate) const MOST_ELEMENTS: usize = 10_000;
/// Names that are kept to say what an unknown object looks like.
const MOST_NAMES: usize = 12;

/// Every member that an event or envelope is known by, in order.
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
    "actionGroup",
    "agent",
    "apiPath",
    "attributes",
    "authorizer",
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
    "eventID",
    "eventName",
    "eventSource",
    "eventSourceARN",
    "eventType",
    "event_source",
    "events",
    "filename",
    "function",
    "headers",
    "http",
    "httpMethod",
    "id",
    "identity",
    "isBase64Encoded",
    "is_base64_encoded",
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
    "multiValueHeaders",
    "multiValueQueryStringParameters",
    "name",
    "object",
    "obs",
    "offset",
    "oss",
    "partition",
    "path",
    "principal",
    "queryString",
    "queryStringParameters",
    "query_string_parameters",
    "rawPath",
    "rawQueryString",
    "raw_path",
    "record",
    "records",
    "requestContext",
    "requestId",
    "routeArn",
    "s3",
    "sequencer",
    "serviceArn",
    "serviceNetworkArn",
    "size",
    "smn",
    "source",
    "sourceIp",
    "specversion",
    "stage",
    "targetGroupArn",
    "topic",
    "triggerName",
    "triggerTime",
    "trigger_type",
    "type",
    "userArn",
    "userIdentity",
    "value",
    "version-id",
    "versionId",
];

/// An object's members, unread.
#[derive(Default)]
pub(crate) struct Members<'a> {
    known: Vec<(&'static str, &'a RawValue)>,
    names: Vec<Cow<'a, str>>,
}

/// Text that is copied only where it has escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Text that is none: its escapes mean nothing.
#[derive(Debug)]
pub(crate) struct Unreadable;

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

    /// The same, borrowed: the text of a name, nothing if it is empty or no text at all.
    ///
    /// # Errors
    /// [`Unreadable`] if it is text that means nothing, as half a surrogate pair.
    pub(crate) fn borrowed(&self, name: &str) -> Result<Option<Cow<'a, str>>, Unreadable> {
        let Some(json) = self.get(name).filter(|json| json.starts_with('"')) else { return Ok(None) };
        let Text(text) = serde_json::from_str(json).map_err(|_| Unreadable)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// Whether a member is true.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name) == Some("true")
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

/// Hands on the members of the object `json`, in their order: the text of each, of a list each text, and none for what is
/// neither. Nothing if `json` is no object.
pub(crate) fn each_text(json: &str, mut each: impl FnMut(&str, Option<&str>)) -> Result<(), Unreadable> {
    struct Reader<F>(F);
    impl<'de, F: FnMut(&str, Option<&str>)> Visitor<'de> for Reader<F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                let read = |json| serde_json::from_str::<Text<'de>>(json).map_err(serde::de::Error::custom);
                match value.get() {
                    text if text.starts_with('"') => (self.0)(&name, Some(&read(text)?.0)),
                    list if list.starts_with('[') => {
                        for text in Elements::of(list).unwrap_or_default().first {
                            if text.get().starts_with('"') {
                                (self.0)(&name, Some(&read(text.get())?.0));
                            }
                        }
                    }
                    _ => (self.0)(&name, None),
                }
            }
            Ok(())
        }
    }
    if !json.starts_with('{') {
        return Ok(());
    }
    serde_json::Deserializer::from_str(json).deserialize_map(Reader(&mut each)).map_err(|_| Unreadable)
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
                let mut members = Members { known: Vec::with_capacity(8), names: Vec::with_capacity(8) };
                while let Some(Text(name)) = map.next_key()? {
                    match KNOWN.binary_search(&&*name) {
                        Err(_) => drop(map.next_value::<IgnoredAny>()?),
                        Ok(place) => {
                            let (known, value) = (KNOWN[place], map.next_value()?);
                            // As for every reader of JSON, the last one of a name counts.
                            members.known.retain(|(other, _)| *other != known);
                            members.known.push((known, value));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_members_are_in_order() {
        assert!(KNOWN.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn every_text_of_an_object_is_handed_on() {
        let seen = |json| {
            let mut seen = Vec::new();
            let read = each_text(json, |name, text| seen.push(format!("{name}={}", text.unwrap_or("-"))));
            read.map(|()| seen.join(" ")).ok()
        };
        for (json, expected) in [
            (r#"{"a":"1","b":["2",3,"\u0034"],"c":5,"d":null,"a":"6"}"#, Some("a=1 b=2 b=4 c=- d=- a=6")),
            ("[1]", Some("")),
            (r#"{"a":"\ud800"}"#, None),
            (r#"{"a":["\ud800"]}"#, None),
        ] {
            assert_eq!(seen(json).as_deref(), expected, "{json}");
        }
    }
}
