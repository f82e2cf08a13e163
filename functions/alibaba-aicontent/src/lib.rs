//! Alibaba Cloud aicontent: audio for the oral evaluation service.
//!
//! `CreateAccessWarrant` (or the service's own `/auth/authorize`) answers a warrant for one user, with which a
//! device sends its recording to the evaluation service.
//! <https://www.alibabacloud.com/help/en/doc-detail/2865622.html>

mod doctor;
mod warrant;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use upload_grant::cache::Cache;
use upload_grant::config::{Env, KeyRing};
use upload_grant::doctor::{Chart, Report};
use upload_grant::encode;
use upload_grant::flow::{Ask, Bound, Context, Flow};
use upload_grant::grant::{Grant, Pairs};
use upload_grant::media::Accepted;
use upload_grant::problem::Problem;
use upload_grant::receipt::{Handoff, Receipt};
use upload_grant::request::Mode;
use upload_grant::secret::Secret;
use upload_grant::upload::{self, Body, Stored};
use upload_grant::vendor::{Reply, alibaba, nonce};

use crate::warrant::Warrant;

const MIB: u64 = 1024 * 1024;
const DEFAULT_CORE: &str = "en.sent.score";
/// The longest evaluation request, as JSON: it rides in tickets, which are part of a URL.
const MAX_TEXT: usize = 2048;

/// The flow's settings and cached warrants.
pub struct Aicontent {
    keys: KeyRing,
    endpoint: String,
    app_id: String,
    app_secret: Option<Secret>,
    /// The evaluation service's own authorization instead of the cloud API.
    direct: bool,
    ssapi_endpoint: String,
    user_id: Option<String>,
    warrants: Cache<Warrant>,
}

impl Flow for Aicontent {
    const NAME: &'static str = "alibaba-aicontent";
    /// 16 kHz mono, 16 bits, five minutes is 9.6 MB of WAV, the longest the service evaluates.
    const TYPES: &'static [Accepted] = &[
        Accepted { content_type: "audio/wav", extensions: &["wav"], max_bytes: 10 * MIB },
        Accepted { content_type: "audio/mpeg", extensions: &["mp3"], max_bytes: 10 * MIB },
        Accepted { content_type: "audio/ogg", extensions: &["ogg", "opus"], max_bytes: 10 * MIB },
        Accepted { content_type: "audio/amr", extensions: &["amr"], max_bytes: 10 * MIB },
    ];
    const PARAMS: &'static [&'static str] = &["user_id", "user_client_ip", "core_type", "text"];
    const QUOTA: Option<f64> = None;
    const COLLECT: &'static [&'static str] = &["record_id"];

    const GRANT_ONLY: &'static [&'static str] = &["warrant_id"];

    fn configure(env: &mut Env) -> Self {
        let direct = env.choice("AICONTENT_TRANSPORT", &["openapi", "ssapi"]) == "ssapi";
        let signs = env.choice("AICONTENT_SIGN", &["md5", "none"]) == "md5";
        Self {
            keys: if direct { KeyRing::default() } else { alibaba::keys(env) },
            endpoint: env.endpoint("AICONTENT_ENDPOINT", "https://aicontent.aliyuncs.com"),
            app_id: env.need("AICONTENT_APP_ID"),
            app_secret: (direct || signs).then(|| env.need("AICONTENT_APP_SECRET").into()),
            direct,
            ssapi_endpoint: env.endpoint("SSAPI_ENDPOINT", "https://api.cloud.ssapi.cn"),
            user_id: env.get("AICONTENT_USER_ID"),
            warrants: Cache::new("warrant"),
        }
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Form, Mode::Relay]
    }

    fn key_ring(&self) -> Option<&KeyRing> {
        Some(&self.keys)
    }

    fn defaults(&self) -> Map<String, Value> {
        let core_type = ("core_type".to_owned(), DEFAULT_CORE.into());
        let user_id = self.user_id.iter().map(|id| ("user_id".to_owned(), id.as_str().into()));
        user_id.chain([core_type]).collect()
    }

    fn check(&self, ask: &Ask) -> Result<(), Problem> {
        if !is_core_type(core_type(ask)) {
            return Err(Problem::invalid("/params/core_type", "a core type like en.sent.score is expected"));
        }
        if requested(ask).to_string().len() > MAX_TEXT {
            return Err(Problem::invalid("/params/text", format!("at most {MAX_TEXT} bytes are expected")));
        }
        if ask.param("user_client_ip").is_some_and(|address| address.parse::<IpAddr>().is_err()) {
            return Err(Problem::invalid("/params/user_client_ip", "an IP address is expected"));
        }
        Ok(())
    }

    async fn grant(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask) -> Result<Grant, Problem> {
        let (core_type, request) = (core_type(ask), requested(ask));
        let user_id = ask.param("user_id").unwrap_or("anonymous");
        let warrant = self.warrant(cx, ask, user_id).await?;
        let (connect_id, request_id) = (nonce(), nonce());
        let ids = [&*connect_id, &*request_id];
        let text = evaluation(ask, self, user_id, &warrant, (core_type, request), ids);
        let query = encode::query(&[
            ("appkey", &self.app_id),
            ("connect_id", &connect_id),
            ("request_id", &request_id),
            ("warrant_id", warrant.id.expose()),
        ]);
        let url = format!("{}/{core_type}?{query}", self.ssapi_endpoint);
        let expires_at = ask.expires_at(cx, warrant.expires_at);
        // The service checks the warrant and nothing else of what was granted.
        let mut grant = ask.grant::<Self>(url, ask.object_name(), expires_at, ask.limits(&[]));
        grant.headers = Pairs::new([("Request-Index", "0")]);
        grant.fields = Some(Pairs::new([("text", &text)]));
        grant.file_field = Some("audio");
        grant.success_status = &[200];
        grant.vendor = Map::from_iter([
            ("warrant_id".to_owned(), json!(warrant.id.expose())),
            ("app_id".to_owned(), json!(self.app_id)),
            ("user_id".to_owned(), json!(user_id)),
        ]);
        Ok(grant)
    }

    async fn upload(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask, body: Body) -> Result<Stored, Problem> {
        let grant = self.grant(cx, ask).await?;
        let (reply, digests) = upload::exchange(cx, &grant, ask, body).await?;
        let mut vendor = grant.vendor;
        vendor.extend(evaluated(&reply)?);
        Ok(Stored { key: grant.key, vendor, digests, ..Stored::default() })
    }

    fn chart(&self) -> Chart {
        doctor::chart(self)
    }

    async fn examine(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
        report: &mut Report,
    ) -> Result<(), Problem> {
        doctor::examine(self, cx, ask, report).await
    }

    fn handoff(&self, receipt: &Receipt, _: &Bound<'_>) -> Option<Handoff> {
        let record_id = receipt.vendor.get("record_id")?.clone();
        Some(Handoff::new(["classTaskSubmit"], [("record_id", record_id)]))
    }
}

/// The evaluation's request object, with the caller's members.
fn requested(ask: &Ask) -> Value {
    let mut request = json!({ "refText": "", "rank": 100, "precision": 1 });
    for (name, value) in ask.params.get("text").and_then(Value::as_object).into_iter().flatten() {
        request[name] = value.clone();
    }
    request
}

fn core_type(ask: &Ask) -> &str {
    ask.param("core_type").unwrap_or(DEFAULT_CORE)
}

/// The form's `text`: connect and start messages of the evaluation protocol in one document.
fn evaluation(
    ask: &Ask,
    flow: &Aicontent,
    user_id: &str,
    warrant: &Warrant,
    (core_type, mut request): (&str, Value),
    [connect_id, request_id]: [&str; 2],
) -> String {
    let app = json!({
        "applicationId": flow.app_id,
        "timestamp": ask.now.unix().to_string(),
        "userId": user_id,
        "warrantId": warrant.id.expose(),
        "connect_id": connect_id,
        "sig": "default",
        "signature": "default",
    });
    request["coreType"] = core_type.into();
    request["tokenId"] = request_id.into();
    request["request_id"] = request_id.into();
    let audio_type = if ask.extension == "opus" { "ogg_opus" } else { &ask.extension };
    let audio = json!({ "audioType": audio_type, "sampleRate": 16000, "channel": 1, "sampleBytes": 2 });
    json!({
        "connect": { "cmd": "connect", "param": {
            "app": app, "sdk": { "source": 7, "version": 1, "protocol": 2 },
        }},
        "start": { "cmd": "start", "param": { "app": app, "audio": audio, "request": request } },
    })
    .to_string()
}

/// `recordId` and the result of an evaluation; its failures come with any status.
fn evaluated(reply: &Reply) -> Result<Map<String, Value>, Problem> {
    let document = reply.json().unwrap_or_default();
    let error = ["errId", "errorId", "error"].iter().find_map(|name| alibaba::text(&document, name));
    let record_id = alibaba::text(&document, "recordId");
    match (error, record_id) {
        (None, Some(record_id)) if reply.is_success() => {
            let result = document.get("result").cloned().unwrap_or(Value::Null);
            Ok(Map::from_iter([("record_id".into(), record_id.into()), ("result".into(), result)]))
        }
        (error, _) => {
            let mut problem = upload::refused(reply, error.as_deref());
            problem.detail = "the evaluation service refused the recording".into();
            Err(problem)
        }
    }
}

/// `^[a-z]{2}\.[a-z_]+(\.[a-z_]+)*$`, as in `en.sent.score`.
fn is_core_type(text: &str) -> bool {
    let mut parts = text.split('.');
    let language = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    language.len() == 2 && word(&language) && !rest.is_empty() && rest.iter().all(word) && text.len() <= 64
}

#[cfg(test)]
mod tests {
    use super::is_core_type;

    #[test]
    fn core_types_are_part_of_a_path_and_must_look_like_one() {
        for good in ["en.word.score", "cn.pred.score", "en.sent_pro.score"] {
            assert!(is_core_type(good), "{good}");
        }
        for bad in ["", "en", "en.", "../x", "en.word/score", "en.word?x", "EN.word.score", "eng.word"] {
            assert!(!is_core_type(bad), "{bad}");
        }
    }
}
