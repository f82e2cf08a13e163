//! The function as its client sees it.

use std::error::Error as _;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::grant::Grant;
use crate::net::{Reply, retry_after};
use crate::platform::Env;
use upload_grant::model::problem::{Code, Problem};

/// Functions answer within their own limit, 25 seconds where nobody changed it.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The most bytes of an answer: a grant has a few kilobytes.
const MAX_ANSWER: usize = 1 << 20;

/// A function's address, and who we are to it.
pub(super) struct Function {
    pub client: reqwest::Client,
    url: String,
    credentials: HeaderMap,
}

impl Function {
    /// The function at `url`, with the credentials in `GRANT_TOKEN` and `GRANT_API_KEY`.
    ///
    /// # Errors
    /// A sentence naming the variable that cannot be sent.
    pub fn new(url: &str, env: &mut Env, client: reqwest::Client) -> Result<Self, String> {
        let mut credentials = HeaderMap::new();
        for (name, header, scheme) in
            [("GRANT_TOKEN", "authorization", "Bearer "), ("GRANT_API_KEY", "x-api-key", "")]
        {
            let Some(secret) = env.get(name) else { continue };
            let mut value = HeaderValue::from_str(&format!("{scheme}{secret}"))
                .map_err(|_| format!("{name} has characters that no header can have"))?;
            value.set_sensitive(true);
            credentials.insert(header, value);
        }
        Ok(Self { client, url: url.to_owned(), credentials })
    }

    /// `POST /grants`.
    ///
    /// # Errors
    /// The function's problem; `upload_failed` if it cannot be reached; `internal` if it answers no grant.
    pub async fn ask(&self, request: &Value) -> Result<Grant, Problem> {
        Grant::read(self.post("/grants", request).await?)
    }

    /// `POST /grants` for several files: a grant or a problem for each, in their order.
    ///
    /// # Errors
    /// As [`Function::ask`], where the list as a whole is refused.
    pub async fn ask_all(&self, requests: &[&Value]) -> Result<Vec<Result<Grant, Problem>>, Problem> {
        let mut answer = self.post("/grants", &json!({ "files": requests })).await?;
        let Value::Array(grants) = answer["grants"].take() else {
            return Err(Problem::new(Code::Internal, "the function's answer is no list of grants"));
        };
        let read = |one| Problem::from_value(&one).map_or_else(|| Grant::read(one), Err);
        Ok(grants.into_iter().map(read).collect())
    }

    /// `POST /complete`.
    ///
    /// # Errors
    /// As [`Function::ask`].
    pub async fn complete(&self, upload: &Value) -> Result<Value, Problem> {
        self.post("/complete", upload).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        let request = self.client.post(format!("{}{path}", self.url)).timeout(TIMEOUT);
        let request = request.headers(self.credentials.clone()).header("content-type", "application/json");
        let response =
            request.body(body.to_string()).send().await.map_err(|error| self.unreachable(&error))?;
        let broke_off =
            |_| Problem::new(Code::UploadFailed, "the function's answer broke off").retryable(true);
        document(&Reply::read(response, MAX_ANSWER).await.map_err(broke_off)?)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Problem {
        if error.is_timeout() {
            return Problem::new(Code::UploadFailed, "the function did not answer in time").retryable(true);
        }
        // The innermost error is the system's or the TLS library's: it quotes no header.
        let mut cause = error.source();
        while let Some(inner) = cause.and_then(|error| error.source()) {
            cause = Some(inner);
        }
        let cause = cause.map(|error| format!(": {error}")).unwrap_or_default();
        let detail = format!("the function at {} cannot be reached{cause}", self.url);
        Problem::new(Code::UploadFailed, detail).retry_in(0.2)
    }
}

/// The JSON object of a function's answer.
///
/// # Errors
/// The problem that it is, or one that stands for an answer which no function gives.
pub(super) fn document(reply: &Reply) -> Result<Value, Problem> {
    let document = reply.json().filter(Value::is_object);
    match document {
        Some(document) if reply.is_success() => Ok(document),
        Some(document) => Err(Problem::from_value(&document).unwrap_or_else(|| foreign(reply))),
        None => Err(foreign(reply)),
    }
}

/// A gateway in front of the function, or something else altogether.
fn foreign(reply: &Reply) -> Problem {
    let code = match reply.status {
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        413 => Code::TooLarge,
        429 => Code::RateLimited,
        _ => Code::Internal,
    };
    let detail = format!("the address answered with status {}, and not as a function does", reply.status);
    let problem = Problem::new(code, detail).retryable(reply.status >= 500 || reply.status == 429);
    match retry_after(&reply.headers).filter(|_| problem.retryable) {
        Some(after) => problem.retry_in(after.as_secs_f64()),
        None => problem,
    }
}
