//! `NAME_ARN`: settings from Secrets Manager and Parameter Store, fetched as the process starts, and the vendor's keys
//! again when it refuses them.

use std::process::Command;

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use upload_grant_tests::process::{Process, settings};
use upload_grant_tests::shared_store::{SharedStore, TOOLS};
use upload_grant_tests::stub::{Seen, Stub};
use upload_grant_tests::{Answer, SECRET, client, sandbox};

const KEYS: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:keys-AbCdEf";
const PARAMETER: &str = "arn:aws:ssm:eu-central-1:123456789012:parameter/grants/secret";

/// Both services: a secret that holds a vendor's keys, and a parameter that holds `GRANT_SECRET`.
fn aws(id: String, secret: String) -> impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static {
    move |seen| {
        let asked: Value = serde_json::from_slice(&seen.body).expect("JSON");
        let answer = match seen.header("x-amz-target") {
            "secretsmanager.GetSecretValue" if asked == json!({ "SecretId": KEYS }) => {
                json!({ "SecretString": json!({ "id": id, "key": secret }).to_string() })
            }
            "AmazonSSM.GetParameter" if asked == json!({ "Name": PARAMETER, "WithDecryption": true }) => {
                json!({ "Parameter": { "Value": SECRET } })
            }
            _ => {
                let refusal =
                    json!({ "__type": "AccessDeniedException", "Message": "secret words" }).to_string();
                return Response::builder().status(400).body(Body::from(refusal)).expect("a response");
            }
        };
        Response::new(Body::from(answer.to_string()))
    }
}

#[tokio::test]
async fn secrets_and_parameters_are_settings() {
    let sandbox = sandbox().await;
    let plain = settings("alibaba-chatapp", &sandbox, &[]);
    let value = |name: &str| {
        plain.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).expect("a setting")
    };
    let (id, secret) = (value("ALIBABA_CLOUD_ACCESS_KEY_ID"), value("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
    let stub = Stub::start(aws(id, secret.clone())).await;
    let mut vars = plain.clone();
    vars.retain(|(name, _)| !name.starts_with("ALIBABA_CLOUD_ACCESS_KEY") && name != "GRANT_SECRET");
    let with = |more: &[(&str, &str)]| {
        let aws = [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("GRANT_LISTEN", "127.0.0.1:0"),
        ];
        let mut vars = vars.clone();
        vars.push(("AWS_ENDPOINT_URL".into(), stub.url("")));
        vars.extend(aws.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        vars
    };
    let [id_arn, key_arn] = [format!("{KEYS}:id::"), format!("{KEYS}:key::")];
    let named = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID_ARN", id_arn.as_str()),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET_ARN", &key_arn),
        ("GRANT_SECRET_ARN", PARAMETER),
        ("SOME_ROLE_ARN", "arn:aws:iam::123456789012:role/other"),
    ];
    let process = Process::of("alibaba-chatapp", &with(&named));
    let url = process.url().await;
    let ask = client().post(format!("{url}/grants")).body(json!({ "filename": "a.png" }).to_string());
    let grant = Answer::of(ask).await.ok();
    assert!(grant["complete"]["token"].is_string(), "GRANT_SECRET is known");
    assert_eq!(stub.seen().len(), 2, "each document once");
    let lines = format!("{:?}", process.lines());
    assert!(!lines.contains(&secret) && !lines.contains(SECRET));

    let denied = format!("{KEYS}-other");
    let process = Process::of("alibaba-chatapp", &with(&[named[0], named[1], ("GRANT_SECRET_ARN", &denied)]));
    let url = process.url().await;
    let health = Answer::of(client().get(format!("{url}/healthz"))).await.ok();
    assert_eq!(health["missing"], json!(["GRANT_SECRET"]));
    let ask = client().post(format!("{url}/grants")).body(json!({ "filename": "a.png" }).to_string());
    let refused = Answer::of(ask).await;
    assert_eq!(refused.problem(), (500, "config_missing"));
    assert!(refused.text.contains("AccessDeniedException") && !refused.text.contains("secret words"));
}

#[tokio::test]
async fn a_service_that_does_not_answer_ends_the_start() {
    let sandbox = sandbox().await;
    let stub = Stub::start(|_| upload_grant_tests::stub::status(503)).await;
    let endpoint = stub.url("");
    let vars = [
        ("GRANT_SECRET", ""),
        ("GRANT_SECRET_ARN", PARAMETER),
        ("AWS_ENDPOINT_URL_SSM", &*endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
    ];
    let process = Process::of("tencent-lke", &settings("tencent-lke", &sandbox, &vars));
    let line = process.line(|line| line["message"] == "cannot serve").await;
    assert_eq!(line["error"], "ssm does not answer: Http503");
    assert_eq!(stub.seen().len(), 3);
}

/// A vendor's keys in one document, of which `first` is read first and `then` ever after.
fn rotated(first: Value, then: Value) -> impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static {
    move |seen| {
        let text = if seen.index == 0 { &first } else { &then };
        Response::new(Body::from(json!({ "SecretString": text.to_string() }).to_string()))
    }
}

/// `flow` on HTTP with the variables of `secret` by ARN, at `endpoint`.
fn by_arn(
    flow: &str,
    sandbox: &upload_grant_tests::Sandbox,
    secret: &str,
    keys: &[&str],
    extra: &[(&str, &str)],
) -> Process {
    let mut vars = settings(flow, sandbox, extra);
    vars.retain(|(name, _)| !keys.contains(&name.as_str()));
    vars.extend(keys.iter().map(|key| (format!("{key}_ARN"), format!("{secret}:{key}::"))));
    vars.push(("GRANT_LISTEN".into(), "127.0.0.1:0".into()));
    Process::of(flow, &vars)
}

/// What each flow's sandbox knows, and the same with wrong secrets.
fn documents(flow: &str, sandbox: &upload_grant_tests::Sandbox, keys: &[&str]) -> (Value, Value) {
    let vars = settings(flow, sandbox, &[]);
    let good: serde_json::Map<String, Value> = vars
        .into_iter()
        .filter(|(name, _)| keys.contains(&name.as_str()))
        .map(|(n, v)| (n, v.into()))
        .collect();
    assert_eq!(good.len(), keys.len(), "{flow}");
    let bad = keys.iter().map(|key| ((*key).to_owned(), json!("rotated-away"))).collect();
    (Value::Object(bad), Value::Object(good))
}

const ALIBABA: &[&str] = &["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];

#[tokio::test]
async fn keys_that_the_vendor_refuses_are_fetched_again() {
    for (flow, filename, keys) in [
        ("alibaba-chatapp", "a.pdf", ALIBABA),
        ("alibaba-workorder", "a.pdf", ALIBABA),
        ("alibaba-aicontent", "a.mp3", ALIBABA),
        ("alibaba-aicontent", "a.mp3", &["AICONTENT_APP_SECRET"]),
        ("alibaba-bailian", "a.pdf", ALIBABA),
        ("alibaba-dashscope", "a.pdf", &["DASHSCOPE_API_KEY"]),
        ("tencent-lke", "a.pdf", &["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"]),
        ("huawei-aicc", "a.txt", &["HUAWEI_AICC_APP_KEY", "HUAWEI_AICC_APP_SECRET"]),
    ] {
        let sandbox = sandbox().await;
        let (old, new) = documents(flow, &sandbox, keys);
        let stub = Stub::start(rotated(old, new)).await;
        let aws = [
            ("AWS_ENDPOINT_URL", &*stub.url("")),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
        ];
        let process = by_arn(flow, &sandbox, KEYS, keys, &aws);
        let url = process.url().await;
        let request = json!({ "filename": filename, "mode": "relay" });
        for _ in 0..2 {
            let ask = client().post(format!("{url}/grants")).body(request.to_string());
            let grant = Answer::of(ask).await.ok();
            let stored = upload_grant_tests::upload(&grant, b"hello").await;
            assert_eq!(stored.status, 200, "{flow} {keys:?}: {}", stored.text);
        }
        assert_eq!(stub.seen().len(), 2, "{flow} {keys:?}: at the start, and once more");
        assert!(process.lines().iter().any(|line| line["message"] == "the vendor's keys were fetched again"));
    }
}

#[tokio::test]
async fn keys_that_stay_refused_are_asked_for_once_by_all() {
    let sandbox = sandbox().await;
    let (old, _) = documents("alibaba-chatapp", &sandbox, ALIBABA);
    let stub = Stub::start(rotated(old.clone(), old)).await;
    let policy = r#"{"groups":[{"params":{"cust_space_id":{"caller":true}},"rights":["unsized"]}]}"#;
    let vars = [
        ("AWS_ENDPOINT_URL", &*stub.url("")),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "key"),
        ("GRANT_POLICY", policy),
        ("GRANT_VENDOR_RPS", "1000"),
    ];
    let process = by_arn("alibaba-chatapp", &sandbox, KEYS, ALIBABA, &vars);
    let url = process.url().await;
    let asks = (0..20).map(|index| {
        let request = json!({ "filename": "a.png", "params": { "cust_space_id": format!("space-{index}") } });
        Answer::of(client().post(format!("{url}/grants")).body(request.to_string()))
    });
    for answer in futures_util::future::join_all(asks).await {
        assert_eq!(answer.problem(), (502, "vendor_auth_failed"));
    }
    assert_eq!(stub.seen().len(), 2, "at the start, and once more");
    assert_eq!(sandbox.calls(upload_grant_tests::Service::Cams), 20, "none is tried with the same key again");
}

/// moto verifies signatures and policies with botocore's own code.
#[tokio::test]
#[ignore = "needs moto: make test-dynamodb"]
async fn rotation_needs_no_deploy_and_our_signatures_are_good() {
    let (sandbox, moto) = (sandbox().await, SharedStore::guarded_moto(8).await);
    let endpoint = format!("http://127.0.0.1:{}", moto.port());
    let operate = |arguments: &[&str]| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/redis/vault.py");
        let python = format!("{TOOLS}/store-venv/bin/python");
        let done = Command::new(python).args([script, &endpoint]).args(arguments).output().expect("python");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    };
    let (old, new) = documents("alibaba-chatapp", &sandbox, ALIBABA);
    let made: Value = serde_json::from_str(&operate(&["make", &old.to_string()])).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (secret, parameter) = (text(&made["secret"]), text(&made["parameter"]));
    let (id, key) = (text(&made["function"][0]), text(&made["function"][1]));
    let vars = |key: &str| {
        let vars = [
            ("GRANT_SECRET", ""),
            ("GRANT_SECRET_ARN", &parameter),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_ACCESS_KEY_ID", &id),
            ("AWS_SECRET_ACCESS_KEY", key),
        ];
        vars.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let start = |vars: &[(String, String)]| {
        let vars: Vec<_> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        by_arn("alibaba-chatapp", &sandbox, &secret, ALIBABA, &vars)
    };
    let ask = |url: &str| {
        Answer::of(client().post(format!("{url}/grants")).body(json!({ "filename": "a.png" }).to_string()))
    };
    let forger = start(&vars("another key"));
    let refused = ask(&forger.url().await).await;
    assert_eq!(refused.problem(), (500, "config_missing"));
    assert!(refused.text.contains("cannot be read: Http403"), "{}", refused.text);

    let process = start(&vars(&key));
    let url = process.url().await;
    let (operator, operators) = (text(&made["operator"][0]), text(&made["operator"][1]));
    operate(&["rotate", &secret, &new.to_string(), &operator, &operators]);
    let grant = ask(&url).await.ok();
    assert!(grant["complete"]["token"].is_string(), "GRANT_SECRET is known");
    assert!(process.lines().iter().any(|line| line["message"] == "the vendor's keys were fetched again"));
}
