//! Getting a warrant, over either of the two ways the vendor has.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use upload_grant::model::problem::{Code, Problem};
use upload_grant::sign::ssecp;
use upload_grant::wire::encode;
use upload_grant::wire::secret::{self, Secret};
use upload_grant::wire::time::Timestamp;
use upload_grant_runtime::flow::{Context, END_MARGIN_SECS, Expires, Fetch, UploadRequest};
use upload_grant_runtime::platform::{Env, KeyRing, clock};
use upload_grant_runtime::vendor::alibaba::{self, member, text};
use upload_grant_runtime::vendor::{Attempt, Outgoing, Refusal, RefusalKind, Reply};

const ACTION: &str = "CreateAccessWarrant";
/// Without dashes, as every SDK version writes it.
const VERSION: &str = "20240611";
const PATH: &str = "/api/v1/aliyunConsole/createAccessWarrant";
/// The error code of a wrong application signature, so of a wrong secret.
pub(crate) const BAD_SIGN: &str = "430008";
/// How long a warrant is asked for.
const LIFETIME_SECS: i64 = 7200;

/// Permission for one user to send recordings.
#[derive(Serialize, Deserialize)]
pub struct Warrant {
    #[serde(serialize_with = "secret::serialize_exposed")]
    pub(crate) id: Secret,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// A client of the authorization.
pub struct Warrants {
    pub(crate) keys: KeyRing,
    pub(crate) endpoint: String,
    pub(crate) app_id: String,
    pub(crate) app_secret: Option<KeyRing>,
    pub(crate) transport: Transport,
    /// The evaluation service's hosts, the first one in grants.
    pub(crate) ssapi_endpoints: Vec<String>,
}

/// Where warrants come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// The cloud's API, `CreateAccessWarrant`.
    OpenApi,
    /// The evaluation service's own `/auth/authorize`.
    Ssapi,
}

/// Whom a warrant is for, and where they are.
#[derive(Clone)]
pub struct Holder {
    pub(crate) user_id: String,
    address: String,
    /// See [`network`].
    network: String,
}

/// One warrant serves a user at every address of one network.
impl PartialEq for Holder {
    fn eq(&self, other: &Self) -> bool {
        (&self.user_id, &self.network) == (&other.user_id, &other.network)
    }
}

impl Eq for Holder {}

impl Hash for Holder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.user_id, &self.network).hash(state);
    }
}

impl Holder {
    pub(crate) fn of(upload: &UploadRequest) -> Self {
        // Where the address is unknown, what the vendor's own clients send.
        let address = upload.param("user_client_ip").unwrap_or("127.0.0.1");
        Self {
            user_id: upload.param("user_id").unwrap_or("anonymous").to_owned(),
            address: address.to_owned(),
            network: network(address),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.user_id, self.network)
    }
}

/// The network of an address: the /64 of an IPv6 address, within which devices change theirs every day (RFC 8981);
/// an IPv4 address itself.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(v4) => v4.to_string(),
        Err(_) => address.to_owned(),
    }
}

impl Expires for Warrant {
    fn lifetime(&self) -> (Timestamp, Timestamp) {
        (self.issued_at, self.expires_at)
    }
}

impl Fetch for Warrants {
    type Key = Holder;
    type Credential = Warrant;

    async fn fetch(&self, cx: &Context, holder: &Holder, deadline: Instant) -> Result<Warrant, Problem> {
        let now = clock::now();
        let request = ssecp::Request {
            app_id: &self.app_id,
            user_id: &holder.user_id,
            user_client_ip: &holder.address,
        };
        let (id, end) = cx
            .vendor
            .call_in_turn(self.hosts(), deadline, |at| self.sign(&request, at), |reply| self.read(reply))
            .await?;
        let expires_at = cx.vendor.to_local_time(end);
        if expires_at <= now.plus(END_MARGIN_SECS) {
            return Err(Problem::new(Code::VendorBadResponse, "the vendor's warrant has expired"));
        }
        Ok(Warrant { id: id.into(), issued_at: now, expires_at })
    }
}

impl Warrants {
    pub(crate) fn from_env(env: &mut Env) -> Self {
        let transport = match env.choice("AICONTENT_TRANSPORT", &["openapi", "ssapi"]) {
            "ssapi" => Transport::Ssapi,
            _ => Transport::OpenApi,
        };
        let signs = env.choice("AICONTENT_SIGN", &["md5", "none"]) == "md5";
        let is_direct = transport == Transport::Ssapi;
        Self {
            keys: if is_direct { KeyRing::default() } else { alibaba::keys(env) },
            endpoint: env.endpoint("AICONTENT_ENDPOINT", "https://aicontent.aliyuncs.com"),
            app_id: env.need("AICONTENT_APP_ID"),
            app_secret: (is_direct || signs).then(|| env.secret("AICONTENT_APP_SECRET")),
            transport,
            ssapi_endpoints: env.endpoints("SSAPI_ENDPOINT", "https://api.cloud.ssapi.cn"),
        }
    }

    /// How many hosts can answer a request for a warrant.
    pub(crate) fn hosts(&self) -> usize {
        if self.transport == Transport::Ssapi { self.ssapi_endpoints.len() } else { 1 }
    }

    /// The first of the evaluation service's hosts.
    pub(crate) fn ssapi_endpoint(&self) -> &str {
        self.ssapi_endpoints.first().map_or("", String::as_str)
    }

    /// The request for a warrant.
    pub(crate) fn sign(&self, request: &ssecp::Request<'_>, attempt: &Attempt) -> Outgoing {
        let app = self.app_secret.as_ref().map(KeyRing::get);
        match self.transport {
            Transport::OpenApi => self.sign_openapi(request, app.as_ref().map(|app| &app.secret), attempt),
            Transport::Ssapi => self.sign_direct(request, attempt),
        }
    }

    /// The warrant's id and end.
    pub(crate) fn read(&self, reply: &Reply) -> Result<(String, Timestamp), Refusal> {
        match self.transport {
            Transport::OpenApi => warranted(reply),
            Transport::Ssapi => authorized(reply),
        }
    }

    /// `CreateAccessWarrant`: ACS3, JSON, with the application's own signature inside where configured.
    pub(crate) fn sign_openapi(
        &self,
        request: &ssecp::Request<'_>,
        secret: Option<&Secret>,
        attempt: &Attempt,
    ) -> Outgoing {
        let mut body = json!({
            "appId": request.app_id,
            "userId": request.user_id,
            "userClientIp": request.user_client_ip,
            "warrantAvailable": LIFETIME_SECS,
        });
        if let Some(secret) = secret {
            body["timestamp"] = attempt.at.unix().to_string().into();
            body["requestSign"] = ssecp::sign(secret, request, attempt.at).into();
        }
        let body = body.to_string();
        let call = alibaba::Call {
            path: PATH,
            body: Some(("application/json; charset=utf-8", body.as_bytes())),
            ..alibaba::Call::post(&self.endpoint, ACTION, VERSION)
        };
        call.sign(&self.keys.get(), attempt)
    }

    /// `/auth/authorize` of the evaluation service: a form under the application's signature.
    fn sign_direct(&self, request: &ssecp::Request<'_>, attempt: &Attempt) -> Outgoing {
        let signature = self
            .app_secret
            .as_ref()
            .map(|app| ssecp::sign(&app.get().secret, request, attempt.at))
            .unwrap_or_default();
        let host = self.ssapi_endpoints.get(attempt.host).map_or("", String::as_str);
        let form = encode::query(&[
            ("appid", request.app_id),
            ("timestamp", &attempt.at.unix().to_string()),
            ("user_id", request.user_id),
            ("user_client_ip", request.user_client_ip),
            ("request_sign", &signature),
            ("warrant_available", &LIFETIME_SECS.to_string()),
        ]);
        Outgoing {
            method: http::Method::POST,
            url: format!("{host}/auth/authorize"),
            headers: vec![("content-type", alibaba::FORM.to_owned())],
            body: Bytes::from(form),
        }
    }
}

/// `{requestId, success, errCode, data}`. `success` decides: a documented success carries an `errCode`. The
/// data comes in two spellings.
pub(crate) fn warranted(reply: &Reply) -> Result<(String, Timestamp), Refusal> {
    let document = alibaba::document(reply)?;
    let request_id = text(&document, "RequestId");
    let request_id = request_id.as_deref();
    let data = member(&document, "Data").filter(|data| data.is_object());
    if text(&document, "Success").as_deref() != Some("true") {
        let code = text(&document, "ErrCode").or_else(|| text(&document, "Code")).unwrap_or_default();
        let refusal = alibaba::refusal(reply, &code, request_id);
        let failing = text(&document, "HttpStatusCode").is_some_and(|status| status.starts_with('5'));
        let kind = match refusal.kind {
            _ if code == BAD_SIGN => RefusalKind::Auth,
            RefusalKind::Rejected if failing => RefusalKind::Transient,
            kind => kind,
        };
        return Err(Refusal { kind, ..refusal });
    }
    let id = data.and_then(|data| text(data, "AccessWarrantId").or_else(|| text(data, "WarrantId")));
    let end = data.and_then(|data| instant(member(data, "ExpireTime")?));
    match (id.filter(|id| is_plain(id)), end) {
        (Some(id), Some(end)) => Ok((id, end)),
        _ => Err(Refusal::new(RefusalKind::BadResponse, reply, None, request_id)),
    }
}

/// `{code: 0, data: {warrant_id, expire_at}}`. A failure's message quotes the right signature: never read.
fn authorized(reply: &Reply) -> Result<(String, Timestamp), Refusal> {
    let document = alibaba::document(reply)?;
    let code = text(&document, "code");
    if code.as_deref() != Some("0") {
        let kind = match code.as_deref() {
            Some(BAD_SIGN) => RefusalKind::Auth,
            Some(_) => RefusalKind::Rejected,
            None => RefusalKind::BadResponse,
        };
        return Err(Refusal::new(kind, reply, code.as_deref(), None));
    }
    let data = document.get("data");
    let id = data.and_then(|data| text(data, "warrant_id")).filter(|id| is_plain(id));
    let end = data.and_then(|data| instant(data.get("expire_at")?));
    id.zip(end).ok_or_else(|| Refusal::new(RefusalKind::BadResponse, reply, None, None))
}

/// Whether it can be the id of a warrant, which goes into URLs: the documented ones have 32 to 64 letters and digits.
fn is_plain(id: &str) -> bool {
    (1..=512).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Seconds, milliseconds (as number or text) or RFC 3339.
fn instant(value: &Value) -> Option<Timestamp> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match number {
        Some(millis) if millis > 99_999_999_999 => Some(Timestamp::from_unix(millis / 1000)),
        Some(seconds) => Some(Timestamp::from_unix(seconds)),
        None => Timestamp::parse_rfc3339(value.as_str()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_comes_in_four_shapes() {
        for value in
            [json!(1_704_067_200), json!("1704067200"), json!("1704067200000"), json!("2024-01-01T00:00:00Z")]
        {
            assert_eq!(instant(&value), Some(Timestamp::from_unix(1_704_067_200)), "{value}");
        }
        assert_eq!(instant(&json!("soon")), None);
    }
}
