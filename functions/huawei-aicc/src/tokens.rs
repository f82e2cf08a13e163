//! The two tokens of every AICC call: the app's bearer, and the user's session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use upload_grant::flow::{Ask, Context};
use upload_grant::problem::Problem;
use upload_grant::secret::Secret;
use upload_grant::time::Timestamp;
use upload_grant::vendor::{Outgoing, Refusal, Reply, Why};

use crate::{Aicc, JSON};

/// Seconds a bearer is asked for: the most there is.
const BEARER_LIFETIME: i64 = 3600;
/// Seconds a session lasts.
const SESSION_LIFETIME: i64 = 3600;
/// A token that ends within this many seconds is not used any more.
const MARGIN: i64 = 60;

/// The app's `AccessToken`.
#[derive(Clone)]
pub(crate) struct Bearer {
    token: Secret,
    expires_at: Timestamp,
}

/// A user's `ccmessaging-token`, with the bearer it was applied for under.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) bearer: Secret,
    token: Arc<Mutex<Secret>>,
    expires_at: Timestamp,
}

impl Session {
    pub(crate) fn token(&self) -> Secret {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The vendor replaces a session's token through the header of any answer.
    pub(crate) fn renew(&self, reply: &Reply) {
        if let Some(token) = reply.header("ccmessaging-token").filter(|token| !token.is_empty()) {
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.into();
        }
    }
}

impl Aicc {
    /// The user's session, cached per channel and user: it is the user's identity.
    ///
    /// The bearer may end before its time, which shows only when it is used: then both are fetched once more.
    pub(crate) async fn session(&self, cx: &Context, ask: &Ask) -> Result<Session, Problem> {
        let ended = AtomicBool::new(false);
        match self.apply(cx, ask, &ended).await {
            Err(_) if ended.swap(false, Ordering::Relaxed) => {
                self.forget(ask);
                self.apply(cx, ask, &ended).await
            }
            result => result,
        }
    }

    async fn apply(&self, cx: &Context, ask: &Ask, ended: &AtomicBool) -> Result<Session, Problem> {
        let channel = ask.need("channel_id", "HUAWEI_AICC_CHANNEL_ID")?;
        let user = ask.need("user_id", "HUAWEI_AICC_USER_ID")?;
        let bearer = self.bearer(cx, ask).await?;
        let serves = |session: &Session| {
            session.bearer.expose() == bearer.expose() && ask.expires_in(session.expires_at) > MARGIN
        };
        let apply = async {
            let body = json!({
                "userId": user,
                "userName": ask.param("user_name").unwrap_or(user),
                "channelId": channel,
                "locale": ask.param("locale"),
            });
            let sign = |_: &_| self.call(&bearer, "applyToken", &body);
            let read = |reply: &Reply| {
                session_token(reply).inspect_err(|refusal| {
                    ended.store(refusal.why == Why::TokenEnded, Ordering::Relaxed);
                })
            };
            let token = cx.vendor.call(ask.deadline, sign, read).await?;
            Ok(Session {
                bearer: bearer.clone(),
                token: Arc::new(Mutex::new(token.into())),
                expires_at: ask.now.plus(SESSION_LIFETIME),
            })
        };
        self.sessions.get(&session_name(ask), serves, apply).await
    }

    /// Drops both tokens: one of them has ended before its time.
    pub(crate) fn forget(&self, ask: &Ask) {
        self.bearers.forget("");
        self.sessions.forget(&session_name(ask));
    }

    async fn bearer(&self, cx: &Context, ask: &Ask) -> Result<Secret, Problem> {
        let serves = |bearer: &Bearer| ask.expires_in(bearer.expires_at) > MARGIN;
        let fetch = async {
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
            let (token, lifetime) = cx.vendor.call(ask.deadline, sign, access_token).await?;
            Ok(Bearer { token: token.into(), expires_at: ask.now.plus(lifetime.min(BEARER_LIFETIME)) })
        };
        Ok(self.bearers.get("", serves, fetch).await?.token)
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
