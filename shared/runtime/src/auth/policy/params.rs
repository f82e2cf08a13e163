//! The parameters of a request: whose they are to set.

use std::net::IpAddr;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Permissions, Rule};
use crate::auth::caller::ANONYMOUS;
use upload_grant::model::params::{Param, SetBy};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::wire::encode;

/// The longest user id that the vendors' next calls take.
pub(crate) const MAX_USER_ID: usize = 24;
/// The prefix of a user id that is a hash.
const HASHED: &str = "h-";

/// The rule of a parameter that is the caller's to set freely.
static ANY_CALLER: Rule = Rule::Caller(None);

impl<'a> Permissions<'a> {
    /// The parameters of a request: the flow's defaults, then the caller's identity and address, then what comes
    /// from its claims or was sent and may be. Parameters of other flows are dropped.
    ///
    /// # Errors
    /// `forbidden` at the parameter that the caller may not set, or whose claim it does not have, or whose default
    /// is none of its choices; `unauthenticated` where the flow wants to know who it is and its token names nobody.
    pub fn params(
        &self,
        flow_params: &'static [Param],
        defaults: Map<String, Value>,
        sent: &Map<String, Value>,
        source: Option<IpAddr>,
    ) -> Result<Map<String, Value>, Problem> {
        let mut params = defaults;
        for (name, value) in sent {
            let allowed = match self.rule(flow_params, name) {
                None => false,
                Some(Rule::Caller(Some(values))) => values.contains(value),
                Some(_) => true,
            };
            if !allowed {
                return Err(forbidden(name, format!("the caller may not set {name} to this")));
            }
        }
        for param in flow_params {
            let (name, sent) = (param.name, sent.get(param.name));
            let rule = self.rule(flow_params, name);
            self.known(param, rule, sent, &mut params, source)?;
            let value = match rule {
                Some(Rule::Claim(claim)) => Some(self.claim_value(param, claim, sent)?),
                Some(Rule::Caller(Some(choices))) if sent.is_none() => {
                    self.chosen(param, choices, &params)?
                }
                Some(Rule::Caller(_)) => sent.cloned(),
                None => None,
            };
            params.extend(value.map(|value| (name.to_owned(), value)));
        }
        Ok(params)
    }

    /// What says where `name` comes from.
    fn rule(&self, flow_params: &'static [Param], name: &str) -> Option<&'a Rule> {
        match self.group {
            None if self.trusted => Some(&ANY_CALLER),
            None => {
                let param = Param::known(flow_params, name)?;
                (param.set_by == SetBy::Caller).then_some(&ANY_CALLER)
            }
            Some(group) => group.params.iter().find(|(named, _)| named == name).map(|(_, rule)| rule),
        }
    }

    /// What is known without being said: who the vendor is told the user is, and where. A user that the policy takes
    /// from a claim or from the caller is not looked for in its name.
    fn known(
        &self,
        param: &Param,
        rule: Option<&Rule>,
        sent: Option<&Value>,
        params: &mut Map<String, Value>,
        source: Option<IpAddr>,
    ) -> Result<(), Problem> {
        let name = param.name;
        match (param.set_by, rule) {
            (SetBy::Operator | SetBy::Caller, _) | (SetBy::CallerIdentity, Some(Rule::Claim(_))) => {}
            (SetBy::CallerIdentity, Some(Rule::Caller(_))) if sent.is_some() => {}
            (SetBy::CallerIdentity, _) => match self.caller.identity()? {
                Some(caller) => drop(params.insert(name.to_owned(), user_id(caller).into())),
                None => drop(params.entry(name).or_insert_with(|| ANONYMOUS.into())),
            },
            (SetBy::SourceAddress, _) => {
                params.extend(source.map(|address| (name.to_owned(), address.to_string().into())));
            }
        }
        Ok(())
    }

    /// What of `choices` counts where the caller has not chosen: the default if it is one of them, else the only
    /// one there is. The caller's own name is no default, and needs no choice.
    fn chosen(
        &self,
        param: &Param,
        choices: &[Value],
        params: &Map<String, Value>,
    ) -> Result<Option<Value>, Problem> {
        let name = param.name;
        match params.get(name) {
            Some(_) if param.set_by == SetBy::CallerIdentity && self.caller.name.is_some() => Ok(None),
            Some(default) if !choices.contains(default) => {
                let detail =
                    format!("the default of {name} is none of the caller's choices: send one of those");
                Err(forbidden(name, detail))
            }
            None if choices.len() == 1 => Ok(choices.first().cloned()),
            _ => Ok(None),
        }
    }

    /// The value of `claim` for a parameter; the caller may repeat it, but not say otherwise.
    fn claim_value(&self, param: &Param, claim: &str, sent: Option<&Value>) -> Result<Value, Problem> {
        let name = param.name;
        let value = self.caller.claims.get(claim);
        let value = value.ok_or_else(|| forbidden(name, format!("the caller has no claim {claim}")))?;
        let value = param
            .kind
            .of_claim(value)
            .ok_or_else(|| forbidden(name, format!("the caller's claim {claim} is no value for {name}")))?;
        if sent.is_some_and(|sent| *sent != value) {
            return Err(forbidden(name, format!("the caller may not set {name}: it is the claim {claim}")));
        }
        Ok(match value {
            Value::String(text) if param.set_by == SetBy::CallerIdentity => user_id(&text).into(),
            value => value,
        })
    }
}

fn forbidden(name: &str, detail: String) -> Problem {
    Problem::at(Code::Forbidden, format!("/params/{}", name.replace('~', "~0").replace('/', "~1")), detail)
}

/// `name` itself, or where it is too long or too odd for the vendors, `h-` and 22 hex digits of its hash. So that
/// no two names become one, whatever looks hashed, or like nobody, is hashed as well.
fn user_id(name: &str) -> String {
    let fits =
        name.chars().count() <= MAX_USER_ID && !name.chars().any(char::is_control) && name.trim() == name;
    if fits && !name.starts_with(HASHED) && name != ANONYMOUS {
        return name.to_owned();
    }
    let mut hashed = HASHED.to_owned();
    encode::hex(&mut hashed, &Sha256::digest(name.as_bytes()));
    hashed.truncate(MAX_USER_ID);
    hashed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Caller;
    use crate::auth::policy::Policy;
    use serde_json::json;
    use upload_grant::model::params::Kind;

    const FLOW: &[Param] = &[
        Param::new("user_id", Kind::Text, "").set_by(SetBy::CallerIdentity),
        Param::new("locale", Kind::Text, "").set_by(SetBy::Caller),
        Param::new("channel_id", Kind::Text, ""),
        Param::new("cust_space_id", Kind::Text, "").alias("space"),
        Param::new("is_public", Kind::Bool, "").set_by(SetBy::Caller),
    ];

    fn run(policy: Option<&Value>, caller: &Caller, sent: &Value) -> Result<Value, Problem> {
        let policy = policy
            .map(|params| Policy::parse(&json!({"groups": [{"params": params}]}).to_string(), FLOW).unwrap());
        let defaults = Map::from_iter([("channel_id".to_owned(), json!("c"))]);
        let sent = sent.as_object().cloned().unwrap_or_default();
        Permissions::of(policy.as_ref(), caller)?.params(FLOW, defaults, &sent, None).map(Value::Object)
    }

    fn named(name: &str) -> Caller {
        Caller { name: Some(name.to_owned()), vouched: true, ..Caller::default() }
    }

    /// The pointer of a refusal.
    fn refused(outcome: Result<Value, Problem>) -> String {
        let problem = outcome.unwrap_err();
        assert_eq!(problem.code, Code::Forbidden);
        problem.errors[0].pointer.clone()
    }

    #[test]
    fn without_a_policy_identity_is_not_the_callers_to_set() {
        let free = run(None, &Caller::default(), &json!({"locale": "en"})).unwrap();
        assert_eq!(free, json!({"channel_id": "c", "user_id": "anonymous", "locale": "en"}));
        assert_eq!(run(None, &named("shop"), &json!({})).unwrap()["user_id"], "shop");
        let hashed = run(None, &named("a-name-of-more-than-24-characters"), &json!({})).unwrap();
        assert_eq!(hashed["user_id"].as_str().unwrap().len(), 24);
        // The vendors count characters.
        let wide = "\u{65e5}".repeat(24);
        assert_eq!(run(None, &named(&wide), &json!({})).unwrap()["user_id"], wide);
        for odd in ["a\nb", "h-", "h-0123456789abcdef012345", " ann", "anonymous"] {
            let hashed = run(None, &named(odd), &json!({})).unwrap();
            let hashed = hashed["user_id"].as_str().unwrap().strip_prefix("h-").unwrap();
            assert!(hashed.len() == 22 && hashed.bytes().all(|digit| digit.is_ascii_hexdigit()), "{odd}");
        }
        let unnamed = Caller { name: None, ..named("") };
        assert_eq!(run(None, &unnamed, &json!({})).unwrap_err().code, Code::Unauthenticated);
        for name in ["user_id", "channel_id", "bot_biz_id", "unheard_of"] {
            assert_eq!(refused(run(None, &named("shop"), &json!({name: "x"}))), format!("/params/{name}"));
        }
    }

    #[test]
    fn with_a_policy_only_what_its_group_names() {
        let policy = json!({"locale": {"caller": ["en", "zh"]}, "channel_id": {"caller": true}});
        let run = |sent| run(Some(&policy), &named("shop"), &sent);
        let set = run(json!({"locale": "zh", "channel_id": "d"})).unwrap();
        assert_eq!(set, json!({"channel_id": "d", "user_id": "shop", "locale": "zh"}));
        assert_eq!(refused(run(json!({"locale": "fr"}))), "/params/locale");
        assert_eq!(refused(run(json!({"is_public": true}))), "/params/is_public");
        // The environment's channel is `c`.
        for (choices, outcome) in [(json!(["c", "d"]), Ok("c")), (json!(["d"]), Err("/params/channel_id"))] {
            let policy = json!({"channel_id": {"caller": choices}});
            let given = self::run(Some(&policy), &named("shop"), &json!({}));
            assert_eq!(
                given.clone().ok().map(|given| given["channel_id"].clone()),
                outcome.ok().map(Value::from)
            );
            assert!(outcome.is_ok() || refused(given) == outcome.unwrap_err());
        }
        let only = json!({"is_public": {"caller": [false]}, "user_id": {"caller": ["a", "b"]}});
        let given = self::run(Some(&only), &named("shop"), &json!({})).unwrap();
        assert_eq!(given, json!({"channel_id": "c", "user_id": "shop", "is_public": false}));
    }

    #[test]
    fn a_claim_decides_whatever_is_sent() {
        let policy =
            json!({"cust_space_id": {"claim": "space"}, "bot_biz_id": {"claim": "not_of_this_flow"}});
        let run = |claim: Value, sent: Value| {
            let claims = json!({"space": claim, "other": "x"}).as_object().cloned().unwrap();
            run(Some(&policy), &Caller { claims, ..named("ann") }, &sent)
        };
        assert_eq!(run(json!("a"), json!({})).unwrap()["cust_space_id"], "a");
        assert_eq!(run(json!("a"), json!({"cust_space_id": "a"})).unwrap()["cust_space_id"], "a");
        let id = 1_779_863_007_508_561_920_u64;
        assert_eq!(run(json!(id), json!({})).unwrap()["cust_space_id"], id.to_string());
        assert_eq!(refused(run(json!("a"), json!({"cust_space_id": "b"}))), "/params/cust_space_id");
        for unfit in [json!(null), json!(""), json!("a\n"), json!(["a"]), json!({}), json!(1.5), json!(true)]
        {
            assert_eq!(refused(run(unfit.clone(), json!({}))), "/params/cust_space_id", "{unfit}");
        }
    }

    #[test]
    fn a_rule_counts_under_either_name() {
        for name in ["cust_space_id", "space"] {
            let policy = json!({name: {"caller": ["a", "b"]}});
            let run = |sent| run(Some(&policy), &named("shop"), &sent);
            assert_eq!(run(json!({"cust_space_id": "b"})).unwrap()["cust_space_id"], "b", "{name}");
            assert_eq!(refused(run(json!({"cust_space_id": "c"}))), "/params/cust_space_id", "{name}");
        }
    }

    #[test]
    fn a_missing_claim_is_named() {
        let policy = json!({"cust_space_id": {"claim": "space"}});
        let problem = run(Some(&policy), &named("shop"), &json!({"cust_space_id": "a"})).unwrap_err();
        assert_eq!((problem.code, &*problem.detail), (Code::Forbidden, "the caller has no claim space"));
    }
}
