//! JSON read one level at a time: what nobody asks for costs no memory, however much of it there is.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Elements of an array that are kept: SQS delivers no more at a time.
pub(crate) const MOST_ELEMENTS: usize = 10_000;
/// Members of an object that is an event, a record or an envelope: none has more than a few dozen.
const MOST_MEMBERS: usize = 256;
/// Names that are told of an unknown object.
const MOST_NAMES: usize = 12;

/// An object's members, unread.
#[derive(Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

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
    /// The members of the object that `json` is; none if it has more than [`MOST_MEMBERS`].
    pub(crate) fn of(json: &'a str) -> Option<Self> {
        if json.trim_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
    }

    /// A member; null counts as absent, and of several with one name the last counts, as for every reader of JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().rev().find(|(other, _)| other == name)?;
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
        let plain = self.0.iter().filter_map(|(name, _)| plain(name, 40));
        plain.take(MOST_NAMES).collect::<Vec<_>>().join(", ")
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
                let mut members = Members(Vec::with_capacity(16));
                while let Some((Text(name), value)) = map.next_entry()? {
                    if members.0.len() == MOST_MEMBERS {
                        return Err(serde::de::Error::custom("too many members"));
                    }
                    members.0.push((name, value));
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
    fn members_are_read_up_to_a_bound() {
        let object = |count: usize| {
            let members: Vec<String> = (0..count).map(|at| format!(r#""m{at}":{at}"#)).collect();
            format!("{{{},\"a\":null,\"a\":[1]}}", members.join(","))
        };
        let (within, beyond) = (object(MOST_MEMBERS - 2), object(MOST_MEMBERS - 1));
        let members = Members::of(&within).unwrap();
        assert_eq!((members.get("m7"), members.get("a"), members.get("b")), (Some("7"), Some("[1]"), None));
        assert_eq!(members.names(), "m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11");
        assert!(Members::of(&beyond).is_none());
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
