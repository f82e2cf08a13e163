//! What a caller may do: `GRANT_POLICY`, or without one the same for everybody.

mod params;
mod parse;
mod rates;

use std::collections::BTreeSet;

use serde_json::Value;

pub(crate) use params::MAX_USER_ID;
pub use rates::Rates;

use super::Caller;
use crate::platform::Env;
use upload_grant::model::media;
use upload_grant::model::params::Param;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Mode;

/// Groups of callers, in order: the first that matches counts.
#[derive(Clone, Debug)]
pub struct Policy {
    groups: Vec<Group>,
}

/// What a group of callers may do. What it does not name stays as the flow and the settings have it, except
/// parameters: those are closed.
#[derive(Clone, Debug, Default)]
struct Group {
    /// None matches everyone.
    matches: Option<Match>,
    params: Vec<(String, Rule)>,
    max_bytes: Option<u64>,
    content_types: Option<Vec<String>>,
    modes: Option<Vec<Mode>>,
    per_minute: Option<u32>,
    rights: Option<Vec<Right>>,
}

#[derive(Clone, Debug)]
struct Match {
    claim: String,
    equals: String,
}

/// Where a parameter comes from.
#[derive(Clone, Debug)]
enum Rule {
    /// From this claim, whatever the caller sends.
    Claim(String),
    /// From the caller; with a list, one of these values.
    Caller(Option<Vec<Value>>),
}

/// What can be allowed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To ask for a grant without saying the size.
    Unsized,
    /// To send queue events over HTTP.
    Events,
}

impl Right {
    /// The name in the policy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsized => "unsized",
            Self::Events => "events",
        }
    }
}

/// What one caller may do.
#[derive(Clone, Copy, Debug)]
pub struct Permissions<'a> {
    caller: &'a Caller,
    /// None without a policy.
    group: Option<&'a Group>,
    /// The platform itself asks, which needs no policy.
    trusted: bool,
}

impl Policy {
    /// As `GRANT_POLICY` says, for a flow with these parameters; a fault if it cannot be read.
    pub fn from_env(env: &mut Env, flow_params: &'static [Param]) -> Option<Self> {
        let Some(text) = env.get("GRANT_POLICY") else {
            // A file that came out empty must not open the door to everybody.
            if env.is_set("GRANT_POLICY") {
                env.fault("GRANT_POLICY", "is set and empty");
            }
            return None;
        };
        Self::parse(&text, flow_params).map_err(|reason| env.fault("GRANT_POLICY", reason)).ok()
    }

    /// The names in it that are none of `flow_params`: another flow's, or mistaken.
    pub(crate) fn others(&self, flow_params: &'static [Param]) -> BTreeSet<&str> {
        let named = self.groups.iter().flat_map(|group| &group.params).map(|(name, _)| &**name);
        named.filter(|name| Param::find(flow_params, name).is_none()).collect()
    }
}

impl<'a> Permissions<'a> {
    /// What `policy` grants to `caller`.
    ///
    /// # Errors
    /// `forbidden` if there is a policy and the caller is in none of its groups.
    pub fn of(policy: Option<&'a Policy>, caller: &'a Caller) -> Result<Self, Problem> {
        let Some(policy) = policy else { return Ok(Self { caller, group: None, trusted: false }) };
        let group = policy.groups.iter().find(|group| group.matches(caller));
        let group =
            group.ok_or_else(|| Problem::new(Code::Forbidden, "the caller is in no group of the policy"))?;
        Ok(Self { caller, group: Some(group), trusted: false })
    }

    /// What the platform's own queues and invocations may do: everything, as the environment may.
    pub fn trusted(nobody: &'a Caller) -> Self {
        Self { caller: nobody, group: None, trusted: true }
    }

    /// Whose rights these are.
    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// Whether the caller has `right`. By default sizes may be left out and events are refused.
    pub fn may(&self, right: Right) -> bool {
        let rights = self.group.and_then(|group| group.rights.as_deref());
        rights.unwrap_or(&[Right::Unsized]).contains(&right)
    }

    /// Insists on `right`.
    ///
    /// # Errors
    /// `forbidden`, naming the right.
    pub fn need(&self, right: Right) -> Result<(), Problem> {
        let missing =
            || Problem::new(Code::Forbidden, format!("the caller lacks the right {}", right.as_str()));
        if self.may(right) { Ok(()) } else { Err(missing()) }
    }

    /// Counts one request or job of this caller.
    ///
    /// # Errors
    /// `rate_limited`, with the time until the next slot; `unauthenticated` if nobody can tell whose rate it is.
    pub fn count(&self, rates: &Rates, now: tokio::time::Instant) -> Result<(), Problem> {
        let Some(per_minute) = self.group.and_then(|group| group.per_minute) else { return Ok(()) };
        let name = self.caller.identity()?.unwrap_or_default();
        rates.take(name, per_minute, now).map_err(|wait| {
            let detail = format!("the caller may ask {per_minute} times a minute");
            Problem::new(Code::RateLimited, detail).retry_in(wait)
        })
    }

    /// The mode that was asked for, else the first of `offered` that the caller may use.
    ///
    /// # Errors
    /// `forbidden` at `/mode`.
    pub fn mode(&self, asked: Option<Mode>, offered: &[Mode]) -> Result<Mode, Problem> {
        let modes = self.group.and_then(|group| group.modes.as_ref());
        let may = |mode: Mode| modes.is_none_or(|modes| modes.contains(&mode));
        let mode = match asked {
            Some(mode) => Some(mode).filter(|mode| may(*mode)),
            // Credentials are handed out only to those who ask for them.
            None => offered.iter().copied().find(|mode| *mode != Mode::Credentials && may(*mode)),
        };
        mode.ok_or_else(|| {
            let name = asked.or(offered.first().copied()).map_or("", Mode::as_str);
            Problem::at(Code::Forbidden, "/mode", format!("the caller may not use mode {name}"))
        })
    }

    /// Insists on a size, unless the caller may leave it out. Where there is a limit (`limited`, or the group's own)
    /// and the receiver does not keep to it by itself (`bounded`), leaving it out would be a way around the limit:
    /// then the right must be written out.
    ///
    /// # Errors
    /// `length_required` at `/size`, naming the right.
    pub fn size(&self, size: Option<u64>, limited: bool, bounded: bool) -> Result<(), Problem> {
        if size.is_some() || self.trusted {
            return Ok(());
        }
        let evades = !bounded && (limited || self.group.is_some_and(|group| group.max_bytes.is_some()));
        let detail = if !self.may(Right::Unsized) {
            "size is required: the caller lacks the right unsized"
        } else if evades && self.group.is_none_or(|group| group.rights.is_none()) {
            "size is required: without it this mode cannot keep to the limit, and no policy writes out the right unsized"
        } else {
            return Ok(());
        };
        Err(Problem::at(Code::LengthRequired, "/size", detail))
    }

    /// The limit of a file of this type, never above `limit`.
    ///
    /// # Errors
    /// `unsupported_type`.
    pub fn max_bytes(&self, content_type: &str, limit: u64) -> Result<u64, Problem> {
        let types = self.group.and_then(|group| group.content_types.as_ref());
        if types.is_some_and(|types| !types.iter().any(|pattern| media::matches(pattern, content_type))) {
            let detail = format!("the caller may not send files of type {content_type}");
            return Err(Problem::at(Code::UnsupportedType, "/content_type", detail));
        }
        Ok(self.group.and_then(|group| group.max_bytes).map_or(limit, |most| most.min(limit)))
    }
}

impl Group {
    fn matches(&self, caller: &Caller) -> bool {
        let Some(wanted) = &self.matches else { return true };
        let is = |value: &Value| scalar(value).is_some_and(|text| text == wanted.equals);
        match caller.claims.get(&wanted.claim) {
            Some(Value::Array(values)) => values.iter().any(is),
            Some(value) => is(value),
            None => false,
        }
    }
}

/// A string, number or boolean as text: gateways make texts of numbers and booleans.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn caller(claims: &Value) -> Caller {
        let claims = claims.as_object().cloned().unwrap_or_default();
        Caller { name: Some("ann".into()), claims, vouched: true }
    }

    fn policy(document: &Value) -> Policy {
        Policy::parse(&document.to_string(), &[]).unwrap()
    }

    #[test]
    fn the_first_group_that_matches_counts() {
        let policy = policy(&json!({"groups": [
            {"match": {"claim": "tier", "equals": "pro"}, "max_bytes": 3},
            {"match": {"claim": "level", "equals": 2}, "max_bytes": 2},
            {"match": {"claim": "staff", "equals": true}, "max_bytes": 1},
        ]}));
        for (claims, most) in [
            (json!({"tier": "pro", "level": 2}), Some(3)),
            (json!({"tier": ["free", "pro"]}), Some(3)),
            (json!({"tier": "Pro", "level": 2}), Some(2)),
            (json!({"level": "2"}), Some(2)),
            (json!({"staff": true}), Some(1)),
            (json!({"staff": "true"}), Some(1)),
            (json!({"tier": {"pro": "pro"}}), None),
            (json!({"tier": "pro free"}), None),
            (json!({"tier": [["pro"]]}), None),
            (json!({"staff": false}), None),
            (json!({}), None),
        ] {
            let caller = caller(&claims);
            let limit =
                Permissions::of(Some(&policy), &caller).and_then(|granted| granted.max_bytes("a/b", 9));
            assert_eq!(limit.map_err(|problem| problem.code), most.ok_or(Code::Forbidden), "{claims}");
        }
    }

    #[test]
    fn a_policy_narrows_and_never_widens() {
        let policy = policy(&json!({"groups": [
            {"max_bytes": 100, "content_types": ["image/*"], "modes": ["relay", "put"], "rights": ["events"]},
        ]}));
        let caller = caller(&json!({}));
        let granted = Permissions::of(Some(&policy), &caller).unwrap();
        assert_eq!(granted.max_bytes("image/png", 50), Ok(50));
        assert_eq!(granted.max_bytes("image/png", 500), Ok(100));
        assert_eq!(granted.max_bytes("text/plain", 500).unwrap_err().code, Code::UnsupportedType);
        assert_eq!(granted.size(None, false, true).unwrap_err().code, Code::LengthRequired);
        assert_eq!(granted.mode(None, &[Mode::Form, Mode::Put, Mode::Relay]), Ok(Mode::Put));
        assert_eq!(granted.mode(Some(Mode::Relay), &[Mode::Form]), Ok(Mode::Relay));
        for (asked, offered) in
            [(Some(Mode::Form), [Mode::Form, Mode::Relay]), (None, [Mode::Form, Mode::Credentials])]
        {
            let problem = granted.mode(asked, &offered).unwrap_err();
            assert_eq!((problem.code, &*problem.errors[0].pointer), (Code::Forbidden, "/mode"));
        }
        assert_eq!(granted.need(Right::Events), Ok(()));
        let unnamed = Caller { name: None, ..self::caller(&json!({})) };
        let limited = Policy::parse(r#"{"groups":[{"per_minute":1}]}"#, &[]).unwrap();
        let granted = Permissions::of(Some(&limited), &unnamed).unwrap();
        let counted = granted.count(&Rates::default(), tokio::time::Instant::now());
        assert_eq!(counted.unwrap_err().code, Code::Unauthenticated);
        let nobody = Caller::default();
        let usual = Permissions::of(None, &nobody).unwrap();
        assert!(usual.may(Right::Unsized));
        assert_eq!(usual.need(Right::Events).unwrap_err().detail, "the caller lacks the right events");
        assert_eq!(usual.mode(None, &[Mode::Credentials, Mode::Relay]), Ok(Mode::Relay));
    }

    #[test]
    fn a_limit_is_not_evaded_by_leaving_the_size_out() {
        let caller = caller(&json!({}));
        for (group, limited, bounded, passes) in [
            (None, false, false, true),
            (None, true, true, true),
            (None, true, false, false),
            (Some(json!({})), false, false, true),
            (Some(json!({})), true, false, false),
            (Some(json!({"max_bytes": 9})), false, false, false),
            (Some(json!({"max_bytes": 9})), false, true, true),
            (Some(json!({"max_bytes": 9, "rights": ["unsized"]})), true, false, true),
            (Some(json!({"max_bytes": 9, "rights": []})), false, true, false),
            (Some(json!({"rights": ["events"]})), false, true, false),
        ] {
            let policy = group.as_ref().map(|group| policy(&json!({ "groups": [group] })));
            let granted = Permissions::of(policy.as_ref(), &caller).unwrap();
            assert_eq!(granted.size(None, limited, bounded).is_ok(), passes, "{group:?} {limited} {bounded}");
            assert_eq!(granted.size(Some(1), limited, bounded), Ok(()));
        }
        let nobody = Caller::default();
        assert_eq!(Permissions::trusted(&nobody).size(None, true, false), Ok(()), "the operator's own");
    }

    #[test]
    fn a_policy_that_is_set_is_a_policy() {
        for (name, value, faulty) in [
            ("GRANT_LOG", "info", false),
            ("GRANT_POLICY", "", true),
            ("GRANT_POLICY", " \n", true),
            ("GRANT_POLICY_FILE", "", true),
            ("GRANT_POLICY_FILE", "/dev/null", true),
            ("GRANT_POLICY_FILE", "/nowhere/at/all", true),
        ] {
            let mut env = Env::new([(name.to_owned(), value.to_owned())]);
            assert!(Policy::from_env(&mut env, &[]).is_none());
            let named = env.faults().iter().any(|fault| fault.name == "GRANT_POLICY");
            assert_eq!(named, faulty, "{name}={value}");
        }
    }
}
