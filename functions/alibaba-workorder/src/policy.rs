//! Reading an OSS post policy that somebody else signed.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use upload_grant::wire::time::Timestamp;

/// What the store will hold the form to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// Most bytes.
    pub(crate) max_bytes: u64,
    /// What it says about the key.
    pub(crate) key: KeyRule,
    /// End of the form.
    pub(crate) expires_at: Timestamp,
}

/// What a policy says about the key. The vendor's forms of this kind differ in that, and the directory is `dir` in
/// all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyRule {
    /// Nothing.
    Any,
    /// It starts so.
    StartsWith(String),
    /// It is this one.
    Is(String),
}

impl KeyRule {
    /// Whether the store will let `key` through.
    pub(crate) fn allows(&self, key: &str) -> bool {
        match self {
            Self::Any => true,
            Self::StartsWith(prefix) => key.starts_with(prefix),
            Self::Is(only) => key == only,
        }
    }
}

/// The vendor's own sample lacks the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Policy {
    /// Decodes the base64 JSON; none if it lacks expiry or size range.
    pub(crate) fn read(base64: &str) -> Option<Self> {
        let document: Value = serde_json::from_slice(&LENIENT.decode(base64.trim()).ok()?).ok()?;
        let conditions = document.get("conditions")?.as_array()?;
        let triple = |name: &str, subject: Option<&str>| {
            conditions.iter().filter_map(Value::as_array).find(|condition| {
                condition.len() == 3
                    && condition[0].as_str().is_some_and(|first| first.eq_ignore_ascii_case(name))
                    && subject.is_none_or(|subject| condition[1].as_str() == Some(subject))
            })
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let named = conditions.iter().find_map(|condition| condition.get("key"));
        let key = match (triple("eq", Some("$key")), named, triple("starts-with", Some("$key"))) {
            (Some(condition), ..) => KeyRule::Is(text(&condition[2])?),
            (None, Some(only), _) => KeyRule::Is(text(only)?),
            (None, None, Some(condition)) => KeyRule::StartsWith(text(&condition[2])?),
            (None, None, None) => KeyRule::Any,
        };
        Some(Self {
            max_bytes: triple("content-length-range", None)?[2].as_u64()?,
            key,
            expires_at: Timestamp::parse_rfc3339(document.get("expiration")?.as_str()?)?,
        })
    }
}

/// What the policy has conditions on: names only, each once.
pub(crate) fn conditions(base64: &str) -> Vec<String> {
    let bytes = LENIENT.decode(base64.trim()).unwrap_or_default();
    let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let subject = |condition: &Value| match condition {
        Value::Object(members) => members.keys().next().cloned(),
        Value::Array(parts) if parts.first()?.as_str()?.starts_with("content-length") => {
            Some("size".to_owned())
        }
        Value::Array(parts) => Some(parts.get(1)?.as_str()?.trim_start_matches('$').to_owned()),
        _ => None,
    };
    let plain = |name: &String| {
        name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let conditions = document.get("conditions").and_then(Value::as_array);
    let mut names: Vec<String> = conditions.into_iter().flatten().filter_map(subject).filter(plain).collect();
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_policy_is_read_with_and_without_padding() {
        // {"expiration":"2019-11-07T12:33:08.471Z","conditions":[["content-length-range",0,2097152],
        //  ["starts-with","$key","pop_temp26842/"]]}
        let documented = "eyJleHBpcmF0aW9uIjoiMjAxOS0xMS0wN1QxMjozMzowOC40NzFaIiwiY29uZGl0aW9ucyI6W1siY29udGVudC1sZW5ndGgtcmFuZ2UiLDAsMjA5NzE1Ml0sWyJzdGFydHMtd2l0aCIsIiRrZXkiLCJwb3BfdGVtcDI2ODQyLyJdXX0";
        for policy in [documented.to_owned(), format!("{documented}=")] {
            let read = Policy::read(&policy).unwrap();
            assert_eq!(read.max_bytes, 2_097_152);
            assert_eq!(read.key, KeyRule::StartsWith("pop_temp26842/".to_owned()));
            assert_eq!(read.expires_at.unix(), 1_573_129_988);
        }
        assert!(
            KeyRule::StartsWith("a/".into()).allows("a/b") && !KeyRule::StartsWith("a/".into()).allows("b")
        );
        assert!(KeyRule::Is("a".into()).allows("a") && !KeyRule::Is("a".into()).allows("a/b"));
        assert_eq!(Policy::read("e30="), None);
        assert_eq!(Policy::read("not base64"), None);
    }
}
