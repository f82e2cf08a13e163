//! Settings that are kept in Secrets Manager or Parameter Store: `NAME_ARN` instead of `NAME`.
//!
//! A secret's ARN may go on as ECS has it: `arn:…:secret:name-AbCdEf:json-key:version-stage:version-id`.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{KEYS, Refusal, Service, endpoint};
use crate::net::{client, extra_roots};
use crate::platform::{Env, Keys};

/// Three tries of so long fit into the ten seconds that Lambda gives a start.
const TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: u32 = 3;

/// A document that holds one value or several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Document {
    region: String,
    is_secret: bool,
    /// What is asked for, as JSON.
    request: String,
}

/// What the environment names by ARN.
pub(crate) struct Arns {
    documents: Vec<(Document, Option<Service>, Vec<Named>)>,
}

/// A setting, and the member of the document that it is.
type Named = (String, Option<String>);

impl Arns {
    /// Each document once. What names none is a fault of the setting.
    ///
    /// # Errors
    /// What to log where there can be no client.
    pub(crate) fn from_env(env: &mut Env) -> Result<Self, String> {
        let mut wanted: HashMap<Document, Vec<Named>> = HashMap::new();
        for (name, arn) in env.arns() {
            match parse(&arn) {
                Some((document, member)) => wanted.entry(document).or_default().push((name, member)),
                None => {
                    env.put(name, Err("is missing: its _ARN names neither a secret nor a parameter".into()));
                }
            }
        }
        if wanted.is_empty() {
            return Ok(Self { documents: Vec::new() });
        }
        let (roots, keys) = (extra_roots(env), env.keys([KEYS]));
        let client = client(roots.as_deref()).map_err(|problem| problem.to_string())?;
        let documents = wanted.into_iter().map(|(document, names)| {
            let service = document.service(env, &client, &keys);
            (document, service, names)
        });
        Ok(Self { documents: documents.collect() })
    }

    /// Reads all of it: the settings' values, or what is wrong with them.
    ///
    /// # Errors
    /// What to log where a service does not answer.
    pub(crate) async fn read(&self) -> Result<HashMap<String, Result<String, String>>, String> {
        let reads = self.documents.iter().map(|(document, service, names)| async move {
            let text = match service {
                Some(service) => document.read(service).await,
                None => Ok(Err("is missing: the service of its _ARN has no address".to_owned())),
            };
            (text, names)
        });
        let mut values = HashMap::new();
        for (text, names) in join_all(reads).await {
            let text = text?;
            for (name, member) in names {
                let value = text.clone().and_then(|text| value(text, member.as_deref()));
                values.insert(name.clone(), value);
            }
        }
        Ok(values)
    }
}

/// Fetches what the environment names by ARN, and puts it there. What cannot be had is a fault of the setting as soon
/// as somebody needs it.
///
/// # Errors
/// What to log where a service does not answer: the process should be started again.
pub(crate) async fn fetch(env: &mut Env) -> Result<(), String> {
    for (name, value) in Arns::from_env(env)?.read().await? {
        env.put(name, value);
    }
    Ok(())
}

/// The document behind an ARN, and the member of it that is meant.
fn parse(arn: &str) -> Option<(Document, Option<String>)> {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", _, service, region, _, rest @ ..] = parts.as_slice() else { return None };
    let region = (*region).to_owned();
    match (*service, rest) {
        ("ssm", [name]) if name.starts_with("parameter/") => {
            let request = json!({ "Name": arn, "WithDecryption": true }).to_string();
            Some((Document { region, is_secret: false, request }, None))
        }
        ("secretsmanager", ["secret", _, more @ ..]) if more.len() <= 3 => {
            let more = |index: usize| more.get(index).copied().filter(|part| !part.is_empty());
            let mut request = json!({ "SecretId": parts[..7].join(":") });
            for (member, part) in [("VersionStage", more(1)), ("VersionId", more(2))] {
                if let Some(part) = part {
                    request[member] = part.into();
                }
            }
            let document = Document { region, is_secret: true, request: request.to_string() };
            Some((document, more(0).map(str::to_owned)))
        }
        _ => None,
    }
}

impl Document {
    fn service(&self, env: &mut Env, client: &reqwest::Client, keys: &Keys) -> Option<Service> {
        let (name, api, variable) = if self.is_secret {
            ("secretsmanager", "secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER")
        } else {
            ("ssm", "AmazonSSM", "AWS_ENDPOINT_URL_SSM")
        };
        Some(Service {
            client: client.clone(),
            endpoint: endpoint(env, variable, name, &self.region)?,
            region: self.region.clone(),
            name,
            api,
            content_type: "application/x-amz-json-1.1",
            keys: keys.clone(),
        })
    }

    /// The text, or what is wrong with the setting.
    async fn read(&self, service: &Service) -> Result<Result<String, String>, String> {
        let action = if self.is_secret { "GetSecretValue" } else { "GetParameter" };
        let request: Value = serde_json::from_str(&self.request).unwrap_or_default();
        let mut tries = 0;
        loop {
            tries += 1;
            let refusal = match service.call(action, &request, TIMEOUT).await {
                Ok(answer) => {
                    return Ok(text(&answer).ok_or_else(|| "is missing: its _ARN holds no text".to_owned()));
                }
                Err(refusal) => refusal,
            };
            let Refusal { kind, .. } = &refusal;
            if !refusal.is_passing() {
                return Ok(Err(format!("is missing: its _ARN cannot be read: {kind}")));
            }
            if tries == ATTEMPTS {
                return Err(format!("{} does not answer: {kind}", service.name));
            }
            tokio::time::sleep(Duration::from_millis(100) * tries).await;
        }
    }
}

fn text(answer: &Value) -> Option<String> {
    let plain = answer["SecretString"].as_str().or_else(|| answer["Parameter"]["Value"].as_str());
    plain.map(str::to_owned).or_else(|| {
        let bytes = STANDARD.decode(answer["SecretBinary"].as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    })
}

/// The whole text, or a member of the JSON object that it is.
fn value(text: String, member: Option<&str>) -> Result<String, String> {
    let Some(member) = member else { return Ok(text) };
    let object: Value = serde_json::from_str(&text).unwrap_or_default();
    match &object[member] {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err("is missing: the secret of its _ARN has no such key".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/keys-AbCdEf";

    #[test]
    fn arns_as_ecs_has_them() {
        let request = |arn: &str| {
            parse(arn).map(|(document, member)| {
                (serde_json::from_str::<Value>(&document.request).unwrap(), document.region, member)
            })
        };
        let whole = json!({ "SecretId": SECRET });
        let region = || "eu-west-1".to_owned();
        assert_eq!(request(SECRET), Some((whole.clone(), region(), None)));
        for (rest, member) in
            [(":key", Some("key".to_owned())), (":key::", Some("key".to_owned())), (":::", None)]
        {
            assert_eq!(
                request(&format!("{SECRET}{rest}")),
                Some((whole.clone(), region(), member)),
                "{rest}"
            );
        }
        let version = json!({ "SecretId": SECRET, "VersionStage": "AWSPREVIOUS", "VersionId": "v" });
        assert_eq!(request(&format!("{SECRET}::AWSPREVIOUS:v")), Some((version, region(), None)));
        let parameter = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/app/key";
        let asked = json!({ "Name": parameter, "WithDecryption": true });
        assert_eq!(request(parameter), Some((asked, "cn-north-1".into(), None)));
        for other in ["", "arn:aws:s3:::bucket", "arn:aws:kms:r:1:key/k", &format!("{SECRET}:a:b:c:d")] {
            assert_eq!(request(other), None, "{other}");
        }
    }

    #[test]
    fn a_member_is_text_or_number() {
        let text = || r#"{"a":"x","n":7,"o":{}}"#.to_owned();
        assert_eq!(value(text(), None), Ok(text()));
        assert_eq!(value(text(), Some("a")).as_deref(), Ok("x"));
        assert_eq!(value(text(), Some("n")).as_deref(), Ok("7"));
        assert!(value(text(), Some("o")).is_err() && value("plain".into(), Some("a")).is_err());
    }
}
