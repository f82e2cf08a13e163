//! Reading an OSS post policy that the vendor signed.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use upload_grant::model::grant::{Enforced, Limits};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::wire::time::Timestamp;

/// What the store enforces on a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostPolicy {
    /// When the form expires.
    pub expires_at: Timestamp,
    /// Most bytes, if it limits them.
    pub max_bytes: Option<u64>,
    /// What it says about the key.
    pub key: KeyRule,
    /// Form fields that must have exactly this value.
    pub exact: BTreeMap<String, String>,
}

/// What a policy says about the key. The vendors' forms of one kind differ in that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyRule {
    /// It may be any.
    Any,
    /// It must start with this.
    StartsWith(String),
    /// It must be this one.
    Is(String),
}

impl KeyRule {
    /// Whether the store accepts `key`.
    pub fn allows(&self, key: &str) -> bool {
        match self {
            Self::Any => true,
            Self::StartsWith(prefix) => key.starts_with(prefix),
            Self::Is(only) => key == only,
        }
    }
}

/// The vendors' own samples lack the padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl PostPolicy {
    /// Decodes the base64 JSON; none if it is malformed, or has no expiration.
    pub fn read(base64: &str) -> Option<Self> {
        let document = document(base64)?;
        let mut policy = Self {
            expires_at: Timestamp::parse_rfc3339(document.get("expiration")?.as_str()?)?,
            max_bytes: None,
            key: KeyRule::Any,
            exact: BTreeMap::new(),
        };
        for condition in document.get("conditions")?.as_array()? {
            match condition {
                Value::Object(members) => {
                    let pairs = members.iter().filter_map(|(name, value)| Some((&**name, value.as_str()?)));
                    pairs.for_each(|(name, value)| policy.must_be(name, value));
                }
                Value::Array(parts) => policy.add(parts),
                _ => {}
            }
        }
        Some(policy)
    }

    fn add(&mut self, condition: &[Value]) {
        let [Value::String(kind), first, second] = condition else { return };
        match (&*kind.to_ascii_lowercase(), first.as_str(), second) {
            ("content-length-range", _, most) => self.max_bytes = most.as_u64().or(self.max_bytes),
            ("starts-with", Some("$key"), Value::String(prefix)) if self.key == KeyRule::Any => {
                self.key = KeyRule::StartsWith(prefix.clone());
            }
            ("eq", Some(name), Value::String(value)) => self.must_be(name.trim_start_matches('$'), value),
            _ => {}
        }
    }

    fn must_be(&mut self, name: &str, value: &str) {
        if name == "key" {
            self.key = KeyRule::Is(value.to_owned());
        }
        self.exact.insert(name.to_ascii_lowercase(), value.to_owned());
    }

    /// Which of `size`, `expiry` and `no-overwrite` the store therefore enforces by itself.
    pub fn enforced(&self) -> Vec<Enforced> {
        let no_overwrite = self.exact.get("x-oss-forbid-overwrite").is_some_and(|value| value == "true");
        let all = [
            (Enforced::Size, self.max_bytes.is_some()),
            (Enforced::NoOverwrite, no_overwrite),
            (Enforced::Expiry, true),
        ];
        all.into_iter().filter_map(|(what, is_bound)| is_bound.then_some(what)).collect()
    }
}

/// Lowers the agreed limits to the maximum of a vendor's form, if it has one.
///
/// # Errors
/// `too_large` if the agreed size is over it.
pub fn narrow(limits: &mut Limits, most: Option<u64>) -> Result<(), Problem> {
    let Some(most) = most else { return Ok(()) };
    if limits.min_bytes > most {
        let detail = format!("the vendor's form takes {most} bytes at most");
        return Err(Problem::at(Code::TooLarge, "/size", detail));
    }
    limits.max_bytes = limits.max_bytes.min(most);
    Ok(())
}

fn document(base64: &str) -> Option<Value> {
    serde_json::from_slice(&LENIENT.decode(base64.trim()).ok()?).ok()
}

/// The names of what the policy has conditions on, each once.
pub fn conditions(base64: &str) -> Vec<String> {
    let document = document(base64).unwrap_or_default();
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
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_documented_policy_is_read_with_and_without_padding() {
        // {"expiration":"2019-11-07T12:33:08.471Z","conditions":[["content-length-range",0,2097152],
        //  ["starts-with","$key","pop_temp26842/"]]}
        let documented = "eyJleHBpcmF0aW9uIjoiMjAxOS0xMS0wN1QxMjozMzowOC40NzFaIiwiY29uZGl0aW9ucyI6W1siY29udGVudC1sZW5ndGgtcmFuZ2UiLDAsMjA5NzE1Ml0sWyJzdGFydHMtd2l0aCIsIiRrZXkiLCJwb3BfdGVtcDI2ODQyLyJdXX0";
        for policy in [documented.to_owned(), format!("{documented}=")] {
            let read = PostPolicy::read(&policy).unwrap();
            assert_eq!(read.max_bytes, Some(2_097_152));
            assert_eq!(read.key, KeyRule::StartsWith("pop_temp26842/".to_owned()));
            assert_eq!(read.expires_at.unix(), 1_573_129_988);
            assert_eq!(read.enforced(), [Enforced::Size, Enforced::Expiry]);
        }
        let below = KeyRule::StartsWith("a/".into());
        assert!(below.allows("a/b") && !below.allows("b"));
        assert!(KeyRule::Is("a".into()).allows("a") && !KeyRule::Is("a".into()).allows("a/b"));
        assert_eq!(PostPolicy::read("e30="), None);
        assert_eq!(PostPolicy::read("not base64"), None);
    }

    #[test]
    fn no_more_is_enforced_than_the_policy_binds() {
        use Enforced::{Expiry, NoOverwrite, Size};

        let read = |conditions: &str| {
            let text = format!(r#"{{"expiration":"2025-07-12T12:10:24.488Z","conditions":[{conditions}]}}"#);
            PostPolicy::read(&STANDARD.encode(text)).unwrap()
        };
        for (conditions, enforced) in [
            ("", vec![Expiry]),
            (r#"["content-length-range",0,"5"],{"bucket":"b"}"#, vec![Expiry]),
            (r#"{"x-oss-forbid-overwrite":"false"}"#, vec![Expiry]),
            (r#"["starts-with","$x-oss-forbid-overwrite","true"]"#, vec![Expiry]),
            (r#"["eq","$X-OSS-Forbid-Overwrite","true"]"#, vec![NoOverwrite, Expiry]),
            (
                r#"["content-length-range",0,5],{"x-oss-forbid-overwrite":"true"}"#,
                vec![Size, NoOverwrite, Expiry],
            ),
        ] {
            assert_eq!(read(conditions).enforced(), enforced, "{conditions}");
        }
    }
}
