//! Webhooks with a job's outcome, by the Standard Webhooks scheme.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::Instant;
use url::Url;

use crate::net::guard::{Hosts, Reach};
use crate::platform::clock;
use crate::platform::{Env, is_loopback};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::wire::secret::Secret;

const ATTEMPTS: u32 = 3;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends outcomes as signed webhooks.
pub struct Notifier {
    /// The operator's own address, for jobs that name none.
    default: Option<Url>,
    hosts: Hosts,
    secret: Option<Secret>,
    public: reqwest::Client,
    listed: reqwest::Client,
}

/// How an outcome was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notified {
    /// The receiver answered with a 2xx.
    Accepted,
    /// Neither the job nor the operator names an address.
    NoAddress,
}

impl Notifier {
    /// Reads `GRANT_NOTIFY_URL`, `GRANT_NOTIFY_HOSTS` and `GRANT_WEBHOOK_SECRET`.
    pub fn from_env(env: &mut Env, listed: reqwest::Client, public: reqwest::Client) -> Self {
        let default = env.get("GRANT_NOTIFY_URL").and_then(|text| {
            let url = Url::parse(&text).ok().filter(|url| url.scheme() == "https" || is_loopback(url));
            if url.is_none() {
                env.fault("GRANT_NOTIFY_URL", "is not an https URL");
            }
            url
        });
        let hosts = env.list("GRANT_NOTIFY_HOSTS").unwrap_or_default();
        let secret = webhook_secret(env, default.is_some() || !hosts.is_empty());
        Self { default, hosts: Hosts::new(&hosts), secret, public, listed }
    }

    /// Whether a job may have its outcome sent to `own`.
    pub(crate) fn permits(&self, own: Option<&Url>) -> bool {
        own.is_none_or(|url| self.hosts.reach(url).is_some())
    }

    /// Posts `data` (a receipt or problem) to the job's own address or the default one.
    ///
    /// # Errors
    /// The reason, if it could not be delivered by `deadline`.
    pub(crate) async fn notify(
        &self,
        own: Option<&Url>,
        id: &str,
        kind: &str,
        data: &Value,
        deadline: Instant,
    ) -> Result<Notified, Problem> {
        let Some(url) = own.or(self.default.as_ref()) else { return Ok(Notified::NoAddress) };
        // The operator's own address needs no list; a job's does.
        let client = match self.hosts.reach(url) {
            Some(Reach::Public) => &self.public,
            _ if own.is_none() => &self.listed,
            Some(Reach::Listed) => &self.listed,
            None => {
                return Err(Problem::new(
                    Code::SourceRefused,
                    "the notify address is not in GRANT_NOTIFY_HOSTS",
                ));
            }
        };
        let secret = self.secret.as_ref();
        let secret =
            secret.ok_or_else(|| Problem::new(Code::ConfigMissing, "GRANT_WEBHOOK_SECRET is missing"))?;
        let body = json!({ "type": kind, "timestamp": clock::now(), "data": data }).to_string();
        for attempt in 0..ATTEMPTS {
            let pause = Duration::from_millis(if attempt == 0 { 0 } else { 250 << attempt });
            let timeout = deadline.saturating_duration_since(Instant::now() + pause).min(ATTEMPT_TIMEOUT);
            if timeout.is_zero() {
                break;
            }
            tokio::time::sleep(pause).await;
            let timestamp = clock::now().unix().to_string();
            let request = client
                .post(url.clone())
                .header("content-type", "application/json")
                .header("webhook-id", id)
                .header("webhook-timestamp", &timestamp)
                .header("webhook-signature", sign(secret, id, &timestamp, &body))
                .timeout(timeout)
                .body(body.clone());
            if request.send().await.is_ok_and(|response| response.status().is_success()) {
                return Ok(Notified::Accepted);
            }
        }
        Err(Problem::new(Code::SourceFailed, "the notify address did not take the outcome").retryable(true))
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
fn sign(secret: &Secret, id: &str, timestamp: &str, body: &str) -> String {
    let key = STANDARD.decode(secret.expose()).unwrap_or_default();
    let mut mac = <Hmac<Sha256>>::new_from_slice(&key).expect("HMAC takes a key of any length");
    for part in [id, ".", timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The secret in `GRANT_WEBHOOK_SECRET`, in base64: what follows `whsec_`.
fn webhook_secret(env: &mut Env, needed: bool) -> Option<Secret> {
    let text = if needed { Some(env.need("GRANT_WEBHOOK_SECRET")) } else { env.get("GRANT_WEBHOOK_SECRET") };
    let text = text.filter(|text| !text.is_empty())?;
    let base64 =
        text.strip_prefix("whsec_").filter(|base64| STANDARD.decode(base64).is_ok_and(|key| key.len() >= 16));
    if base64.is_none() {
        env.fault("GRANT_WEBHOOK_SECRET", "is not whsec_ and the base64 of at least 16 bytes");
    }
    base64.map(Secret::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_scheme() {
        // The worked example of the reference libraries.
        let secret = Secret::from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature =
            sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
