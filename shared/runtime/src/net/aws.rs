//! Calls of AWS services that speak JSON: DynamoDB, Secrets Manager, Parameter Store.

mod arn;

use std::time::Duration;

use serde_json::Value;
use url::{Position, Url};

pub(crate) use self::arn::{Arns, fetch as fetch_by_arn};

use super::read_body;
use crate::platform::clock;
use crate::platform::{Env, KeyNames, Keys};
use upload_grant::sign::sigv4;

/// The most bytes of an answer: an item of 400 KB, escaped.
const MAX_REPLY: usize = 2 << 20;

/// The keys of the function's role, as AWS puts them into the environment.
pub(crate) const KEYS: KeyNames =
    KeyNames { id: "AWS_ACCESS_KEY_ID", secret: "AWS_SECRET_ACCESS_KEY", token: &["AWS_SESSION_TOKEN"] };

/// One service in one region.
pub(crate) struct Service {
    pub(crate) client: reqwest::Client,
    pub(crate) endpoint: Url,
    pub(crate) region: String,
    /// The service's name in signatures.
    pub(crate) name: &'static str,
    /// Name and version of its API, as targets begin.
    pub(crate) api: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) keys: Keys,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The exception's name, or `Timeout`, `Io` where there was no answer.
    pub(crate) kind: String,
    /// HTTP status, or why there is none.
    pub(crate) status: Result<u16, NoAnswer>,
    /// The error document.
    pub(crate) document: Value,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It did not come in time.
    Timeout,
    /// There was no connection, or it broke off.
    Io,
}

impl Service {
    /// Calls `action` once.
    pub(crate) async fn call(
        &self,
        action: &str,
        document: &Value,
        timeout: Duration,
    ) -> Result<Value, Refusal> {
        let (body, at) = (document.to_string(), clock::now());
        let target = format!("{}.{action}", self.api);
        let call = sigv4::Call {
            host: &self.endpoint[Position::BeforeHost..Position::AfterPort],
            content_type: self.content_type,
            target: &target,
            body: body.as_bytes(),
            key_id: &self.keys.id,
            token: self.keys.token.as_ref().map(upload_grant::wire::secret::Secret::expose),
        };
        let key = sigv4::key(&self.keys.secret, &self.region, self.name, at);
        let mut request = self.client.post(self.endpoint.clone());
        for (name, value) in sigv4::headers(&key, &call, at) {
            request = request.header(name, value);
        }
        let exchange = async {
            let response = request.body(body).send().await.map_err(|error| {
                // The client has a limit of its own for connecting.
                Refusal::absent(if error.is_timeout() { NoAnswer::Timeout } else { NoAnswer::Io })
            })?;
            let status = response.status();
            let body = read_body(response, MAX_REPLY).await.map_err(|_| Refusal::absent(NoAnswer::Io))?;
            Ok((status, body))
        };
        let in_time = clock::timeout(timeout, exchange).await;
        let (status, body) = in_time.unwrap_or_else(|| Err(Refusal::absent(NoAnswer::Timeout)))?;
        let document: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(document);
        }
        Err(Refusal { kind: exception(&document, status.as_u16()), status: Ok(status.as_u16()), document })
    }
}

impl Refusal {
    fn absent(why: NoAnswer) -> Self {
        let kind = match why {
            NoAnswer::Timeout => "Timeout",
            NoAnswer::Io => "Io",
        };
        Self { kind: kind.to_owned(), status: Err(why), document: Value::Null }
    }

    /// Whether the same call may succeed in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        let busy = ["Throttl", "ThroughputExceeded", "RequestLimitExceeded", "TransactionConflict"];
        self.status.map_or(true, |status| status >= 500) || busy.iter().any(|busy| self.kind.contains(busy))
    }
}

/// The name of the exception in an error document, else the status.
fn exception(document: &Value, status: u16) -> String {
    let name = document["__type"].as_str().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let is_name = (1..=80).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name { name.to_owned() } else { format!("Http{status}") }
}

/// Where a service is: at its own variable, at the one for all services, or in the region's domain.
pub(crate) fn endpoint(env: &mut Env, variable: &str, service: &str, region: &str) -> Option<Url> {
    let custom = env.optional_endpoint(variable).or_else(|| env.optional_endpoint("AWS_ENDPOINT_URL"));
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let endpoint = custom.unwrap_or_else(|| format!("https://{service}.{region}.amazonaws.com{suffix}"));
    Url::parse(&endpoint).ok()
}
