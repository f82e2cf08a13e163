//! Who a token names: the kinds of identities that identity providers really send, and that no two of them are
//! ever taken for one.

use alibaba_aicontent::Aicontent;
use huawei_aicc::Aicc;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use tencent_lke::Lke;
use upload_grant::model::problem::Code;
use upload_grant_runtime::auth::policy::{Permissions, Policy, Rates};
use upload_grant_runtime::auth::{Auth, Caller, Callers, auth};
use upload_grant_runtime::flow::Flow;
use upload_grant_runtime::platform::Env;
use upload_grant_tests::tokens::{self, KeyPair, Provider, claims, hs256};
use upload_grant_tests::{Answer, Function, Service, sandbox};

/// Pairs of callers, each by token and by gateway.
const PAIRS: u32 = 6_000;

async fn as_caller(function: &Function, who: &Value, path: &str, body: &Value) -> Answer {
    let request = function.post(path).bearer_auth(hs256(&claims(who)));
    Answer::of(request.body(body.to_string())).await
}

/// What names nobody.
fn nobodies() -> [Value; 11] {
    [
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": {}}),
        json!({"sub": {"id": 1}}),
        json!({"sub": []}),
        json!({"sub": ["ann"]}),
        json!({"sub": true}),
        json!({"sub": 1.5}),
        json!({"sub": 1e3}),
        json!({"sub": 1e30}),
        json!({"sub": null, "principalId": "p", "userArn": "arn", "email": "a@b.example"}),
    ]
}

#[tokio::test]
async fn numbers_are_names() {
    let sandbox = sandbox().await;
    let function = Function::start::<Aicontent>(&sandbox, &tokens::SHARED).await;
    let mut calls = 0;
    for (sub, user, fresh) in [
        (json!(1234), "1234", true),
        (json!(5678), "5678", true),
        (json!("1234"), "1234", false),
        (json!(0), "0", true),
        (json!(-7), "-7", true),
        (json!(u64::MAX), "18446744073709551615", true),
        (json!(9_007_199_254_740_993_u64), "9007199254740993", true),
        (json!("1e3"), "1e3", true),
        (json!("1.5"), "1.5", true),
    ] {
        let request = json!({"filename": "a.wav", "size": 10});
        let grant = as_caller(&function, &json!({"sub": sub}), "/grants", &request).await.ok();
        assert_eq!(grant["vendor"]["user_id"], user, "{sub}");
        calls += u64::from(fresh);
        assert_eq!(sandbox.calls(Service::Aicontent), calls, "{sub}: a warrant for each, and one for each");
    }
}

#[tokio::test]
async fn where_a_name_matters_a_token_that_names_nobody_is_refused() {
    let sandbox = sandbox().await;
    let shared = tokens::SHARED.as_slice();
    let aicontent =
        Function::start::<Aicontent>(&sandbox, &[shared, &[("AICONTENT_USER_ID", "shop")]].concat()).await;
    let aicc =
        Function::start::<Aicc>(&sandbox, &[shared, &[("HUAWEI_AICC_USER_ID", "shop")]].concat()).await;
    let rated = r#"{"groups":[{"per_minute":1000}]}"#;
    let rated = Function::start::<Lke>(&sandbox, &[shared, &[("GRANT_POLICY", rated)]].concat()).await;
    let senders = r#"{"groups":[{"rights":["events"]}]}"#;
    let senders = [shared, &[("GRANT_POLICY", senders), ("GRANT_EVENTS", "caller")]].concat();
    let events = Function::start::<Lke>(&sandbox, &senders).await;
    let plain = Function::start::<Lke>(&sandbox, shared).await;
    let lke = json!({"filename": "a.pdf", "size": 5});
    let job = json!({"id": "j", "filename": "a.pdf", "source": {"base64": "aGVsbG8="}});
    for who in nobodies() {
        for (function, path, body) in [
            (&aicontent, "/grants", &json!({"filename": "a.wav", "size": 5})),
            (&aicontent, "/grants", &json!({"filename": "a.wav", "mode": "relay"})),
            (&aicc, "/grants", &json!({"filename": "a.jpg"})),
            (&rated, "/grants", &lke),
            (&events, "/events", &job),
        ] {
            let answer = as_caller(function, &who, path, body).await;
            assert_eq!(answer.problem(), (401, "unauthenticated"), "{who}: {}", answer.text);
            let detail = answer.json["detail"].as_str().unwrap_or_default();
            assert!(detail.contains("names nobody"), "{detail}");
            assert!(answer.header("www-authenticate").contains("invalid_token"));
        }
        assert_eq!(as_caller(&plain, &who, "/grants", &lke).await.status, 200, "here none is needed: {who}");
    }
    assert_eq!((sandbox.calls(Service::Aicontent), sandbox.calls(Service::Aicc)), (0, 0));
    assert_eq!(sandbox.objects().len(), 0);
    // Nobody is asked, so nobody needs a name.
    let open = Function::start::<Aicontent>(&sandbox, &[]).await;
    let grant = open.ask(&json!({"filename": "a.wav"})).await.ok();
    assert_eq!(grant["vendor"]["user_id"], "anonymous");
}

#[tokio::test]
async fn keys_without_names_and_members_that_are_null() {
    let (rsa, ec, stranger) = (KeyPair::rsa("r"), KeyPair::p256("e"), KeyPair::p256("e"));
    let provider = Provider::start(&[]).await;
    let (mut first, mut second) = (rsa.jwk(), ec.jwk());
    for jwk in [&mut first, &mut second] {
        jwk.as_object_mut().expect("an object").remove("kid");
    }
    for name in ["alg", "use", "key_ops"] {
        second[name] = Value::Null;
    }
    first["kid"] = Value::Null;
    provider.say(200, json!({"keys": [first, second]}).to_string());
    let function = Function::start::<Lke>(&sandbox().await, &provider.settings()).await;
    let good = claims(&json!({}));
    let mut nulls = good.clone();
    (nulls["nbf"], nulls["iat"]) = (Value::Null, Value::Null);
    let tokens = [
        rsa.sign(&good),
        ec.sign(&good),
        ec.sign_as(&json!({"alg": "ES256"}), &good),
        ec.sign_as(&json!({"alg": "ES256", "kid": null}), &nulls),
        rsa.sign_as(&json!({"alg": "RS256", "kid": "another", "crit": null}), &nulls),
    ];
    let ask = async |token: &str| {
        // The clock is moved below, and idle connections would be closed under us.
        let request = function.post("/grants").bearer_auth(token).header("connection", "close");
        Answer::of(request.body(r#"{"filename":"a.pdf"}"#)).await
    };
    for token in &tokens {
        let answer = ask(token).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    assert_eq!(provider.fetches(), 1);
    for token in [stranger.sign(&good), rsa.sign_as(&json!({"alg": "ES256"}), &good)] {
        assert_eq!(ask(&token).await.problem(), (401, "unauthenticated"));
    }
    // A new key without a name is looked for as a named one would be.
    let mut third = stranger.jwk();
    third["kid"] = Value::Null;
    provider.say(200, json!({"keys": [third]}).to_string());
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    tokio::time::resume();
    assert_eq!(ask(&stranger.sign(&good)).await.status, 200);
}

#[tokio::test]
async fn access_tokens_of_cognito() {
    let function = Function::start::<Lke>(&sandbox().await, &tokens::SHARED).await;
    let request = json!({"filename": "a.pdf"});
    let access = json!({"aud": null, "token_use": "access", "client_id": tokens::AUDIENCE});
    assert_eq!(as_caller(&function, &access, "/grants", &request).await.status, 200);
    for (change, detail) in [
        (json!({"aud": null}), "the token names no audience"),
        (json!({"aud": null, "token_use": "access"}), "the token names no audience"),
        (json!({"aud": null, "client_id": tokens::AUDIENCE}), "the token names no audience"),
        (
            json!({"aud": null, "token_use": "id", "client_id": tokens::AUDIENCE}),
            "the token names no audience",
        ),
        (json!({"aud": null, "token_use": "access", "client_id": "x"}), "the token is for another audience"),
        (
            json!({"aud": "x", "token_use": "access", "client_id": tokens::AUDIENCE}),
            "the token is for another audience",
        ),
    ] {
        let answer = as_caller(&function, &change, "/grants", &request).await;
        assert_eq!(answer.problem(), (401, "unauthenticated"), "{change}");
        assert_eq!(answer.json["detail"], detail, "{change}");
    }
}

#[tokio::test]
async fn jobs_are_counted_each() {
    let sandbox = sandbox().await;
    let policy = r#"{"groups":[{"per_minute":2,"rights":["events"]}]}"#;
    let settings = [&tokens::SHARED[..], &[("GRANT_POLICY", policy), ("GRANT_EVENTS", "caller")]].concat();
    let function = Function::start::<Lke>(&sandbox, &settings).await;
    let job =
        |id: usize| json!({"id": format!("job-{id}"), "filename": "a.pdf", "source": {"base64": "aGVsbG8="}});
    let record = |id: usize| json!({"messageId": format!("m-{id}"), "eventSource": "aws:sqs", "body": job(id).to_string()});
    let batch = json!({"Records": (0..100).map(record).collect::<Vec<_>>()});
    let answer = as_caller(&function, &json!({"sub": "ann"}), "/events", &batch).await.ok();
    assert_eq!(answer["batchItemFailures"].as_array().map(Vec::len), Some(98));
    assert_eq!(sandbox.objects().len(), 2);
    let answer = as_caller(&function, &json!({"sub": "ann"}), "/events", &job(200)).await;
    assert_eq!(answer.problem(), (429, "rate_limited"));
    assert_eq!(as_caller(&function, &json!({"sub": "bob"}), "/events", &job(200)).await.status, 200);
    assert_eq!(sandbox.objects().len(), 3);
}

/// The job of one caller under an id that once was another's record.
#[tokio::test]
async fn no_caller_has_anothers_jobs() {
    let sandbox = sandbox().await;
    let policy = r#"{"groups":[{"rights":["events"]}]}"#;
    let settings = [&tokens::SHARED[..], &[("GRANT_POLICY", policy), ("GRANT_EVENTS", "caller")]].concat();
    let function = Function::start::<Lke>(&sandbox, &settings).await;
    let job = json!({"filename": "a.pdf", "source": {"base64": "aGVsbG8="}});
    let mut objects = 0;
    for (sub, id) in [
        ("b", "victim-1"),
        ("a", "victim-1"),
        ("b\nvictim", "1"),
        ("caller", "victim-1"),
        ("caller\nb", "victim-1"),
        ("b ", "victim-1"),
    ] {
        let record = json!({"messageId": id, "eventSource": "aws:sqs", "body": job.to_string()});
        let batch = json!({"Records": [record]});
        for _ in 0..2 {
            let answer = as_caller(&function, &json!({"sub": sub}), "/events", &batch).await.ok();
            assert_eq!(answer["batchItemFailures"], json!([]), "{sub:?}");
        }
        objects += 1;
        assert_eq!(sandbox.objects().len(), objects, "{sub:?} {id}: its own, and once");
    }
}

/// A value of any kind, often one that looks like another.
fn any_claim() -> impl Strategy<Value = Value> {
    const ALIKE: [&str; 16] = [
        "1",
        "01",
        "1.0",
        "-1",
        "ann",
        "ANN",
        " ann",
        "ann ",
        "anonymous",
        "h-",
        "h-0123456789abcdef012345",
        "[ann]",
        "null",
        "ann\n1",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "auth0|5f7c8ec7c33c6c004bbafe83",
    ];
    prop_oneof![
        6 => select(&ALIKE[..]).prop_map(Value::from),
        2 => any::<String>().prop_map(Value::from),
        2 => "[a-z0-9-]{20,30}".prop_map(Value::from),
        2 => (-2_i64..3).prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => select(&ALIKE[..]).prop_map(|text| json!([text])),
        1 => select(&ALIKE[..]).prop_map(|text| json!({ "sub": text })),
    ]
}

fn any_claims() -> impl Strategy<Value = Map<String, Value>> {
    let names = select(&["sub", "principalId", "userArn", "callerId", "email", "iss"][..]);
    let more = proptest::collection::vec((names, any_claim()), 0..3);
    (proptest::option::weighted(0.9, any_claim()), more).prop_map(|(sub, more)| {
        let more = more.into_iter().map(|(name, value)| (name.to_owned(), value));
        more.chain(sub.map(|sub| ("sub".to_owned(), sub))).collect()
    })
}

/// Whom `sub` names, said another way than the code does. A gateway writes lists as texts in brackets.
fn own_name(claims: &Map<String, Value>, by_token: bool) -> Option<String> {
    let sub = claims.get("sub")?;
    let text = sub.as_str().map(str::to_owned);
    if !by_token
        && text.as_ref().is_some_and(|text| text.starts_with('[') && text.len() > 1 && text.ends_with(']'))
    {
        return None;
    }
    text.or_else(|| Some(sub.as_i64()?.to_string()))
        .or_else(|| Some(sub.as_u64()?.to_string()))
        .filter(|name| !name.is_empty())
}

fn user_of(caller: &Caller) -> Result<String, Code> {
    let defaults = Map::from_iter([("user_id".to_owned(), json!("shop"))]);
    let permissions = Permissions::of(None, caller).expect("no policy");
    let params = permissions
        .params(Aicontent::SPEC.params, defaults, &Map::new(), None)
        .map_err(|problem| problem.code)?;
    Ok(params["user_id"].as_str().expect("a user").to_owned())
}

fn checks() -> [Callers; 2] {
    let vars = tokens::SHARED.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let jwt = auth(&mut Env::new(vars)).expect("a check");
    let client = upload_grant_tests::client();
    [jwt, Auth::Gateway].map(|auth| Callers::new(auth, &[], &client))
}

#[test]
fn two_callers_are_never_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let [jwt, gateway] = checks();
    let policy = Policy::parse(r#"{"groups":[{"per_minute":1}]}"#, &[]).expect("a policy");
    let (named, unnamed, same) = (std::cell::Cell::new(0), std::cell::Cell::new(0), std::cell::Cell::new(0));
    let caller = |claims: &Map<String, Value>, by_token: bool| {
        let check = async {
            if by_token {
                let token = hs256(&tokens::claims(&Value::Object(with_iss(claims))));
                let headers = http::HeaderMap::from_iter([(
                    http::header::AUTHORIZATION,
                    format!("Bearer {token}").parse().expect("a header"),
                )]);
                jwt.check(&headers, None).await
            } else {
                gateway.check(&http::HeaderMap::new(), Some(with_iss(claims))).await
            }
        };
        runtime.block_on(check).expect("a caller")
    };
    let mut runner = TestRunner::new(Config { cases: PAIRS, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(any_claims(), any_claims(), any::<bool>()), |(a, b, by_token)| {
        let (one, other) = (caller(&a, by_token), caller(&b, by_token));
        let (own_a, own_b) = (own_name(&a, by_token), own_name(&b, by_token));
        for (caller, own) in [(&one, &own_a), (&other, &own_b)] {
            let user = user_of(caller);
            prop_assert_eq!(caller.name.as_ref(), own.as_ref());
            prop_assert_eq!(user.is_ok(), own.is_some());
            match user {
                Ok(user) => {
                    prop_assert!(
                        (1..=24).contains(&user.chars().count()) && user != "shop" && user != "anonymous"
                    );
                    named.set(named.get() + 1);
                }
                Err(code) => {
                    prop_assert_eq!(code, Code::Unauthenticated);
                    unnamed.set(unnamed.get() + 1);
                }
            }
        }
        let rates = Rates::default();
        let count = |caller: &Caller| {
            let permissions = Permissions::of(Some(&policy), caller).expect("everyone's group");
            permissions.count(&rates, tokio::time::Instant::now()).map_err(|problem| problem.code)
        };
        let counted = (count(&one), count(&other));
        if let (Some(own_a), Some(own_b)) = (own_a, own_b) {
            let is_one = own_a == own_b;
            prop_assert_eq!(user_of(&one) == user_of(&other), is_one);
            prop_assert_eq!(counted, (Ok(()), if is_one { Err(Code::RateLimited) } else { Ok(()) }));
            same.set(same.get() + u32::from(is_one));
        }
        Ok(())
    });
    println!(
        "identities: {PAIRS} pairs, {} named, {} unnamed, {} the same",
        named.get(),
        unnamed.get(),
        same.get()
    );
    assert_eq!(outcome.map_err(|error| error.to_string()), Ok(()));
    assert!(named.get() > 1000 && unnamed.get() > 1000 && same.get() > 20, "all kinds are covered");
}

/// As a token of ours, from its issuer.
fn with_iss(claims: &Map<String, Value>) -> Map<String, Value> {
    let mut claims = claims.clone();
    claims.insert("iss".into(), tokens::ISSUER.into());
    claims.entry("sub").or_insert(Value::Null);
    claims
}
