#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod credential;
mod doctor;
mod document;
mod grants;
mod handoff;
mod limits;
mod vendor_url;

use tokio::time::Instant;
use upload_grant::model::grant::{Grant, Object};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant_runtime::flow::{
    Context, Finish, Flow, Kind, Member, Param, Place, SetBy, Spec, UploadContext, UploadRequest,
};
use upload_grant_runtime::platform::{Env, KeyRing};
use upload_grant_runtime::vendor::bad_answer;

use crate::api::Gateway;

/// As the vendor's SDKs do: a store whose clock is behind ours still accepts.
const BACKDATE_SECS: i64 = 60;
/// Where COS is.
const DOMAINS: [&str; 2] = ["myqcloud.com", "tencentcos.cn"];

/// The flow: a client of LKE.
pub struct Lke {
    gateway: Gateway,
    cos_endpoint: Option<String>,
    /// Who sees the document: 1 to 4, else the vendor's default.
    enable_scope: Option<u8>,
    /// The endpoint of the document calls, if jobs go on to them.
    documents: Option<String>,
}

impl Flow for Lke {
    const SPEC: Spec = Spec {
        name: "tencent-lke",
        types: limits::TYPES,
        params: &[
            Param::new(
                "bot_biz_id",
                Kind::Text,
                "LKE application id; always a string, its 19 digits do not fit a JSON number",
            )
            .alias("app_id")
            .env("LKE_BOT_BIZ_ID")
            .required(),
            Param::new("is_public", Kind::Bool, "LKE: by default true for jpg, jpeg, png and bmp of a chat")
                .set_by(SetBy::Caller),
            Param::new(
                "type_key",
                Kind::OneOf(&["offline", "realtime"]),
                "LKE: knowledge-base document, or chat file",
            )
            .or("offline")
            .set_by(SetBy::Caller),
            Param::new("session_id", Kind::Text, "LKE: the chat's session, which docParse wants")
                .set_by(SetBy::Caller),
        ],
        modes: &[Mode::Put, Mode::Relay, Mode::Credentials],
        // Per account: <https://www.tencentcloud.com/document/product/1254/70431>
        quota: Some(100.0),
        collect: &["etag", "x-cos-hash-crc64ecma"],
        vendor: &[
            Member::text("upload_path", "LKE: with its leading slash"),
            // The vendor signs it for reading.
            Member::text("file_url", "LKE: where the file can be read").only_in(Place::Grants),
        ],
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        let scope =
            env.get("LKE_ENABLE_SCOPE").map(|_| env.choice("LKE_ENABLE_SCOPE", &["1", "2", "3", "4"]));
        let gateway = Gateway::from_env(env);
        Self {
            documents: document::endpoint(env, &gateway),
            gateway,
            cos_endpoint: env.optional_endpoint("COS_ENDPOINT"),
            enable_scope: scope.and_then(|scope| scope.parse().ok()),
        }
    }

    fn keys(&self) -> Option<&KeyRing> {
        Some(&self.gateway.keys)
    }

    fn check(&self, upload: &UploadRequest) -> Result<(), Problem> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let fits = |id: &str| (2..=64).contains(&id.len()) && id.bytes().all(plain);
        if upload.param("session_id").is_some_and(|id| !fits(id)) {
            let detail = "2 to 64 letters, digits, _ and - are expected";
            return Err(Problem::invalid("/params/session_id", detail));
        }
        Ok(())
    }

    async fn grant(&self, cx: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        let answer = self.describe(cx, upload).await?;
        let upload_path = answer.upload_path.clone().filter(|path| !path.is_empty()).ok_or_else(|| {
            Problem::new(Code::VendorBadResponse, "the vendor's credential is for downloads only")
        })?;
        let place = self.place(cx, &answer, &upload_path, upload)?;
        let mut grant = match (answer.usable_keys(), &answer.upload_url) {
            (Some(keys), _) if upload.mode == Mode::Credentials => {
                grants::credentials(cx, upload, &place, keys)
            }
            (Some(keys), _) => grants::put(cx, upload, &place, keys),
            (None, Some(url)) if !url.is_empty() && upload.mode != Mode::Credentials => {
                vendor_url::grant(cx, upload, &place, url)?
            }
            (None, _) => return Err(bad_answer("no usable credentials")),
        };
        let file_url = Self::file_url(&answer, &place);
        grant.object = Some(Object {
            location: place.bucket.location(&grant.key),
            bucket: place.bucket.name,
            region: place.region,
            endpoint: place.bucket.endpoint,
        });
        grant.vendor.insert("upload_path".into(), upload_path.into());
        for (name, value) in [("file_url", file_url), ("request_id", answer.request_id)] {
            grant.vendor.extend(value.map(|value| (name.to_owned(), value.into())));
        }
        Ok(grant)
    }

    fn finishes(&self) -> bool {
        self.documents.is_some()
    }

    async fn finish(&self, cx: &Context, receipt: &Receipt, deadline: Instant) -> Result<Finish, Problem> {
        self.step(cx, receipt, deadline).await
    }

    fn handoff(&self, receipt: &Receipt, context: &UploadContext<'_>) -> Option<Handoff> {
        handoff::of(receipt, context, self.enable_scope)
    }
}
