//! The two tokens of every AICC call: the app's bearer, and the user's session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use upload_grant::cache::Perishable;
use upload_grant::clock;
use upload_grant::flow::{Ask, Context};
use upload_grant::problem::Problem;
use upload_grant::secret::{self, Secret};
use upload_grant::time::Timestamp;
use upload_grant::vendor::{Outgoing, Refusal, Reply, Why};

use crate::{Aicc, JSON};

/// Seconds a bearer is asked for: the most there is.
const BEARER_LIFETIME: i64 = 3600;
/// Seconds a session lasts.
const SESSION_LIFETIME: i64 = 3600;

/// The app's `AccessToken`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bearer {
    #[serde(serialize_with = "secret::exposed")]
    pub(crate) token: Secret,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// A user's `ccmessaging-token`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    #[serde(serialize_with = "secret::exposed")]
    pub(crate) token: Secret,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Perishable for Bearer {
    fn life(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.expires_at)
    }
}

impl Perishable for Session {
    fn life(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.expires_at)
    }
}

/// Whose session it is.
#[derive(Clone)]
struct User {
    id: String,
    name: String,
    channel: String,
    locale: String,
}

impl Aicc {
    /// The app's bearer, and the user's session: cached per channel and user, for it is the user's identity.
    pub(crate) async fn tokens(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
    ) -> Result<(Arc<Bearer>, Arc<Session>), Problem> {
        let bearer = self.bearer(cx, ask).await?;
        let ended = Arc::new(AtomicBool::new(false));
        match self.session(cx, ask, &bearer, &ended).await {
            // The bearer ended before its time, which shows only when it is used: it is fetched anew, once.
            Err(_) if ended.load(Ordering::Relaxed) => {
                self.forget(cx, ask).await;
                let bearer = self.bearer(cx, ask).await?;
                let session = self.session(cx, ask, &bearer, &ended).await?;
                Ok((bearer, session))
            }
            outcome => outcome.map(|session| (bearer, session)),
        }
    }

    async fn session(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
        bearer: &Bearer,
        ended: &Arc<AtomicBool>,
    ) -> Result<Arc<Session>, Problem> {
        let id = ask.need("user_id", "HUAWEI_AICC_USER_ID")?;
        let text = |name: &str, default: &str| ask.param(name).unwrap_or(default).to_owned();
        let user = User {
            id: id.to_owned(),
            name: text("user_name", id),
            channel: ask.need("channel_id", "HUAWEI_AICC_CHANNEL_ID")?.to_owned(),
            locale: text("locale", &self.locale),
        };
        let (flow, context, token, ended) = (self.clone(), cx.clone(), bearer.token.clone(), ended.clone());
        let fetch = move |deadline| {
            async move { flow.apply(&context, &user, &token, &ended, deadline).await }.boxed()
        };
        self.sessions.get(cx, ask, &session_name(ask), Box::new(fetch)).await
    }

    /// The vendor replaces a session's token through the header of any answer.
    pub(crate) async fn renew(&self, cx: &Context, ask: &Ask, session: &Session, reply: &Reply) {
        if let Some(token) = reply.header("ccmessaging-token").filter(|token| !token.is_empty()) {
            let renewed = Session { token: token.into(), ..session.clone() };
            self.sessions.put(cx, &session_name(ask), renewed).await;
        }
    }

    /// Drops both tokens: one of them has ended before its time.
    pub(crate) async fn forget(&self, cx: &Context, ask: &Ask) {
        self.bearers.forget(cx, "").await;
        self.sessions.forget(cx, &session_name(ask)).await;
    }

    async fn apply(
        &self,
        cx: &Context,
        user: &User,
        bearer: &Secret,
        ended: &AtomicBool,
        deadline: Instant,
    ) -> Result<Session, Problem> {
        let body = json!({
            "userId": user.id, "userName": user.name, "channelId": user.channel, "locale": user.locale,
        });
        let now = clock::now();
        let read = |reply: &Reply| {
            session_token(reply).inspect_err(|refusal| {
                ended.store(refusal.why == Why::TokenEnded, Ordering::Relaxed);
            })
        };
        let token = cx.vendor.call(deadline, |_| self.call(bearer, "applyToken", &body), read).await?;
        Ok(Session { token: token.into(), issued_at: now, expires_at: now.plus(SESSION_LIFETIME) })
    }

    /// The app's bearer.
    pub(crate) async fn bearer(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
    ) -> Result<Arc<Bearer>, Problem> {
        let (flow, context) = (self.clone(), cx.clone());
        let fetch = move |deadline| async move { flow.authenticate(&context, deadline).await }.boxed();
        self.bearers.get(cx, ask, "", Box::new(fetch)).await
    }

    async fn authenticate(&self, cx: &Context, deadline: Instant) -> Result<Bearer, Problem> {
        let body = json!({ "app_key": self.app_key, "app_secret": self.app_secret.expose() });
        let sign = |_: &_| Outgoing {
            method: http::Method::POST,
            url: format!("{}/apigovernance/api/oauth/tokenByAkSk", self.auth_base),
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("x-token-expire".into(), BEARER_LIFETIME.to_string()),
            ],
            body: Bytes::from(body.to_string()),
        };
        let now = clock::now();
        let (token, lifetime) = cx.vendor.call(deadline, sign, access_token).await?;
        Ok(Bearer {
            token: token.into(),
            issued_at: now,
            expires_at: now.plus(lifetime.min(BEARER_LIFETIME)),
        })
    }

    fn call(&self, bearer: &Secret, action: &str, body: &Value) -> Outgoing {
        let mut headers = vec![
            ("x-app-key".to_owned(), self.app_key.clone()),
            ("authorization".to_owned(), format!("Bearer {}", bearer.expose())),
            ("content-type".to_owned(), JSON.to_owned()),
        ];
        headers.extend(self.tenant_space_id.iter().map(|id| ("x-tenantspaceid".to_owned(), id.clone())));
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/apiaccess/ccmessaging/{action}", self.base),
            headers,
            body: Bytes::from(body.to_string()),
        }
    }
}

fn session_name(ask: &Ask) -> String {
    format!("{}\n{}", ask.param("channel_id").unwrap_or_default(), ask.param("user_id").unwrap_or_default())
}

/// `AccessToken` and its `Expires`, text or number.
fn access_token(reply: &Reply) -> Result<(String, i64), Refusal> {
    let document = document(reply)?;
    let token = document.get("AccessToken").and_then(Value::as_str).filter(|token| !token.is_empty());
    let expires = document.get("Expires");
    let expires = expires.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    match token {
        // The documented sample's lifetime, where the answer has none.
        Some(token) => Ok((token.to_owned(), expires.unwrap_or(600))),
        None => Err(Refusal::new(Why::BadResponse, reply, None, None)),
    }
}

/// `token`, which one documented sample wraps in quotes; another sample has no `resultCode`.
fn session_token(reply: &Reply) -> Result<String, Refusal> {
    let document = document(reply)?;
    let token = document.get("token").and_then(Value::as_str).map(|token| token.trim_matches('"'));
    match (code(&document).as_deref(), token.filter(|token| !token.is_empty())) {
        (Some("0") | None, Some(token)) => Ok(token.to_owned()),
        (Some("0") | None, None) => Err(Refusal::new(Why::BadResponse, reply, None, None)),
        (Some(code), _) => Err(Refusal::new(Why::Rejected, reply, Some(code), None)),
    }
}

/// The JSON document of an answer with a good status; the gateway's refusal otherwise.
pub(crate) fn document(reply: &Reply) -> Result<Value, Refusal> {
    let document = reply.json().filter(Value::is_object);
    if reply.is_success() {
        return document.ok_or_else(|| Refusal::new(Why::BadResponse, reply, None, None));
    }
    let why = match reply.status {
        401 => Why::TokenEnded,
        403 if document.is_some() && mentions_token(&reply.body) => Why::TokenEnded,
        // Without that word it is an address that is not on the list, or a permission.
        403 => Why::Auth,
        429 => Why::Throttled,
        500.. => Why::Transient,
        _ if document.is_some() => Why::Rejected,
        _ => Why::BadResponse,
    };
    let code = document.as_ref().and_then(|document| document.get("errorCode")?.as_str()).map(str::to_owned);
    Err(Refusal::new(why, reply, code.as_deref(), None))
}

fn mentions_token(body: &[u8]) -> bool {
    body.windows(5).any(|window| window.eq_ignore_ascii_case(b"token"))
}

/// `returnCode` or `resultCode`, as text.
pub(crate) fn code(document: &Value) -> Option<String> {
    let code = document.get("returnCode").or_else(|| document.get("resultCode"))?;
    code.as_str().map(str::to_owned).or_else(|| code.as_i64().map(|number| number.to_string()))
}
