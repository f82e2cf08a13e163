//! Configuration: what is missing is named, and a function without it still starts and answers.

use alibaba_aicontent::Aicontent;
use alibaba_chatapp::Chatapp;
use alibaba_workorder::Workorder;
use huawei_aicc::Aicc;
use serde_json::json;
use tencent_lke::Lke;
use upload_grant_tests::{Answer, Function, SECRET, sandbox, upload};

/// SHA-256 of `hello`, the API key of these tests.
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// Every route that needs configuration says what is missing; the others work.
async fn misses(function: &Function, names: &[&str]) {
    let health = Answer::of(function.get("/healthz")).await.ok();
    assert_eq!(health["missing"], json!(names));
    let answer = function.ask(&json!({ "filename": "a.png" })).await;
    assert_eq!(answer.problem(), (500, "config_missing"), "{names:?}");
    for name in names {
        assert!(answer.json["detail"].as_str().expect("a detail").contains(name), "{name}: {}", answer.text);
    }
    for request in [
        function.get("/s3/params?filename=a.png"),
        function.post("/complete").body(r#"{"token":"x"}"#),
        function.client.put(format!("{}/relay/x", function.url)).body("hello"),
    ] {
        assert_eq!(Answer::of(request).await.problem(), (500, "config_missing"), "{names:?}");
    }
}

#[tokio::test]
async fn without_any_settings_every_name_is_said() {
    let alibaba = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];
    let with = |mut names: Vec<&'static str>, more: &[&'static str]| {
        names.extend(more);
        names
    };
    let ours = || vec!["GRANT_AUTH"];
    misses(
        &Function::start_with::<Chatapp>(vec![]).await,
        &with(with(ours(), &alibaba), &["CAMS_CUST_SPACE_ID"]),
    )
    .await;
    misses(&Function::start_with::<Workorder>(vec![]).await, &with(ours(), &alibaba)).await;
    let names = ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "LKE_BOT_BIZ_ID"];
    misses(&Function::start_with::<Lke>(vec![]).await, &with(ours(), &names)).await;
    let names = ["AICONTENT_APP_ID", "AICONTENT_APP_SECRET"];
    misses(&Function::start_with::<Aicontent>(vec![]).await, &with(with(ours(), &alibaba), &names)).await;
    let names =
        ["HUAWEI_AICC_BASE_URL", "HUAWEI_AICC_APP_KEY", "HUAWEI_AICC_APP_SECRET", "HUAWEI_AICC_CHANNEL_ID"];
    let health = Answer::of(Function::start_with::<Aicc>(vec![]).await.get("/healthz")).await.ok();
    let missing: Vec<&str> =
        health["missing"].as_array().expect("a list").iter().filter_map(|n| n.as_str()).collect();
    for name in names {
        assert!(missing.contains(&name), "{name}: {missing:?}");
    }
}

#[tokio::test]
async fn half_or_wrong_settings_are_named() {
    for (name, value) in [
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
        ("CAMS_CUST_SPACE_ID", " "),
        ("CAMS_ENDPOINT", "cams.aliyuncs.com"),
        ("CAMS_ENDPOINT", "http://cams.aliyuncs.com"),
        ("OSS_ENDPOINT", "http://10.0.0.1"),
        ("GRANT_SECRET", "short"),
        ("GRANT_CORS_ORIGINS", "*"),
        ("GRANT_CORS_ORIGINS", "null"),
        ("GRANT_CORS_ORIGINS", "https://app.example/"),
        ("GRANT_TTL_SECONDS", "5m"),
        ("GRANT_TTL_SECONDS", "0"),
        ("GRANT_MAX_IN_FLIGHT", "0"),
        ("GRANT_CONTENT_TYPES", "image"),
        ("GRANT_CONTENT_TYPES", ","),
        ("GRANT_MAX_BYTES", "0"),
        ("GRANT_ALLOW_CREDENTIALS", "yes"),
        ("GRANT_VENDOR_RPS", "-1"),
        ("GRANT_PUBLIC_URL", "files.example"),
        ("GRANT_BASE_PATH", "prod"),
        ("GRANT_AUTH", "open"),
        ("GRANT_AUTH", ""),
        ("GRANT_LISTEN", "everywhere"),
        ("PORT", "abc"),
        ("SSL_CERT_FILE", "/nowhere.pem"),
    ] {
        let function = Function::of("alibaba-chatapp", &sandbox().await, &[(name, value)]).await;
        misses(&function, &[name]).await;
    }
    // Half of a neutral key set is not completed from the other set.
    let half = [("ALIBABA_ACCESS_KEY_ID", "x")];
    misses(&Function::of("alibaba-chatapp", &sandbox().await, &half).await, &["ALIBABA_ACCESS_KEY_SECRET"])
        .await;
}

#[tokio::test]
async fn no_caller_check_needs_loopback_or_a_word() {
    for (listen, insecure, open) in [
        ("", "", true),
        ("127.0.0.1:9000", "", true),
        ("[::1]:9000", "", true),
        ("0.0.0.0:9000", "", false),
        ("192.0.2.1", "false", false),
        ("0.0.0.0:9000", "true", true),
    ] {
        let extra = [("GRANT_LISTEN", listen), ("GRANT_INSECURE", insecure)];
        let function = Function::of("alibaba-chatapp", &sandbox().await, &extra).await;
        if open {
            assert_eq!(function.ask(&json!({ "filename": "a.png" })).await.status, 200, "{extra:?}");
        } else {
            misses(&function, &["GRANT_AUTH"]).await;
        }
    }
}

#[tokio::test]
async fn an_api_key_is_asked_for_and_names_the_caller() {
    let sandbox = sandbox().await;
    let keys = format!("other:{}, shop:{HELLO}", "0".repeat(64));
    let extra = [("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", &*keys)];
    let function = Function::of("alibaba-aicontent", &sandbox, &extra).await;
    let ask = || function.post("/grants").body(r#"{"filename":"a.wav"}"#);
    for request in [
        ask(),
        ask().header("x-api-key", ""),
        ask().header("x-api-key", "Hello"),
        ask().header("x-api-key", HELLO),
    ] {
        let answer = Answer::of(request).await;
        assert_eq!(answer.problem(), (401, "unauthenticated"));
        assert!(answer.header("www-authenticate").starts_with("ApiKey "));
    }
    assert_eq!(
        Answer::of(function.get("/s3/params?filename=a.wav")).await.problem(),
        (401, "unauthenticated")
    );
    assert_eq!(sandbox.calls(upload_grant_tests::Service::Aicontent), 0);
    let grant = Answer::of(ask().header("x-api-key", "hello")).await.ok();
    assert_eq!(grant["vendor"]["user_id"], "shop");
    // Ticket and token are their own proof.
    let relay = function.post("/grants").body(r#"{"filename":"a.wav","mode":"relay"}"#);
    let relay = Answer::of(relay.header("x-api-key", "hello")).await.ok();
    assert_eq!(upload(&relay, b"hello").await.status, 200);
    let body = json!({ "token": grant["complete"]["token"] }).to_string();
    assert_eq!(Answer::of(function.post("/complete").body(body)).await.status, 200);
}

#[tokio::test]
async fn without_a_secret_there_is_no_completion_and_no_relay() {
    for (flow, filename) in [("alibaba-chatapp", "a.png"), ("tencent-lke", "a.pdf")] {
        let function = Function::of(flow, &sandbox().await, &[("GRANT_SECRET", "")]).await;
        let grant = function.ask(&json!({ "filename": filename })).await.ok();
        assert!(grant.get("complete").is_none());
        assert_eq!(upload(&grant, b"hello").await.status, 200);
        let relay = function.ask(&json!({ "filename": filename, "mode": "relay" })).await;
        let complete = Answer::of(function.post("/complete").body(r#"{"token":"x"}"#)).await;
        for answer in [relay, complete] {
            assert_eq!(answer.problem(), (500, "config_missing"));
            assert!(answer.text.contains("GRANT_SECRET"), "{}", answer.text);
        }
    }
    let aicc = Function::of("huawei-aicc", &sandbox().await, &[("GRANT_SECRET", "")]).await;
    assert_eq!(aicc.ask(&json!({ "filename": "a.jpg" })).await.problem(), (500, "config_missing"));
    assert_eq!(Answer::of(aicc.get("/healthz")).await.json["missing"], json!(["GRANT_SECRET"]));
    let long = [("HUAWEI_AICC_USER_ID", "a-user-id-of-25-character")];
    misses(&Function::of("huawei-aicc", &sandbox().await, &long).await, &["HUAWEI_AICC_USER_ID"]).await;
}

#[tokio::test]
async fn settings_may_stand_in_files() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("grant-secret");
    std::fs::write(&path, format!("{SECRET}\n")).expect("a file");
    let file = path.to_str().expect("a path");
    let sandbox = sandbox().await;
    let issuing = Function::of("alibaba-chatapp", &sandbox, &[]).await;
    let reading = [("GRANT_SECRET", ""), ("GRANT_SECRET_FILE", file)];
    let reading = Function::of("alibaba-chatapp", &sandbox, &reading).await;
    let grant = issuing.ask(&json!({ "filename": "a.png" })).await.ok();
    let body = json!({ "token": grant["complete"]["token"] }).to_string();
    assert_eq!(Answer::of(reading.post("/complete").body(body)).await.status, 200);
    let nowhere = [("GRANT_SECRET", ""), ("GRANT_SECRET_FILE", "/nowhere/at/all")];
    misses(&Function::of("alibaba-chatapp", &sandbox, &nowhere).await, &["GRANT_SECRET"]).await;
}
