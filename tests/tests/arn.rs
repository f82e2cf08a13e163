//! `NAME_ARN`: settings from Secrets Manager and Parameter Store, fetched as the process starts.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use upload_grant_tests::process::{Process, settings};
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
