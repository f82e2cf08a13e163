//! Huawei Cloud AICC: files for a web chat with an agent.
//!
//! Nothing here can be granted to a client: the upload is a base64 JSON call under an app-wide bearer. So every
//! grant is our own relay, and this function uploads:
//! `tokenByAkSk` -> `applyToken` -> `uploadFileStream`.
//! <https://support.huaweicloud.com/intl/en-us/api-cec/cec_07_0111.html>

mod doctor;
mod tokens;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use upload_grant::cache::Cache;
use upload_grant::config::Env;
use upload_grant::doctor::{Chart, Report};
use upload_grant::flow::{Ask, Bound, Context, Flow};
use upload_grant::grant::Grant;
use upload_grant::media::{Accepted, Others, Types};
use upload_grant::problem::{Code, Problem};
use upload_grant::receipt::{Handoff, Receipt};
use upload_grant::request::Mode;
use upload_grant::secret::Secret;
use upload_grant::upload::{Body, Stored};
use upload_grant::vendor::{self, Outgoing, Refusal, Reply, Why};

use crate::tokens::{Bearer, Session};

/// What can be downloaded again by default; the upload call documents no limit.
const MAX_BYTES: u64 = 2 * 1024 * 1024;
/// The call takes no stream, so whatever `GRANT_MAX_BYTES` says, a file must fit into memory.
const MAX_IN_MEMORY: u64 = 16 * 1024 * 1024;
const JSON: &str = "application/json; charset=UTF-8";
/// The longest user id that `send` takes.
const MAX_USER_ID: usize = 24;
/// `returnCode` of an upload that failed on the vendor's side.
const NOT_STORED: &str = "13";

/// The flow's settings and cached tokens.
pub struct Aicc {
    base: String,
    auth_base: String,
    app_key: String,
    app_secret: Secret,
    channel_id: Option<String>,
    locale: String,
    user_id: Option<String>,
    user_name: Option<String>,
    tenant_space_id: Option<String>,
    bearers: Cache<Bearer>,
    sessions: Cache<Session>,
}

const fn row(content_type: &'static str, extensions: &'static [&'static str]) -> Accepted {
    Accepted { content_type, extensions, max_bytes: MAX_BYTES }
}

/// The vendor takes no other `fileType`. Servers before 2025-11 know neither jpeg, which is sent as jpg, nor a right bmp.
const LISTED: &[Accepted] = &[
    row("image/jpeg", &["jpg", "jpeg"]),
    row("image/png", &["png"]),
    row("image/bmp", &["bmp"]),
    row("audio/mpeg", &["mp3"]),
    row("audio/aac", &["aac"]),
    row("video/mp4", &["mp4"]),
    row("text/plain", &["txt"]),
    row("text/csv", &["csv"]),
];

impl Flow for Aicc {
    const NAME: &'static str = "huawei-aicc";
    const TYPES: Types = Types { listed: LISTED, others: Others::Refused };
    const PARAMS: &'static [&'static str] = &["user_id", "user_name", "channel_id", "locale"];
    const QUOTA: Option<f64> = None;
    const COLLECT: &'static [&'static str] = &["etag"];

    fn configure(env: &mut Env) -> Self {
        let base = env.endpoint("HUAWEI_AICC_BASE_URL", "");
        Self {
            auth_base: env.endpoint("HUAWEI_AICC_AUTH_BASE_URL", &base),
            base,
            app_key: env.need("HUAWEI_AICC_APP_KEY"),
            app_secret: env.need("HUAWEI_AICC_APP_SECRET").into(),
            channel_id: env.param("HUAWEI_AICC_CHANNEL_ID"),
            locale: env.get("HUAWEI_AICC_LOCALE").unwrap_or_else(|| "en".into()),
            user_id: env.get("HUAWEI_AICC_USER_ID"),
            user_name: env.get("HUAWEI_AICC_USER_NAME"),
            tenant_space_id: env.get("HUAWEI_AICC_TENANT_SPACE_ID"),
            bearers: Cache::new("bearer"),
            sessions: Cache::new("session"),
        }
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Relay]
    }

    fn account(&self) -> String {
        self.app_key.clone()
    }

    fn defaults(&self) -> Map<String, Value> {
        let mut defaults = Map::from_iter([("locale".to_owned(), json!(self.locale))]);
        let optional =
            [("channel_id", &self.channel_id), ("user_id", &self.user_id), ("user_name", &self.user_name)];
        for (name, value) in optional {
            if let Some(value) = value {
                defaults.insert(name.into(), value.as_str().into());
            }
        }
        defaults
    }

    fn check(&self, ask: &Ask) -> Result<(), Problem> {
        ask.need("channel_id", "HUAWEI_AICC_CHANNEL_ID")?;
        if ask.param("user_id").is_none_or(|id| id.chars().count() > MAX_USER_ID) {
            return Err(Problem::invalid("/params/user_id", "a user id of 1 to 24 characters is expected"));
        }
        Ok(())
    }

    async fn grant(self: &Arc<Self>, _: &Arc<Context>, _: &Ask) -> Result<Grant, Problem> {
        Err(Problem::invalid("/mode", "this vendor has nothing to grant: use relay"))
    }

    async fn upload(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask, body: Body) -> Result<Stored, Problem> {
        if body.length() > MAX_IN_MEMORY {
            let detail = format!("this vendor's call takes {MAX_IN_MEMORY} bytes at most");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let (bytes, digests) = body.collect().await?;
        let document = document(&ask.extension, &bytes);
        drop(bytes);
        let mut refreshed = false;
        let mut tries = 0;
        loop {
            let (bearer, session) = self.tokens(cx, ask).await?;
            let reply =
                cx.vendor.send(ask.deadline, |_| self.upload_call(&bearer, &session, &document)).await?;
            self.renew(cx, ask, &session, &reply).await;
            let refusal = match object_key(&reply) {
                Ok(key) => return Ok(Stored { key, digests, ..Stored::default() }),
                Err(refusal) => refusal,
            };
            // Either token may have ended: both are fetched anew, once.
            if refusal.why == Why::TokenEnded && !refreshed {
                self.forget(cx, ask).await;
                refreshed = true;
                continue;
            }
            let not_stored = refusal.says.code.as_deref() == Some(NOT_STORED);
            tries += if not_stored { 2 } else { 1 };
            // Again only where the vendor says that nothing was stored: throttled often, a failure once.
            let again = not_stored || refusal.why == Why::Throttled;
            if again && vendor::pause(tries, refusal.after, ask.deadline).await {
                continue;
            }
            if not_stored {
                let problem = Problem::new(Code::UploadFailed, "the vendor could not store the file");
                return Err(problem.retryable(true).with_vendor(refusal.says));
            }
            return Err(refusal.problem());
        }
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

    fn handoff(&self, receipt: &Receipt, bound: &Bound<'_>) -> Option<Handoff> {
        let kind = bound.content_type.split('/').next().unwrap_or_default();
        let (media_type, content) = match kind {
            "image" => ("IMAGE", receipt.key.clone()),
            "audio" => ("AUDIO", receipt.key.clone()),
            "video" => ("VIDEO", receipt.key.clone()),
            _ => {
                // Comma-joined, so the name must not have any.
                let name = receipt.filename.replace(',', "_");
                let row = LISTED.iter().find(|row| row.content_type == bound.content_type);
                let extension = row.map_or("txt", |row| row.extensions[0]);
                ("FILE", format!("{name},{},{},{extension}", receipt.size.unwrap_or_default(), receipt.key))
            }
        };
        Some(Handoff::new(
            ["send"],
            [
                ("mediaType", json!(media_type)),
                ("content", json!(content)),
                ("from", bound.param("user_id")),
                ("to", bound.param("channel_id")),
            ],
        ))
    }
}

impl Aicc {
    fn upload_call(&self, bearer: &Bearer, session: &Session, document: &Bytes) -> Outgoing {
        let mut headers = vec![
            ("ccmessaging-token".to_owned(), session.token.expose().to_owned()),
            ("x-app-key".to_owned(), self.app_key.clone()),
            ("authorization".to_owned(), format!("Bearer {}", bearer.token.expose())),
            ("content-type".to_owned(), JSON.to_owned()),
        ];
        headers.extend(self.tenant_space_id.iter().map(|id| ("x-tenantspaceid".to_owned(), id.clone())));
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/apiaccess/ccmessaging/uploadFileStream", self.base),
            headers,
            body: document.clone(),
        }
    }
}

/// `{"fileType","channel","fileStream"}`, the stream as one line of base64.
fn document(extension: &str, bytes: &[u8]) -> Bytes {
    // Servers before 2025-11 know JPG only.
    let file_type = if extension == "jpeg" { "jpg" } else { extension };
    let mut document = format!(r#"{{"fileType":"{file_type}","channel":"WEB","fileStream":""#);
    document.reserve(bytes.len().div_ceil(3) * 4 + 2);
    STANDARD.encode_string(bytes, &mut document);
    document.push_str("\"}");
    Bytes::from(document)
}

/// `objectKey` of a success, which says `returnCode` or `resultCode` 0, as text or number.
fn object_key(reply: &Reply) -> Result<String, Refusal> {
    let document = tokens::document(reply)?;
    let code = tokens::code(&document);
    let key = document.get("objectKey").and_then(Value::as_str).filter(|key| !key.is_empty());
    match (code.as_deref(), key) {
        (Some("0"), Some(key)) => Ok(key.to_owned()),
        (Some("0") | None, _) => Err(Refusal::new(Why::BadResponse, reply, None, None)),
        (Some(code), _) => Err(Refusal::new(Why::Rejected, reply, Some(code), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_flat_and_its_stream_bare() {
        assert_eq!(
            document("jpeg", b"\xff\xd8\xff\xe0"),
            r#"{"fileType":"jpg","channel":"WEB","fileStream":"/9j/4A=="}"#
        );
    }
}
