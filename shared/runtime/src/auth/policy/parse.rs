//! `GRANT_POLICY` as it is written, checked whole at start: what is not understood is refused, not ignored.

use serde_json::{Map, Value};

use super::{Group, Match, Policy, Right, Rule, scalar};
use upload_grant::model::media;
use upload_grant::model::params::{Kind, Param};
use upload_grant::model::request::Mode;

/// What was read, or what is wrong and where: `/groups/1/params/x: …`.
type Parsed<T> = Result<T, String>;

impl Policy {
    /// Reads the JSON document, for a flow with these parameters. One policy may serve several functions:
    /// another flow's parameters are known too.
    ///
    /// # Errors
    /// What is wrong, led by a JSON pointer to the place.
    pub fn parse(text: &str, flow_params: &'static [Param]) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| format!("is not JSON (line {}, column {})", error.line(), error.column()))?;
        let members = object(&document, "", &["groups"])?;
        let groups = members.get("groups").ok_or("/groups: is missing")?;
        Ok(Self { groups: list(groups, "/groups", |value, at| group(value, at, flow_params))? })
    }
}

fn group(value: &Value, at: &str, flow_params: &'static [Param]) -> Parsed<Group> {
    let known = ["match", "params", "max_bytes", "content_types", "modes", "per_minute", "rights"];
    let members = object(value, at, &known)?;
    Ok(Group {
        matches: member(members, at, "match", matches)?,
        params: member(members, at, "params", |value, at| rules(value, at, flow_params))?.unwrap_or_default(),
        max_bytes: member(members, at, "max_bytes", positive)?,
        content_types: member(members, at, "content_types", |value, at| list(value, at, content_type))?,
        modes: member(members, at, "modes", |value, at| list(value, at, mode))?,
        per_minute: member(members, at, "per_minute", per_minute)?,
        rights: member(members, at, "rights", rights)?,
    })
}

fn matches(value: &Value, at: &str) -> Parsed<Match> {
    let members = object(value, at, &["claim", "equals"])?;
    let equals = |value: &Value, at: &str| {
        scalar(value).ok_or_else(|| format!("{at}: is not a string, number or boolean"))
    };
    Ok(Match { claim: need(members, at, "claim", name)?, equals: need(members, at, "equals", equals)? })
}

/// Each under the parameter's own name.
fn rules(value: &Value, at: &str, flow_params: &'static [Param]) -> Parsed<Vec<(String, Rule)>> {
    let members = value.as_object().ok_or_else(|| format!("{at}: is not an object"))?;
    let mut rules: Vec<(String, Rule)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        let at = below(at, name);
        let param = Param::known(flow_params, name).ok_or_else(|| format!("{at}: is unknown here"))?;
        let name = param.name;
        if rules.iter().any(|(other, _)| other == name) {
            return Err(format!("{at}: {name} is there under its other name too"));
        }
        rules.push((name.to_owned(), rule(param, value, &at)?));
    }
    Ok(rules)
}

fn rule(param: &Param, value: &Value, at: &str) -> Parsed<Rule> {
    let members = object(value, at, &["claim", "caller"])?;
    match (members.get("claim"), members.get("caller")) {
        (Some(claim), None) => Ok(Rule::Claim(name(claim, &below(at, "claim"))?)),
        (None, Some(Value::Bool(true))) => Ok(Rule::Caller(None)),
        (None, Some(values @ Value::Array(_))) => {
            let fits = |value: &Value, at: &str| match param.kind {
                Kind::Bool if value.is_boolean() => Ok(value.clone()),
                Kind::Bool => Err(format!("{at}: is not true or false")),
                Kind::Object => Err(format!("{at}: it is an object and has no list of values")),
                Kind::Text | Kind::OneOf(_) => name(value, at).map(Value::String),
            };
            Ok(Rule::Caller(Some(list(values, &below(at, "caller"), fits)?)))
        }
        (None, Some(_)) => Err(format!("{at}/caller: is neither true nor a list of values")),
        _ => Err(format!("{at}: needs one of claim, caller")),
    }
}

fn content_type(value: &Value, at: &str) -> Parsed<String> {
    let text = name(value, at)?;
    media::pattern(&text).ok_or_else(|| format!("{at}: is not type/subtype or type/*"))
}

fn mode(value: &Value, at: &str) -> Parsed<Mode> {
    serde_json::from_value(value.clone())
        .map_err(|_| format!("{at}: is none of form, put, relay, credentials"))
}

/// Unlike other lists, this one may be empty: no right at all.
fn rights(value: &Value, at: &str) -> Parsed<Vec<Right>> {
    let right = |value: &Value, at: &str| {
        let named = [Right::Unsized, Right::Events].into_iter().find(|right| value == right.as_str());
        named.ok_or_else(|| format!("{at}: is none of unsized, events"))
    };
    if value.as_array().is_some_and(Vec::is_empty) { Ok(Vec::new()) } else { list(value, at, right) }
}

fn per_minute(value: &Value, at: &str) -> Parsed<u32> {
    u32::try_from(positive(value, at)?).map_err(|_| format!("{at}: is too large"))
}

fn positive(value: &Value, at: &str) -> Parsed<u64> {
    value
        .as_u64()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{at}: is not a whole number above zero"))
}

fn name(value: &Value, at: &str) -> Parsed<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("{at}: is not a string, or empty"))
}

fn list<T>(value: &Value, at: &str, item: impl Fn(&Value, &str) -> Parsed<T>) -> Parsed<Vec<T>> {
    let items = value.as_array().ok_or_else(|| format!("{at}: is not a list"))?;
    if items.is_empty() {
        return Err(format!("{at}: is an empty list, which would allow nothing"));
    }
    items.iter().enumerate().map(|(index, value)| item(value, &format!("{at}/{index}"))).collect()
}

fn object<'a>(value: &'a Value, at: &str, known: &[&str]) -> Parsed<&'a Map<String, Value>> {
    let place = if at.is_empty() { String::new() } else { format!("{at}: ") };
    let members = value.as_object().ok_or_else(|| format!("{place}is not an object"))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(format!("{}: is unknown here", below(at, unknown))),
        None => Ok(members),
    }
}

fn member<T>(
    members: &Map<String, Value>,
    at: &str,
    name: &str,
    read: impl Fn(&Value, &str) -> Parsed<T>,
) -> Parsed<Option<T>> {
    members.get(name).map(|value| read(value, &below(at, name))).transpose()
}

fn need<T>(
    members: &Map<String, Value>,
    at: &str,
    name: &str,
    read: impl Fn(&Value, &str) -> Parsed<T>,
) -> Parsed<T> {
    member(members, at, name, read)?.ok_or_else(|| format!("{}: is missing", below(at, name)))
}

/// A JSON pointer to the member `name` of what is `at` (RFC 6901).
fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FLOW: &[Param] = &[
        Param::new("bot_biz_id", Kind::Text, "").alias("app_id"),
        Param::new("is_public", Kind::Bool, ""),
        Param::new("type_key", Kind::OneOf(&["offline", "realtime"]), ""),
        Param::new("text", Kind::Object, ""),
        Param::new("locale", Kind::Text, ""),
    ];

    #[test]
    fn the_documented_policy_is_read_whole() {
        let text = r#"{"groups":[{"match":{"claim":"tier","equals":"pro"},"params":{"cust_space_id":{"claim":"space"},
            "type_key":{"caller":["offline","realtime"]},"bot_biz_id":{"caller":true},"is_public":{"caller":[false]}},
            "max_bytes":1048576,"content_types":["image/*","application/pdf"],"modes":["form","relay"],
            "per_minute":30,"rights":["unsized","events"]},{"rights":[]},{}]}"#;
        let policy = Policy::parse(text, FLOW).unwrap();
        assert_eq!(policy.groups.len(), 3);
        let group = &policy.groups[0];
        assert_eq!((group.params.len(), group.max_bytes, group.per_minute), (4, Some(1 << 20), Some(30)));
        assert_eq!(group.rights, Some(vec![Right::Unsized, Right::Events]));
        assert_eq!((policy.groups[1].rights.as_deref(), &policy.groups[2].rights), (Some(&[][..]), &None));
    }

    #[test]
    fn faults_name_the_place() {
        for (group, fault) in [
            (json!([]), "/groups/0: is not an object"),
            (json!({"mach": {}}), "/groups/0/mach: is unknown here"),
            (json!({"match": {"claim": "a"}}), "/groups/0/match/equals: is missing"),
            (
                json!({"match": {"claim": "", "equals": 1}}),
                "/groups/0/match/claim: is not a string, or empty",
            ),
            (
                json!({"match": {"claim": "a", "equals": []}}),
                "/groups/0/match/equals: is not a string, number or boolean",
            ),
            (json!({"match": null}), "/groups/0/match: is not an object"),
            (json!({"params": {"a/b~": {}}}), "/groups/0/params/a~1b~0: is unknown here"),
            (json!({"params": {"botBizId": {"claim": "a"}}}), "/groups/0/params/botBizId: is unknown here"),
            (
                json!({"params": {"app_id": {"claim": "a"}, "bot_biz_id": {"caller": true}}}),
                "/groups/0/params/bot_biz_id: bot_biz_id is there under its other name too",
            ),
            (
                json!({"params": {"text": {"caller": [{}]}}}),
                "/groups/0/params/text/caller/0: it is an object and has no list of values",
            ),
            (json!({"params": {"text": {}}}), "/groups/0/params/text: needs one of claim, caller"),
            (
                json!({"params": {"text": {"claim": "a", "caller": true}}}),
                "/groups/0/params/text: needs one of claim, caller",
            ),
            (
                json!({"params": {"text": {"caller": false}}}),
                "/groups/0/params/text/caller: is neither true nor a list of values",
            ),
            (
                json!({"params": {"locale": {"caller": ["en", 1]}}}),
                "/groups/0/params/locale/caller/1: is not a string, or empty",
            ),
            (
                json!({"params": {"is_public": {"caller": ["true"]}}}),
                "/groups/0/params/is_public/caller/0: is not true or false",
            ),
            (json!({"max_bytes": 0}), "/groups/0/max_bytes: is not a whole number above zero"),
            (json!({"per_minute": 0.5}), "/groups/0/per_minute: is not a whole number above zero"),
            (json!({"per_minute": 1_u64 << 40}), "/groups/0/per_minute: is too large"),
            (json!({"content_types": ["png"]}), "/groups/0/content_types/0: is not type/subtype or type/*"),
            (
                json!({"content_types": []}),
                "/groups/0/content_types: is an empty list, which would allow nothing",
            ),
            (json!({"modes": ["post"]}), "/groups/0/modes/0: is none of form, put, relay, credentials"),
            (json!({"rights": ["all"]}), "/groups/0/rights/0: is none of unsized, events"),
        ] {
            let document = json!({"groups": [group]}).to_string();
            assert_eq!(Policy::parse(&document, FLOW).map(drop), Err(fault.to_owned()));
        }
        for (document, fault) in [
            ("{", "is not JSON (line 1, column 1)"),
            ("[]", "is not an object"),
            ("{}", "/groups: is missing"),
            (r#"{"groups":[],"x":1}"#, "/x: is unknown here"),
            (r#"{"groups":[]}"#, "/groups: is an empty list, which would allow nothing"),
        ] {
            assert_eq!(Policy::parse(document, FLOW).map(drop), Err(fault.to_owned()));
        }
    }
}
