//! Who is let in, and what the others are told.

use std::time::Duration;

use alibaba_chatapp::Chatapp;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use upload_grant::wire::encode;
use upload_grant_runtime::api::router;
use upload_grant_runtime::app::{App, RequestOrigin};
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::platform::clock;
use upload_grant_tests::tokens::{self, KeyPair, Provider, claims, hmac, hs256};
use upload_grant_tests::{Answer, Function, Sandbox};

/// A relay grant needs no vendor: the check alone decides.
fn request() -> Value {
    json!({"filename": "a.png", "mode": "relay"})
}

async fn start(settings: &[(&str, &str)]) -> Function {
    let sandbox = Sandbox::start().await.expect("a sandbox");
    Function::start::<Chatapp>(&sandbox, settings).await
}

async fn ask_with(function: &Function, header: &str, value: &str) -> Answer {
    // Some tests move the clock, and idle connections would be closed under us.
    let request = function.post("/grants").header(header, value).header("connection", "close");
    Answer::of(request.body(self::request().to_string())).await
}

async fn bearer(function: &Function, token: &str) -> Answer {
    ask_with(function, "authorization", &format!("Bearer {token}")).await
}

fn sha256(text: &str) -> String {
    let mut hex = String::new();
    encode::hex(&mut hex, &Sha256::digest(text));
    hex
}

#[tokio::test]
async fn claims_of_a_shared_secret() {
    let function = start(&tokens::SHARED).await;
    let now = clock::now().unix();
    for (change, status) in [
        (json!({}), 200),
        (json!({"aud": ["other", tokens::AUDIENCE]}), 200),
        (json!({"exp": now - 20, "nbf": now + 40, "iat": now + 40}), 200),
        (json!({"nbf": null, "iat": null, "sub": null}), 200),
        (json!({"iss": "https://idp.example"}), 401),
        (json!({"iss": null}), 401),
        (json!({"aud": "upload-grants2"}), 401),
        (json!({"aud": null}), 401),
        (json!({"exp": now - 120}), 401),
        (json!({"exp": null}), 401),
        (json!({"nbf": now + 120}), 401),
        (json!({"iat": now + 120}), 401),
    ] {
        let answer = bearer(&function, &hs256(&claims(&change))).await;
        assert_eq!(answer.status, status, "{change}: {}", answer.text);
        if status == 401 {
            assert_eq!(answer.problem(), (401, "unauthenticated"));
            assert_eq!(
                answer.header("www-authenticate"),
                r#"Bearer realm="upload-grant", error="invalid_token""#
            );
        }
    }
}

#[tokio::test]
async fn the_token_never_chooses_its_check() {
    let (rsa, ec) = (KeyPair::rsa("r"), KeyPair::p256("e"));
    let provider = Provider::start(&[&rsa, &ec]).await;
    let published = start(&provider.settings()).await;
    let shared = start(&tokens::SHARED).await;
    let good = claims(&json!({}));
    assert_eq!(bearer(&published, &rsa.sign(&good)).await.status, 200);
    assert_eq!(bearer(&published, &ec.sign(&good)).await.status, 200);

    let unsigned = |alg: &str| tokens::token(&json!({"alg": alg}), &good, |_| Vec::new());
    let set = json!({"keys": [rsa.jwk(), ec.jwk()]}).to_string();
    let pem = include_str!("../vectors/jwt-rsa-test-key.pem");
    let modulus = rsa.jwk()["n"].as_str().expect("a modulus").to_owned();
    let confused = |secret: &str| {
        tokens::token(&json!({"alg": "HS256", "kid": "r"}), &good, |signed| hmac(secret.as_bytes(), signed))
    };
    let refused = [
        unsigned("none"),
        unsigned("None"),
        unsigned("HS256"),
        unsigned("RS256"),
        unsigned("ES256"),
        confused(&set),
        confused(&modulus),
        confused(pem),
        hs256(&good),
        // A good signature under a header that names another algorithm or key, or demands an extension.
        rsa.sign_as(&json!({"alg": "ES256", "kid": "e"}), &good),
        rsa.sign_as(&json!({"alg": "RS256", "kid": "e"}), &good),
        ec.sign_as(&json!({"alg": "RS256", "kid": "r"}), &good),
        rsa.sign_as(&json!({"alg": "RS512", "kid": "r"}), &good),
        rsa.sign_as(&json!({"alg": "PS256", "kid": "r"}), &good),
        rsa.sign_as(&json!({"alg": "RS256", "kid": "r", "crit": ["exp"]}), &good),
        rsa.sign_as(
            &json!({"alg": "RS256", "kid": "r", "jwk": KeyPair::p256("x").jwk()}),
            &claims(&json!({"iss": "x"})),
        ),
        KeyPair::p256("e").sign(&good),
        format!("{}{}", rsa.sign(&good), "A".repeat(8192)),
        String::from("not.a.token"),
    ];
    for token in &refused {
        let answer = bearer(&published, token).await;
        assert_eq!(answer.problem(), (401, "unauthenticated"), "{token}");
    }
    for token in [unsigned("none"), unsigned("HS256"), rsa.sign(&good), ec.sign(&good)] {
        assert_eq!(bearer(&shared, &token).await.problem(), (401, "unauthenticated"), "{token}");
    }
    assert_eq!(bearer(&shared, &hs256(&good)).await.status, 200);
}

#[tokio::test]
async fn a_change_in_any_byte_is_refused() {
    let (rsa, ec) = (KeyPair::rsa("r"), KeyPair::p256("e"));
    let provider = Provider::start(&[&rsa, &ec]).await;
    let published = start(&provider.settings()).await;
    let shared = start(&tokens::SHARED).await;
    let good = claims(&json!({}));
    let mut tried = 0;
    for (function, token) in
        [(&published, rsa.sign(&good)), (&published, ec.sign(&good)), (&shared, hs256(&good))]
    {
        assert_eq!(bearer(function, &token).await.status, 200);
        for index in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(bearer(function, &changed).await.status, 401, "byte {index} of {token}");
            tried += 1;
        }
    }
    println!("tampered tokens refused: {tried}");
    assert!(tried > 1000);
}

/// Moves the clock of leases and caches, then lets it run on.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn keys_rotate_and_unknown_ones_do_not_flood_the_provider() {
    let (old, new, newest) = (KeyPair::p256("old"), KeyPair::rsa("new"), KeyPair::p256("newest"));
    let provider = Provider::start(&[&old]).await;
    let function = start(&provider.settings()).await;
    let good = claims(&json!({}));
    for _ in 0..3 {
        assert_eq!(bearer(&function, &old.sign(&good)).await.status, 200);
    }
    assert_eq!(provider.fetches(), 1, "keys are kept");

    provider.publish(&[&old, &new]);
    assert_eq!(bearer(&function, &new.sign(&good)).await.status, 200);
    assert_eq!(bearer(&function, &old.sign(&good)).await.status, 200);
    assert_eq!(provider.fetches(), 2, "an unknown key makes us ask");

    provider.publish(&[&new, &newest]);
    for index in 0..20 {
        let invented = newest.sign_as(&json!({"alg": "ES256", "kid": format!("invented {index}")}), &good);
        assert_eq!(bearer(&function, &invented).await.problem(), (401, "unauthenticated"));
    }
    assert_eq!(bearer(&function, &newest.sign(&good)).await.problem(), (401, "unauthenticated"));
    assert_eq!(provider.fetches(), 2, "but once a minute");

    pass(Duration::from_secs(61)).await;
    assert_eq!(bearer(&function, &newest.sign(&good)).await.status, 200);
    assert_eq!(bearer(&function, &old.sign(&good)).await.problem(), (401, "unauthenticated"), "withdrawn");
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test]
async fn outages_of_the_provider_are_sat_out() {
    let (key, other) = (KeyPair::p256("k"), KeyPair::p256("other"));
    let provider = Provider::start(&[&key]).await;
    let function = start(&provider.settings()).await;
    let good = claims(&json!({}));
    assert_eq!(bearer(&function, &key.sign(&good)).await.status, 200);
    let huge = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(300_000));
    let mut fetches = 1;
    for (status, body) in
        [(500, "{\"keys\":[]}"), (302, ""), (200, "<html>sorry"), (200, "[]"), (200, &*huge)]
    {
        provider.say(status, body);
        pass(Duration::from_secs(11 * 60)).await;
        let now = claims(&json!({}));
        for _ in 0..3 {
            assert_eq!(bearer(&function, &key.sign(&now)).await.status, 200, "the old key serves: {status}");
        }
        fetches += 1;
        assert_eq!(provider.fetches(), fetches, "a failure is not repeated at once");
        let answer = bearer(&function, &other.sign(&now)).await;
        assert_eq!(answer.problem(), (503, "vendor_unavailable"), "nobody can tell whose key that is");
        let wait: u32 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(answer.json["detail"], "the identity provider's keys cannot be fetched");
    }
    provider.publish(&[&other]);
    pass(Duration::from_secs(61)).await;
    assert_eq!(bearer(&function, &other.sign(&good)).await.status, 200);
    assert_eq!(bearer(&function, &key.sign(&good)).await.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn a_cold_start_in_an_outage_recovers_within_seconds() {
    let key = KeyPair::p256("k");
    let provider = Provider::start(&[]).await;
    provider.say(503, "");
    let function = start(&provider.settings()).await;
    let good = claims(&json!({}));
    assert_eq!(bearer(&function, &key.sign(&good)).await.problem(), (503, "vendor_unavailable"));
    assert_eq!(bearer(&function, &hs256(&good)).await.problem(), (401, "unauthenticated"));
    assert_eq!(provider.fetches(), 1, "what can be refused without keys is");
    provider.publish(&[&key]);
    pass(Duration::from_secs(2)).await;
    assert_eq!(bearer(&function, &key.sign(&good)).await.status, 200);
}

#[tokio::test]
async fn a_crowd_at_a_cold_start_asks_once() {
    let key = KeyPair::p256("k");
    let provider = Provider::start(&[&key]).await;
    let function = start(&provider.settings()).await;
    let token = key.sign(&claims(&json!({})));
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let request = function.post("/grants").bearer_auth(&token).body(request().to_string());
        crowd.spawn(async { Answer::of(request).await.status });
    }
    assert!(crowd.join_all().await.iter().all(|status| *status == 200));
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn tokens_are_found_where_clients_put_them() {
    let function = start(&tokens::SHARED).await;
    let token = hs256(&claims(&json!({})));
    assert_eq!(ask_with(&function, "authorization", &format!("bearer {token}")).await.status, 200);
    assert_eq!(ask_with(&function, "uppy-auth-token", &token).await.status, 200);
    for (header, value) in
        [("authorization", &*token), ("authorization", "Basic YTpi"), ("x-api-key", &token)]
    {
        let answer = ask_with(&function, header, value).await;
        assert_eq!(answer.problem(), (401, "unauthenticated"));
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Bearer realm="upload-grant""#,
            "no error without a token"
        );
    }
    let answer = Answer::of(function.get("/s3/params?filename=a.png")).await;
    assert_eq!(answer.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn api_keys_rotate_side_by_side() {
    let keys = format!("shop:{},shop:{},app:{}", sha256("old"), sha256("new").to_uppercase(), sha256("app"));
    let settings = [("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", &*keys)];
    let function = start(&settings).await;
    for key in ["old", "new", "app"] {
        assert_eq!(ask_with(&function, "x-api-key", key).await.status, 200, "{key}");
    }
    for key in ["", "ol", "old ", "older", "shop", &sha256("old")] {
        // Clients trim header values, so the blank at the end is sent inside another name.
        let key = key.replace(' ', "%20");
        let answer = ask_with(&function, "x-api-key", &key).await;
        assert_eq!(answer.problem(), (401, "unauthenticated"), "{key}");
        assert_eq!(answer.header("www-authenticate"), r#"ApiKey realm="upload-grant", header="x-api-key""#);
    }
    assert_eq!(function.ask(&request()).await.problem(), (401, "unauthenticated"));
}

#[tokio::test]
async fn a_gateway_is_believed_on_lambda_only() {
    let policy = r#"{"groups":[{"match":{"claim":"roles","equals":"editor"}}]}"#;
    let sandbox = Sandbox::start().await.expect("a sandbox");
    let vars = |runtime: &str| {
        let mut vars = sandbox.env("alibaba-chatapp");
        let ours = [("GRANT_AUTH", "gateway"), ("GRANT_RUNTIME", runtime), ("GRANT_POLICY", policy)];
        vars.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
        vars.push(("GRANT_SECRET".into(), upload_grant_tests::SECRET.into()));
        vars
    };
    let app = App::<Chatapp>::new(&mut Env::new(vars("lambda"))).expect("it starts");
    for (identity, status) in [
        (Some(json!({"sub": "ann", "roles": "[editor]"})), 200),
        // One group or two: nobody can tell.
        (Some(json!({"sub": "ann", "roles": "[chief editor]"})), 403),
        (Some(json!({"userArn": "arn:aws:iam::1:user/a", "roles": "editor"})), 200),
        (Some(json!({"sub": "ann", "roles": "[viewer]"})), 403),
        (Some(json!({"sub": "ann"})), 403),
        (Some(json!({})), 401),
        (None, 401),
    ] {
        let shown = format!("{identity:?}");
        let door = RequestOrigin {
            identity: identity.and_then(|claims| claims.as_object().cloned()),
            ..RequestOrigin::default()
        };
        // Headers are the caller's own and prove nothing here.
        let asked = Request::post("/grants")
            .header("host", "x")
            .header("authorization", "Bearer x")
            .header("x-api-key", "x");
        let asked = asked.extension(door).body(Body::from(request().to_string())).expect("a request");
        let answer = router(&app).oneshot(asked).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{shown}");
        assert_eq!(answer.headers().contains_key("www-authenticate"), status == 401, "{shown}");
    }
    let elsewhere = Function::start_with::<Chatapp>(vars("http")).await;
    let answer = elsewhere.ask(&request()).await;
    assert_eq!(answer.problem(), (500, "config_missing"));
    assert_eq!(answer.json["detail"], "GRANT_AUTH is gateway, which only Lambda has");
}
