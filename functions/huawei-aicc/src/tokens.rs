//! The two tokens of every AICC call: the app's bearer, and the user's session.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use upload_grant::model::problem::Problem;
use upload_grant::wire::secret::{self, Secret};
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Account, Cached, Context, Expires, Fetch, UploadRequest};
use upload_grant_runtime::platform::clock;
use upload_grant_runtime::vendor::{Refusal, RefusalKind, Reply};

use crate::api::Api;

/// How long a bearer is asked for: the most there is.
pub(crate) const BEARER_LIFETIME_SECS: i64 = 3600;
/// How long a session lasts.
const SESSION_LIFETIME_SECS: i64 = 3600;

/// The app's `AccessToken`.
#[derive(Serialize, Deserialize)]
pub struct Bearer {
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub(crate) token: Secret,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// A user's `ccmessaging-token`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub(crate) token: Secret,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Expires for Bearer {
    fn lifetime(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.expires_at)
    }
}

impl Expires for Session {
    fn lifetime(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.expires_at)
    }
}

impl Session {
    /// The vendor replaces a session's token through the header of any answer.
    pub(crate) fn renewed_by(&self, reply: &Reply) -> Option<Self> {
        let token = reply.header("ccmessaging-token").filter(|token| !token.is_empty())?;
        Some(Self { token: token.into(), ..self.clone() })
    }
}

/// Whose session it is, and in which channel.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct User {
    id: String,
    name: String,
    channel: String,
    locale: String,
}

impl User {
    pub(crate) fn of(upload: &UploadRequest) -> Self {
        let id = upload.param("user_id").unwrap_or_default();
        Self {
            id: id.to_owned(),
            name: upload.param("user_name").unwrap_or(id).to_owned(),
            channel: upload.required("channel_id").to_owned(),
            locale: upload.param("locale").unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n{}", self.channel, self.id, self.name, self.locale)
    }
}

/// What fetches the app's bearer.
struct Bearers(Arc<Api>);

impl Fetch for Bearers {
    type Key = Account;
    type Credential = Bearer;

    async fn fetch(&self, cx: &Context, _: &Account, deadline: Instant) -> Result<Bearer, Problem> {
        let now = clock::now();
        let call = |_: &_| self.0.token_by_ak_sk(BEARER_LIFETIME_SECS);
        let (token, lifetime_secs) = cx.vendor.call(deadline, call, access_token).await?;
        let expires_at = now.plus(lifetime_secs.min(BEARER_LIFETIME_SECS));
        Ok(Bearer { token: token.into(), issued_at: now, expires_at })
    }
}

/// What fetches sessions, under the app's bearer.
pub struct Sessions {
    pub(crate) api: Arc<Api>,
    bearers: Cached<Bearers>,
}

impl Sessions {
    pub(crate) fn new(api: Api) -> Self {
        let api = Arc::new(api);
        Self { bearers: Cached::new("bearer", Bearers(api.clone())), api }
    }

    /// The app's bearer.
    pub(crate) async fn bearer(&self, cx: &Context, deadline: Instant) -> Result<Arc<Bearer>, Problem> {
        self.bearers.get(cx, &Account, deadline).await
    }

    /// The bearer is no longer accepted.
    pub(crate) async fn forget_bearer(&self, cx: &Context) {
        self.bearers.forget(cx, &Account).await;
    }

    async fn apply<T>(
        &self,
        cx: &Context,
        body: &Value,
        deadline: Instant,
        read: impl Fn(&Reply) -> Result<T, Refusal>,
    ) -> Result<T, Problem> {
        let bearer = self.bearer(cx, deadline).await?;
        cx.vendor.call(deadline, |_| self.api.apply_token(&bearer.token, body), read).await
    }
}

impl Fetch for Sessions {
    type Key = User;
    type Credential = Session;

    async fn fetch(&self, cx: &Context, user: &User, deadline: Instant) -> Result<Session, Problem> {
        let body = json!({
            "userId": user.id, "userName": user.name, "channelId": user.channel, "locale": user.locale,
        });
        let now = clock::now();
        // That a bearer was revoked early shows only when it is used: it is fetched anew, once.
        let or_ended = |reply: &Reply| match session_token(reply) {
            Err(refusal) if refusal.kind == RefusalKind::TokenEnded => Ok(None),
            outcome => outcome.map(Some),
        };
        let token = if let Some(token) = self.apply(cx, &body, deadline, or_ended).await? {
            token
        } else {
            self.forget_bearer(cx).await;
            self.apply(cx, &body, deadline, session_token).await?
        };
        Ok(Session { token: token.into(), issued_at: now, expires_at: now.plus(SESSION_LIFETIME_SECS) })
    }
}

/// `AccessToken`, and the seconds in its `Expires`, text or number.
fn access_token(reply: &Reply) -> Result<(String, i64), Refusal> {
    let document = document(reply).map_err(|refusal| match refusal.kind {
        // There is no token yet that could have ended: the app's key is refused.
        RefusalKind::TokenEnded => Refusal { kind: RefusalKind::Auth, ..refusal },
        _ => refusal,
    })?;
    let token = document.get("AccessToken").and_then(Value::as_str).filter(|token| !token.is_empty());
    let expires = document.get("Expires");
    let expires = expires.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    match token {
        // The documented sample's lifetime, where the answer has none.
        Some(token) => Ok((token.to_owned(), expires.unwrap_or(600))),
        None => Err(Refusal::new(RefusalKind::BadResponse, reply, None, None)),
    }
}

/// `token`, which one documented sample wraps in quotes; another sample has no `resultCode`.
fn session_token(reply: &Reply) -> Result<String, Refusal> {
    let document = document(reply)?;
    let token = document.get("token").and_then(Value::as_str).map(|token| token.trim_matches('"'));
    match (code(&document).as_deref(), token.filter(|token| !token.is_empty())) {
        (Some("0") | None, Some(token)) => Ok(token.to_owned()),
        (Some("0") | None, None) => Err(Refusal::new(RefusalKind::BadResponse, reply, None, None)),
        (Some(code), _) => Err(Refusal::new(RefusalKind::Rejected, reply, Some(code), None)),
    }
}

/// The JSON document of an answer with a good status; the gateway's refusal otherwise.
pub(crate) fn document(reply: &Reply) -> Result<Value, Refusal> {
    let document = reply.json().filter(Value::is_object);
    if reply.is_success() {
        return document.ok_or_else(|| Refusal::new(RefusalKind::BadResponse, reply, None, None));
    }
    let kind = match reply.status {
        401 => RefusalKind::TokenEnded,
        403 if document.is_some() && mentions_token(&reply.body) => RefusalKind::TokenEnded,
        // Without that word it is an address that is not on the list, or a permission.
        403 => RefusalKind::Auth,
        429 => RefusalKind::Throttled,
        500.. => RefusalKind::Transient,
        _ if document.is_some() => RefusalKind::Rejected,
        _ => RefusalKind::BadResponse,
    };
    let code = document.as_ref().and_then(|document| document.get("errorCode")?.as_str()).map(str::to_owned);
    Err(Refusal::new(kind, reply, code.as_deref(), None))
}

fn mentions_token(body: &[u8]) -> bool {
    body.windows(5).any(|window| window.eq_ignore_ascii_case(b"token"))
}

/// `returnCode` or `resultCode`, as text.
pub(crate) fn code(document: &Value) -> Option<String> {
    let code = document.get("returnCode").or_else(|| document.get("resultCode"))?;
    code.as_str().map(str::to_owned).or_else(|| code.as_i64().map(|number| number.to_string()))
}
