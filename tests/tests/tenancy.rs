//! A caller whose space comes from its claim never gets a grant or a ticket in another tenant's space.

use alibaba_chatapp::Chatapp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tencent_lke::Lke;
use upload_grant::wire::encode;
use upload_grant_runtime::auth::Caller;
use upload_grant_runtime::auth::policy::{Permissions, Policy};
use upload_grant_runtime::flow::{Flow, Param};
use upload_grant_tests::tokens::{self, claims, hs256};
use upload_grant_tests::{Answer, Function, Sandbox, upload};

/// Cases without I/O.
const POLICY_CASES: u32 = 5_000;
/// Cases against a running function and the sandbox, for each of two flows.
const END_TO_END_CASES: usize = 60;

/// The parameters of two flows, the space first.
const FLOWS: [&[Param]; 2] = [<Chatapp as Flow>::SPEC.params, <Lke as Flow>::SPEC.params];

const TENANTS: [&str; 4] = ["1001", "1002", "1003", "operator"];

/// A tenant's name in some guise, or something else entirely.
fn disguised() -> impl Strategy<Value = Value> {
    let tenant = select(&TENANTS[..]);
    prop_oneof![
        6 => tenant.clone().prop_map(Value::from),
        1 => tenant.clone().prop_map(|name| format!("{name} ").into()),
        1 => tenant.clone().prop_map(|name| format!("[{name}]").into()),
        1 => tenant.clone().prop_map(|name| json!([name])),
        1 => tenant.clone().prop_map(|name| json!({ "claim": name })),
        1 => tenant.prop_map(|name| name.parse::<u64>().map_or(Value::Null, Value::from)),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

fn object(names: &'static [&'static str], most: usize) -> impl Strategy<Value = Map<String, Value>> {
    subsequence(names, 0..=most).prop_flat_map(|names| {
        let values = proptest::collection::vec(disguised(), names.len());
        values.prop_map(move |values| names.iter().map(ToString::to_string).zip(values).collect())
    })
}

/// A group that binds both spaces to claims, and lets other things go as it likes.
fn group() -> impl Strategy<Value = Value> {
    let matched = proptest::option::of((select(&["tier", "space", "role"][..]), select(&TENANTS[..])));
    let rule = prop_oneof![
        Just(json!({"caller": true})),
        Just(json!({"caller": ["1001", "1002"]})),
        select(&["space", "tier", "role"][..]).prop_map(|claim| json!({ "claim": claim })),
    ];
    let others = subsequence(vec!["type_key", "locale", "user_id", "channel_id"], 0..=4);
    (matched, rule, others, any::<bool>()).prop_map(|(matched, rule, others, sized)| {
        let mut group =
            json!({"params": {"cust_space_id": {"claim": "space"}, "bot_biz_id": {"claim": "space"}}});
        for name in others {
            group["params"][name] = rule.clone();
        }
        if let Some((claim, equals)) = matched {
            group["match"] = json!({"claim": claim, "equals": equals});
        }
        if sized {
            group["rights"] = json!([]);
        }
        group
    })
}

fn policy() -> impl Strategy<Value = Value> {
    proptest::collection::vec(group(), 1..4).prop_map(|groups| json!({ "groups": groups }))
}

/// What a caller knows about itself, and what it sends.
fn situation() -> impl Strategy<Value = (Map<String, Value>, Map<String, Value>)> {
    let sent = object(&["cust_space_id", "bot_biz_id", "type_key", "user_id", "space", "claim"], 2);
    (object(&["space", "tier", "role", "cust_space_id"], 4), sent)
}

/// The one space that these claims are good for.
fn own_space(claims: &Map<String, Value>) -> Option<String> {
    match claims.get("space")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[test]
fn no_policy_of_bound_spaces_gives_another_tenants() {
    let mut runner =
        TestRunner::new(Config { cases: POLICY_CASES, failure_persistence: None, ..Config::default() });
    let (allowed, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let outcome = runner.run(&(policy(), situation()), |(policy, (claims, sent))| {
        let policy = Policy::parse(&policy.to_string(), &[]).map_err(TestCaseError::fail)?;
        let own = own_space(&claims);
        let caller = Caller { name: Some("ann".into()), claims, vouched: true };
        for flow in FLOWS {
            let space = flow[0].name;
            let defaults = Map::from_iter([(space.to_owned(), json!("operator"))]);
            let params = Permissions::of(Some(&policy), &caller)
                .and_then(|granted| granted.params(flow, defaults, &sent, None));
            match params {
                Ok(params) => {
                    prop_assert_eq!(params[space].as_str(), own.as_deref());
                    prop_assert!(sent.get(space).is_none_or(|sent| sent.as_str() == own.as_deref()));
                    allowed.set(allowed.get() + 1);
                }
                Err(_) => refused.set(refused.get() + 1),
            }
        }
        Ok(())
    });
    println!("tenancy: {} policy cases, {} granted, {} refused", POLICY_CASES, allowed.get(), refused.get());
    assert_eq!(outcome.map_err(|error| error.to_string()), Ok(()));
    assert!(allowed.get() > 500 && refused.get() > 500, "both outcomes are covered");
}

/// Asks as `claims`, by whichever route, and says which object key a grant or ticket leads to.
async fn key_of(
    function: &Function,
    sandbox: &Sandbox,
    who: &Map<String, Value>,
    sent: &Map<String, Value>,
    (filename, mode): (&str, &str),
) -> Option<String> {
    let token = hs256(&claims(&Value::Object(who.clone())));
    let request = if mode == "companion" {
        let space = sent.get("cust_space_id").and_then(Value::as_str).unwrap_or_default();
        let query = encode::query(&[("filename", filename), ("metadata[cust_space_id]", space)]);
        let query = if space.is_empty() { format!("filename={filename}") } else { query };
        function.get(&format!("/s3/params?{query}"))
    } else {
        let request = json!({"filename": filename, "size": 5, "mode": mode, "params": sent});
        function.post("/grants").body(request.to_string())
    };
    let answer = Answer::of(request.bearer_auth(token)).await;
    if answer.status != 200 {
        assert!(matches!(answer.problem(), (403, "forbidden") | (400, "invalid_request")), "{}", answer.text);
        return None;
    }
    if mode != "relay" {
        return answer.json["key"].as_str().map(str::to_owned);
    }
    // The ticket says nothing: where it leads shows when it is used.
    let receipt = upload(&answer.json, b"hello").await.ok();
    let key = receipt["key"].as_str().expect("a key").to_owned();
    assert!(sandbox.object(&key).is_some(), "{key}");
    Some(key)
}

/// Runs the cases; `inside` says whether a key lies in a space. Answers grants and refusals.
async fn end_to_end(
    function: &Function,
    sandbox: &Sandbox,
    (filename, modes): (&str, &[&'static str]),
    inside: impl Fn(&str, &str) -> bool,
) -> (usize, usize) {
    let tenant = || select(&TENANTS[..3]).prop_map(Value::from);
    let space = prop_oneof![4 => tenant().prop_map(Some), 1 => Just(None)];
    let params = proptest::option::of((select(&["cust_space_id", "bot_biz_id"][..]), tenant()));
    let cases = (space, params, select(modes.to_vec()));
    let mut runner = TestRunner::deterministic();
    let (mut granted, mut refused) = (0, 0);
    for _ in 0..END_TO_END_CASES {
        let (space, sent, mode) = cases.new_tree(&mut runner).expect("a case").current();
        let who: Map<String, Value> = space.into_iter().map(|space| ("space".to_owned(), space)).collect();
        let sent = sent.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        match key_of(function, sandbox, &who, &sent, (filename, mode)).await {
            None => refused += 1,
            Some(key) => {
                let own = own_space(&who).expect("nobody without a space gets a key");
                assert!(inside(&key, &own), "{key} for {own}");
                assert!(TENANTS.iter().all(|tenant| *tenant == own || !inside(&key, tenant)), "{key}");
                granted += 1;
            }
        }
    }
    (granted, refused)
}

#[tokio::test]
async fn keys_lie_in_the_callers_own_space() {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let group = json!({"params": {"cust_space_id": {"claim": "space"}, "bot_biz_id": {"claim": "space"}}});
    let policy = json!({"groups": [group]}).to_string();
    let mut settings = tokens::SHARED.to_vec();
    settings.push(("GRANT_POLICY", &policy));
    settings.push(("CAMS_CUST_SPACE_ID", "operator"));

    let chatapp = Function::start::<Chatapp>(&sandbox, &settings).await;
    let directory = |space: &str| {
        let mut hex = String::new();
        encode::hex(&mut hex, &Sha256::digest(space));
        format!("{}/upload/", hex[..6].to_uppercase())
    };
    let in_directory = |key: &str, space: &str| key.starts_with(&directory(space));
    let modes = ["form", "put", "relay", "companion"];
    let (granted, refused) = end_to_end(&chatapp, &sandbox, ("a.png", &modes), in_directory).await;
    println!("tenancy: {END_TO_END_CASES} chatapp cases, {granted} granted, {refused} refused");
    assert!(granted > 5 && refused > 5);

    let lke = Function::start::<Lke>(&sandbox, &settings).await;
    let in_robot = |key: &str, robot: &str| key.split('/').nth(2) == Some(robot);
    let (granted, refused) = end_to_end(&lke, &sandbox, ("a.pdf", &["put", "relay"]), in_robot).await;
    println!("tenancy: {END_TO_END_CASES} lke cases, {granted} granted, {refused} refused");
    assert!(granted > 5 && refused > 5);
}
