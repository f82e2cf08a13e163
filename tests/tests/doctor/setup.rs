//! Settings, callers, the instances' store, the network, the clock.

use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;
use tencent_lke::Lke;
use upload_grant_tests::process::binary;
use upload_grant_tests::tokens::{KeyPair, Provider, SHARED};
use upload_grant_tests::{Function, Service, sandbox};

use crate::run::Run;

#[tokio::test]
async fn every_fault_of_the_settings_is_named_and_nothing_is_sent() {
    let sandbox = sandbox().await;
    let wrong = [
        ("GRANT_AUTH", ""),
        ("CAMS_CUST_SPACE_ID", ""),
        ("GRANT_SECRET", "short"),
        ("GRANT_LOG", "a=loud"),
        ("GRANT_LISTEN", "everywhere"),
        ("GRANT_STORE", "file:x"),
        ("CAMS_ENDPOINT", "http://cams.example"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
    ];
    let run = Run::json("alibaba-chatapp", &sandbox, &wrong).await;
    for (name, _) in wrong {
        let named =
            |line: &&serde_json::Value| line["advice"].as_str().is_some_and(|advice| advice.contains(name));
        assert_eq!(run.lines().iter().filter(named).count(), 1, "{name}: {}", run.stdout);
    }
    assert!(run.with("fail").len() == wrong.len() && run.lines().len() == wrong.len(), "{}", run.stdout);
    assert_eq!((run.exit, sandbox.calls(Service::Cams)), (1, 0));
    run.says("configuration", "fail", "config_missing", "");

    let roots = Run::json("alibaba-chatapp", &sandbox, &[("SSL_CERT_FILE", "/nowhere/roots.pem")]).await;
    roots.says("configuration", "fail", "config_missing", "SSL_CERT_FILE");
}

#[tokio::test]
async fn callers_and_their_keys() {
    let sandbox = sandbox().await;
    let mut provider = Provider::start(&[&KeyPair::p256("one")]).await;
    let run = Run::json("huawei-aicc", &sandbox, &provider.settings()).await;
    run.says("callers", "ok", "ok", "1 published keys");
    provider.publish(&[]);
    let run = Run::json("huawei-aicc", &sandbox, &provider.settings()).await;
    run.says("callers", "fail", "jwks_unreadable", "GRANT_JWT_JWKS_URL");
    provider.url = "http://127.0.0.1:1/keys".to_owned();
    let run = Run::json("huawei-aicc", &sandbox, &provider.settings()).await;
    run.says("callers", "fail", "jwks_unreadable", "GRANT_JWT_JWKS_URL");
    let run = Run::json("huawei-aicc", &sandbox, &SHARED).await;
    run.says("callers", "ok", "ok", "GRANT_JWT_SECRET");
    let hash = "0".repeat(64);
    let keys = format!("a:{hash},b:{hash}");
    let run =
        Run::json("huawei-aicc", &sandbox, &[("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", &keys)]).await;
    run.says("callers", "ok", "ok", "2 keys");
    let open = Run::json("huawei-aicc", &sandbox, &[]).await;
    open.says("callers", "warn", "open", "GRANT_AUTH");
    let gateway = [("GRANT_AUTH", "gateway"), ("GRANT_RUNTIME", "lambda")];
    let run = Run::json("huawei-aicc", &sandbox, &gateway).await;
    run.says("callers", "ok", "ok", "gateway");
    run.says("runtime", "info", "lambda", "Lambda");
    run.says("store", "warn", "memory", "GRANT_STORE=redis://");
}

#[tokio::test]
async fn the_secret_the_store_and_the_keys() {
    let sandbox = sandbox().await;
    let run = Run::json("alibaba-chatapp", &sandbox, &[("GRANT_SECRET", "")]).await;
    run.says("secret", "warn", "missing", "GRANT_SECRET");
    assert!(run.exit == 0 && run.with("skipped").contains(&"relay.grant"), "{}", run.stdout);
    let run = Run::json("huawei-aicc", &sandbox, &[("GRANT_SECRET", "")]).await;
    run.says("secret", "fail", "missing", "GRANT_SECRET");
    run.says("vendor.call", "ok", "ok", "");
    let run = Run::json("alibaba-chatapp", &sandbox, &[("GRANT_STORE", "redis://127.0.0.1:1")]).await;
    run.says("store", "fail", "unreachable", "GRANT_STORE");
    let run =
        Run::json("alibaba-chatapp", &sandbox, &[("FC_FUNCTION_NAME", "f"), ("GRANT_INSECURE", "true")])
            .await;
    run.says("keys", "ok", "ok", "ALIBABA_CLOUD_ACCESS_KEY_ID, long-term");
    let none = [
        ("FC_FUNCTION_NAME", "f"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", ""),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ""),
    ];
    let run = Run::json("alibaba-chatapp", &sandbox, &none).await;
    run.says("configuration", "fail", "config_missing", "ALIBABA_CLOUD_ACCESS_KEY_");
    let run = Run::json("alibaba-chatapp", &sandbox, &[("GRANT_MAX_BYTES", "100")]).await;
    run.says("vendor.call", "fail", "too_large", "GRANT_MAX_BYTES");
    let run = Run::json("alibaba-chatapp", &sandbox, &[("GRANT_CORS_ORIGINS", "https://app.example")]).await;
    run.says("cors.origins", "ok", "ok", "1 may");
    run.says("form.preflight", "ok", "ok", "https://app.example");
    let run = Run::json("alibaba-chatapp", &sandbox, &[("GRANT_VENDOR_RPS", "2")]).await;
    run.says("quota", "info", "budget", "GRANT_VENDOR_RPS");
}

/// Where the URLs of relay grants lead, and whether a caller gets there.
#[tokio::test]
async fn the_address_of_relays() {
    let sandbox = sandbox().await;
    let served = Function::start::<Lke>(&sandbox, &[]).await;
    let elsewhere = sandbox.url(Service::Lke);
    let key = format!("a:{}", "0".repeat(64));
    let callers = [("GRANT_AUTH", "api-key"), ("GRANT_API_KEYS", &*key)];
    for (extra, outcome, code, word) in [
        (&[][..], "info", "loopback", "this machine only"),
        (&callers, "warn", "loopback", "GRANT_PUBLIC_URL"),
        (&[("GRANT_LISTEN", "0.0.0.0:9000")], "info", "request", "http and the Host"),
        (&[("GRANT_TRUST_PROXY", "true")], "info", "proxy", "X-Forwarded-*"),
        (&[("GRANT_RUNTIME", "lambda")], "info", "request", "https and the Host"),
        (&[("GRANT_PUBLIC_URL", &served.url)], "ok", "ok", "this function answers there"),
        (&[("GRANT_PUBLIC_URL", &served.url), ("PORT", "9000")], "warn", "loopback", "GRANT_PUBLIC_URL"),
        (&[("GRANT_PUBLIC_URL", &elsewhere)], "warn", "unreachable", "/healthz"),
        (&[("GRANT_PUBLIC_URL", "http://127.0.0.1:1")], "warn", "unreachable", "/healthz"),
        (&[("GRANT_PUBLIC_URL", "https://nothing.invalid")], "warn", "unreachable", "/healthz"),
    ] {
        let run = Run::of("tencent-lke", &sandbox, extra, &["--json", "--no-upload"]).await;
        run.says("relay.url", outcome, code, word);
        assert_eq!(run.exit, 0, "{}", run.stdout);
    }
}

/// A space that only the policy supplies is not in the environment: the doctor asks for it.
#[tokio::test]
async fn a_parameter_that_only_the_policy_knows() {
    let sandbox = sandbox().await;
    let policy = r#"{"groups":[{"params":{"cust_space_id":{"claim":"space"}}}]}"#;
    let run =
        Run::json("alibaba-chatapp", &sandbox, &[("GRANT_POLICY", policy), ("CAMS_CUST_SPACE_ID", "")]).await;
    run.says("vendor.call", "fail", "config_missing", "for the doctor");
    assert!(run.line("vendor.call")["seen"].as_str().is_some_and(|seen| seen.contains("CAMS_CUST_SPACE_ID")));
}

#[tokio::test]
async fn the_way_to_the_vendor() {
    let sandbox = sandbox().await;
    let plain = sandbox.url(Service::Cams).replace("http://", "https://");
    for (endpoint, code, word) in [
        ("http://127.0.0.1:1", "unreachable", "CAMS_ENDPOINT"),
        ("https://nothing.invalid", "dns", "name server"),
        (&*plain, "tls", "SSL_CERT_FILE"),
    ] {
        let run = Run::json("alibaba-chatapp", &sandbox, &[("CAMS_ENDPOINT", endpoint)]).await;
        run.says("reach.CAMS_ENDPOINT", "fail", code, word);
        run.says("vendor.call", "fail", "vendor_unavailable", "CAMS_ENDPOINT");
        run.says("clock", "skipped", "skipped", "told no time");
        for check in ["form.grant", "put.grant", "relay.grant"] {
            run.says(check, "skipped", "skipped", "vendor's call failed");
        }
    }
}

#[tokio::test]
async fn the_way_to_the_store() {
    let sandbox = sandbox().await;
    for (flow, name, check) in [
        ("alibaba-chatapp", "OSS_ENDPOINT", "form.preflight"),
        ("tencent-lke", "COS_ENDPOINT", "put.preflight"),
    ] {
        let run = Run::json(flow, &sandbox, &[(name, "http://127.0.0.1:1")]).await;
        run.says(check, "fail", "unreachable", "outgoing traffic");
        run.says("relay.upload", "fail", "upload_failed", "");
    }
}

#[tokio::test]
async fn the_clock_and_what_is_only_for_a_moment() {
    for (seconds, outcome, seen) in [(30, "warn", "behind"), (-3600, "fail", "ahead of")] {
        let sandbox = sandbox().await;
        sandbox.fault(json!({ "target": "*", "skew_seconds": seconds }));
        let run = Run::json("alibaba-chatapp", &sandbox, &[]).await;
        run.says("clock", outcome, "clock_off", "NTP");
        assert!(run.line("clock")["seen"].as_str().is_some_and(|told| told.contains(seen)), "{}", run.stdout);
        // The vendor refuses the larger one, and is asked again by its own clock.
        let call = if outcome == "fail" { ("warn", "retried") } else { ("ok", "ok") };
        run.says("vendor.call", call.0, call.1, "");
        run.says("form.upload", "ok", "ok", "");
    }
    let sandbox = sandbox().await;
    sandbox.fault(json!({ "target": "cams", "skip": 1, "times": 1, "raw": { "status": 503 } }));
    let run = Run::json("alibaba-chatapp", &sandbox, &[]).await;
    run.says("vendor.call", "warn", "retried", "throttles or fails");
    assert_eq!(run.exit, 0);
}

/// What is no text is neither read nor passed over.
#[test]
fn a_value_that_is_not_utf_8_is_named() {
    let garbled = std::ffi::OsStr::from_bytes(b"{\"groups\":[\xff]}");
    for (variable, name) in [
        ("GRANT_POLICY", "GRANT_POLICY"),
        ("GRANT_POLICY_FILE", "GRANT_POLICY"),
        ("GRANT_AUTH", "GRANT_AUTH"),
    ] {
        let mut program = std::process::Command::new(binary("alibaba-chatapp"));
        program.args(["doctor", "--json", "--no-upload"]).env_clear().env(variable, garbled);
        let told = program.output().expect("the binary runs").stdout;
        let told = String::from_utf8(told).expect("text");
        assert!(told.contains(&format!("{name} is not UTF-8")), "{variable}: {told}");
    }
}
