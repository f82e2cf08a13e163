//! `POST /{coreType}`: one recording, evaluated under a warrant.

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use multer::Multipart;
use serde_json::{Value, json};

use super::AICONTENT_APP_ID;
use super::class_task::Records;
use super::ssapi::{Warrant, Warrants};
use crate::ids;
use crate::objects::Content;
use crate::reply::Reply;
use crate::world::Ctx;

/// Failures are `{errId, error}` inside an HTTP 200, or in a frame.
pub(crate) struct Failed(pub(crate) u32, pub(crate) String);

impl Failed {
    pub(crate) fn json(&self) -> Value {
        json!({ "errId": self.0, "error": self.1 })
    }
}

pub(crate) fn handle(ctx: &Ctx<'_>, body: &Bytes) -> Reply {
    match evaluate(ctx, body) {
        Ok(result) => Reply::json(200, &result),
        Err(failed) => Reply::json(200, &failed.json()).code(&failed.0.to_string()),
    }
}

fn evaluate(ctx: &Ctx<'_>, body: &Bytes) -> Result<Value, Failed> {
    let admitted = Admitted::of(ctx)?;
    if ctx.arrived.header("request-index").as_deref() != Some("0") {
        return Err(Failed(40_003, "Request-Index must be 0".to_owned()));
    }
    // The body is here already, so the reader never waits.
    let form = read(ctx, body).now_or_never().flatten();
    let form = form.ok_or_else(|| Failed(40_004, "the form cannot be read".to_owned()))?;
    let text: Value =
        serde_json::from_str(&form.text).map_err(|_| Failed(40_005, "text is not JSON".to_owned()))?;
    admitted.check(&text, "connect")?;
    admitted.check(&text, "start")?;
    admitted.result(ctx, &text["start"], &form.audio, form.audio_type)
}

/// What the URL admits to: an evaluation of one kind under a live warrant.
pub(crate) struct Admitted {
    core_type: String,
    request_id: String,
    warrant: Warrant,
}

impl Admitted {
    pub(crate) fn of(ctx: &Ctx<'_>) -> Result<Self, Failed> {
        let core_type = ctx.arrived.path.trim_start_matches('/').to_owned();
        if !is_core_type(&core_type) {
            return Err(Failed(40_001, format!("coreType {core_type} is not supported")));
        }
        let get = |name: &str| ctx.arrived.parameter(name).unwrap_or_default();
        let request_id = get("request_id");
        for (name, value) in [("connect_id", &get("connect_id")), ("request_id", &request_id)] {
            if value.len() != 32 || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(Failed(40_002, format!("{name} is not 32 hex digits")));
            }
        }
        let warrant = ctx.vendors.state::<Warrants>().find(&get("warrant_id"));
        let warrant = warrant.filter(|_| get("appkey") == AICONTENT_APP_ID);
        let warrant = warrant.ok_or_else(|| Failed(41_030, "warrant does not exist".to_owned()))?;
        if ctx.now >= warrant.expires_at {
            return Err(Failed(41_031, "warrant has expired".to_owned()));
        }
        Ok(Self { core_type, request_id, warrant })
    }

    /// Each command of `text` names the warrant, the application and the warrant's user; start also the kind.
    pub(crate) fn check(&self, text: &Value, command: &str) -> Result<(), Failed> {
        let wrong = |what: &str| Failed(40_007, format!("text: {what}"));
        let part = &text[command];
        let app = &part["param"]["app"];
        if part["cmd"] != command {
            return Err(wrong(&format!("{command}.cmd")));
        }
        if app["applicationId"] != AICONTENT_APP_ID || app["warrantId"] != self.warrant.id.as_str() {
            return Err(wrong(&format!("{command}.param.app")));
        }
        if app["userId"] != self.warrant.user_id.as_str() {
            return Err(Failed(41_032, "userId is not the warrant's user".to_owned()));
        }
        if command == "connect" {
            return Ok(());
        }
        let audio = &part["param"]["audio"];
        if !audio["audioType"].is_string() || !audio["sampleRate"].is_u64() {
            return Err(wrong("start.param.audio"));
        }
        if part["param"]["request"]["coreType"] != self.core_type.as_str() {
            return Err(wrong("start.param.request.coreType"));
        }
        Ok(())
    }

    /// Keeps the recording and scores it.
    pub(crate) fn result(
        &self,
        ctx: &Ctx<'_>,
        start: &Value,
        audio: &[u8],
        audio_type: Option<String>,
    ) -> Result<Value, Failed> {
        if audio.is_empty() {
            return Err(Failed(40_006, "audio is empty".to_owned()));
        }
        let mut object = Content::of(audio).object("ssapi", AICONTENT_APP_ID, &self.request_id, ctx.now);
        object.content_type = audio_type;
        ctx.world.objects.put(object, false);
        let record_id = ids::hex32();
        ctx.vendors.state::<Records>().add(&record_id, &self.warrant.user_id);
        Ok(json!({
            "recordId": record_id, "applicationId": AICONTENT_APP_ID, "eof": 1,
            "refText": start["param"]["request"]["refText"],
            "result": {
                "overall": 88, "pron": 90, "accuracy": 87, "integrity": 100, "fluency": 85, "details": [],
            },
        }))
    }
}

/// `xx.name.score`
fn is_core_type(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let lower = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    matches!(parts[..], [language, name, "score"] if language.len() == 2 && lower(language) && lower(name))
}

#[derive(Default)]
struct Form {
    text: String,
    audio: Bytes,
    audio_type: Option<String>,
}

async fn read(ctx: &Ctx<'_>, body: &Bytes) -> Option<Form> {
    let boundary = multer::parse_boundary(ctx.arrived.header("content-type")?).ok()?;
    let whole = stream::iter([Ok::<Bytes, std::io::Error>(body.clone())]);
    let mut multipart = Multipart::new(whole, boundary);
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.ok()? {
        match field.name() {
            Some("text") => form.text = field.text().await.ok()?,
            Some("audio") => {
                form.audio_type = field.content_type().map(ToString::to_string);
                form.audio = field.bytes().await.ok()?;
            }
            _ => return None,
        }
    }
    Some(form)
}
