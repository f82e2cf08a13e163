//! The POST policy language of OSS and COS.

use serde_json::Value;

use super::Refused;
use crate::clock::{dashed, parse_iso};
use crate::encode::unbase64;

/// The two stores read nearly the same language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OSS: also `in` and `not-in`, and `\$` as an escape.
    Oss,
    /// COS: exact, starts-with and content-length-range only.
    Cos,
}

/// The form's fields before the file, names compared without case.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    /// The first field of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Eq(String),
    StartsWith(String),
    In(Vec<String>),
    NotIn(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    field: String,
    test: Test,
    /// As written, for the message.
    written: String,
}

/// A parsed policy.
#[derive(Clone, Debug)]
pub struct Policy {
    dialect: Dialect,
    expiration: i64,
    conditions: Vec<Condition>,
    range: Option<(u64, u64)>,
}

/// Undoes the base64 of the `policy` field.
pub fn policy_text(policy: &str) -> Result<Vec<u8>, Refused> {
    unbase64(policy).ok_or_else(|| invalid("The policy is not base64.", "0006-00000201"))
}

impl Policy {
    /// Reads the policy's JSON text.
    pub fn parse(text: &[u8], dialect: Dialect) -> Result<Self, Refused> {
        let text = String::from_utf8_lossy(text);
        let text = if dialect == Dialect::Oss { unescape_dollar(&text) } else { text.into_owned() };
        let json: Value =
            serde_json::from_str(&text).map_err(|_| invalid("Invalid Policy: not JSON.", "0006-00000207"))?;
        let expiration = json["expiration"].as_str().and_then(parse_iso);
        let expiration = expiration.ok_or_else(|| invalid("Invalid Policy: expiration.", "0006-00000209"))?;
        let listed = json["conditions"].as_array().filter(|list| !list.is_empty());
        let listed = listed.ok_or_else(|| invalid("Invalid Policy: conditions.", "0006-00000214"))?;
        let mut policy = Self { dialect, expiration, conditions: Vec::new(), range: None };
        for condition in listed {
            policy.read(condition).ok_or_else(|| {
                invalid(&format!("Invalid Policy: Invalid Condition: {condition}."), "0006-00000219")
            })?;
        }
        Ok(policy)
    }

    fn read(&mut self, condition: &Value) -> Option<()> {
        let written = condition.to_string();
        if let Some(object) = condition.as_object() {
            let (field, value) = object.iter().next().filter(|_| object.len() == 1)?;
            let test = Test::Eq(value.as_str()?.to_owned());
            self.conditions.push(Condition { field: field.clone(), test, written });
            return Some(());
        }
        let [operator, first, second] = condition.as_array()?.as_slice() else { return None };
        let operator = operator.as_str()?;
        if operator == "content-length-range" {
            let (min, max) = (first.as_u64()?, second.as_u64()?);
            self.range = Some((min, max)).filter(|_| max >= min && self.range.is_none());
            return self.range.map(|_| ());
        }
        let field = first.as_str()?.strip_prefix('$')?.to_owned();
        let strings =
            || second.as_array()?.iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<_>>();
        let test = match operator {
            "eq" => Test::Eq(second.as_str()?.to_owned()),
            "starts-with" => Test::StartsWith(second.as_str()?.to_owned()),
            "in" if self.dialect == Dialect::Oss => Test::In(strings()?),
            "not-in" if self.dialect == Dialect::Oss => Test::NotIn(strings()?),
            _ => return None,
        };
        let exact = self.exact_only(&field) && !matches!(test, Test::Eq(_));
        self.conditions.push(Condition { field, test, written });
        (!exact).then_some(())
    }

    fn exact_only(&self, field: &str) -> bool {
        let field = field.to_ascii_lowercase();
        let cos =
            self.dialect == Dialect::Cos && (field == "success_action_status" || field.starts_with("x-cos-"));
        field == "bucket" || cos
    }

    /// The `content-length-range`, both ends inclusive.
    pub fn range(&self) -> Option<(u64, u64)> {
        self.range
    }

    /// Whether some condition names the field.
    pub fn names(&self, field: &str) -> bool {
        self.conditions.iter().any(|condition| condition.field.eq_ignore_ascii_case(field))
    }

    /// Expiry first, then every condition. A field a condition names but the form lacks is refused.
    pub fn check(&self, fields: &Fields, bucket: &str, now: i64) -> Result<(), Refused> {
        if now > self.expiration {
            return Err(self.expired(now));
        }
        for condition in &self.conditions {
            let value = match condition.field.to_ascii_lowercase().as_str() {
                "bucket" => Some(bucket),
                // The form calls it q-key-time, the policy q-sign-time.
                "q-sign-time" if self.dialect == Dialect::Cos => fields.get("q-key-time"),
                name => fields.get(name),
            };
            if !value.is_some_and(|value| condition.test.holds(value)) {
                return Err(self.failed(condition, value));
            }
        }
        Ok(())
    }

    fn expired(&self, now: i64) -> Refused {
        let message = match self.dialect {
            Dialect::Oss => "Invalid according to Policy: Policy expired.".to_owned(),
            Dialect::Cos => format!(
                "You post object request has been expired, expiration time: {} but the time now : {}",
                dashed(self.expiration),
                dashed(now)
            ),
        };
        Refused::new(403, "AccessDenied", message)
    }

    fn failed(&self, condition: &Condition, value: Option<&str>) -> Refused {
        match self.dialect {
            Dialect::Oss => {
                let message =
                    format!("Invalid according to Policy: Policy Condition failed: {}", condition.written);
                Refused::new(403, "AccessDenied", message).ec("0006-00000227")
            }
            Dialect::Cos => {
                let (field, value) = (&condition.field, value.unwrap_or_default());
                let message = format!("Condition key {field} doesn't match the value {value}");
                Refused::new(403, "AccessDenied", message)
            }
        }
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Test::Eq(wanted) => value == wanted,
            Test::StartsWith(prefix) => value.starts_with(prefix),
            Test::In(list) => list.iter().any(|one| one == value),
            Test::NotIn(list) => list.iter().all(|one| one != value),
        }
    }
}

/// `\$` means a literal dollar in a policy, which JSON does not know.
fn unescape_dollar(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.next()).flatten()) {
            ('\\', Some('$')) => out.push('$'),
            ('\\', Some(escaped)) => out.extend(['\\', escaped]),
            _ => out.push(c),
        }
    }
    out
}

/// `InvalidPolicyDocument`.
pub(crate) fn invalid(message: &str, ec: &'static str) -> Refused {
    Refused::new(400, "InvalidPolicyDocument", message).ec(ec)
}
