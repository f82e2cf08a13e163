#![doc = include_str!("../README.md")]

mod api;
mod doctor;
mod handoff;
mod tokens;
mod upload;

use upload_grant::model::grant::Grant;
use upload_grant::model::media::{Accepted, Others, Types};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant_runtime::flow::{
    Cached, Context, Flow, Kind, Param, SetBy, Spec, UploadContext, UploadRequest,
};
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::transfer::{Body, StoredObject};
use upload_grant_runtime::vendor::{self, RefusalKind};

use crate::api::Api;
use crate::tokens::{Sessions, User};

/// What can be downloaded again by default; the upload call documents no limit.
const MAX_BYTES: u64 = 2 * 1024 * 1024;
/// The call takes no stream, so whatever `GRANT_MAX_BYTES` says, a file must fit into memory.
const MAX_IN_MEMORY: u64 = 16 * 1024 * 1024;
/// The longest user id that `send` takes.
const MAX_USER_ID: usize = 24;

/// The vendor takes no other `fileType`.
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

const fn row(content_type: &'static str, extensions: &'static [&'static str]) -> Accepted {
    Accepted { content_type, extensions, max_bytes: MAX_BYTES }
}

/// The flow: a client of the messaging API, and the sessions it has fetched.
pub struct Aicc {
    sessions: Cached<Sessions>,
}

impl Flow for Aicc {
    const SPEC: Spec = Spec {
        name: "huawei-aicc",
        types: Types { listed: LISTED, others: Others::Refused },
        params: &[
            Param::new("user_id", Kind::Text, "The end user, as the vendor will know them")
                .env("HUAWEI_AICC_USER_ID")
                .set_by(SetBy::CallerIdentity),
            Param::new("user_name", Kind::Text, "AICC: display name")
                .env("HUAWEI_AICC_USER_NAME")
                .set_by(SetBy::Caller),
            Param::new("channel_id", Kind::Text, "AICC: configuration id of the web channel")
                .env("HUAWEI_AICC_CHANNEL_ID")
                .required(),
            Param::new("locale", Kind::Text, "AICC: as in en or en_US")
                .env("HUAWEI_AICC_LOCALE")
                .or("en")
                .set_by(SetBy::Caller),
        ],
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        Self { sessions: Cached::new("session", Sessions::new(Api::from_env(env))) }
    }

    fn account(&self) -> String {
        self.api().app.get().id.clone()
    }

    fn check(&self, upload: &UploadRequest) -> Result<(), Problem> {
        if upload.param("user_id").is_none_or(|id| id.chars().count() > MAX_USER_ID) {
            return Err(Problem::invalid("/params/user_id", "a user id of 1 to 24 characters is expected"));
        }
        Ok(())
    }

    async fn grant(&self, _: &Context, _: &UploadRequest) -> Result<Grant, Problem> {
        Err(Problem::invalid("/mode", "this vendor has nothing to grant: use relay"))
    }

    async fn upload(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        body: Body,
    ) -> Result<StoredObject, Problem> {
        if body.length() > MAX_IN_MEMORY {
            let detail = format!("this vendor's call takes {MAX_IN_MEMORY} bytes at most");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let memory = upload::memory(body.length());
        let held = cx.buffers.hold(memory, upload.sender.as_deref(), upload.deadline).await?;
        let (document, digests) = held.fill(upload::document(&upload.extension, body)).await?;
        let user = User::of(upload);
        let mut refreshed = false;
        let mut tries = 0;
        loop {
            let session = self.sessions.get(cx, &user, upload.deadline).await?;
            let bearer = self.sessions.source().bearer(cx, upload.deadline).await?;
            let call = |_: &_| self.api().upload(&bearer.token, &session.token, &document);
            let reply = cx.vendor.send(upload.deadline, call).await?;
            if let Some(renewed) = session.renewed_by(&reply) {
                self.sessions.put(cx, &user, renewed).await;
            }
            let refusal = match upload::object_key(&reply) {
                Ok(key) => return Ok(StoredObject { key, digests, ..StoredObject::default() }),
                Err(refusal) => refusal,
            };
            // Either token may have ended: both are fetched anew, once.
            if refusal.kind == RefusalKind::TokenEnded && !refreshed {
                self.sessions.source().forget_bearer(cx).await;
                self.sessions.forget(cx, &user).await;
                refreshed = true;
                continue;
            }
            let not_stored = refusal.vendor.code.as_deref() == Some(upload::NOT_STORED);
            tries += if not_stored { 2 } else { 1 };
            // Again only where the vendor says that nothing was stored: throttled often, a failure once.
            let again = not_stored || refusal.kind == RefusalKind::Throttled;
            if again && vendor::pause(tries, refusal.after, upload.deadline).await {
                continue;
            }
            if not_stored {
                let problem = Problem::new(Code::UploadFailed, "the vendor could not store the file");
                return Err(problem.retryable(true).with_vendor(refusal.vendor));
            }
            return Err(refusal.problem());
        }
    }

    fn handoff(&self, receipt: &Receipt, context: &UploadContext<'_>) -> Option<Handoff> {
        Some(handoff::of(receipt, context))
    }
}

impl Aicc {
    fn api(&self) -> &Api {
        &self.sessions.source().api
    }
}
