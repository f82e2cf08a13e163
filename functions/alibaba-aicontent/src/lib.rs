#![doc = include_str!("../README.md")]

mod doctor;
mod evaluation;
mod warrant;

use std::net::IpAddr;

use serde_json::{Map, json};
use upload_grant::model::grant::{Grant, OrderedMap, Stream};
use upload_grant::model::media::{Accepted, Others, Types};
use upload_grant::model::problem::Problem;
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant::wire::encode;
use upload_grant_runtime::flow::{
    Cached, Context, Flow, Kind, Member, Param, Place, SetBy, Spec, UploadContext, UploadRequest,
};
use upload_grant_runtime::platform::{Env, KeyRing, nonce};
use upload_grant_runtime::transfer::{self, Body, StoredObject};

use crate::evaluation::{DEFAULT_CORE, MAX_TEXT, core_type, evaluated, is_core_type, requested};
use crate::warrant::{Holder, Warrants};

/// 16 kHz mono, 16 bits, five minutes is 9.6 MB of WAV, the longest the service evaluates.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

const fn row(content_type: &'static str, extensions: &'static [&'static str]) -> Accepted {
    Accepted { content_type, extensions, max_bytes: MAX_BYTES }
}

/// The flow: a client of the authorization, and the warrants it has fetched.
pub struct Aicontent {
    warrants: Cached<Warrants>,
}

impl Flow for Aicontent {
    const SPEC: Spec = Spec {
        name: "alibaba-aicontent",
        types: Types {
            listed: &[
                row("audio/wav", &["wav"]),
                row("audio/mpeg", &["mp3"]),
                row("audio/ogg", &["ogg", "opus"]),
                row("audio/amr", &["amr"]),
            ],
            others: Others::BySetting,
        },
        params: &[
            Param::new("user_id", Kind::Text, "The end user, as the vendor will know them")
                .env("AICONTENT_USER_ID")
                .set_by(SetBy::CallerIdentity),
            Param::new("user_client_ip", Kind::Text, "The end user's address").set_by(SetBy::SourceAddress),
            Param::new("core_type", Kind::Text, "aicontent: kind of evaluation, as in en.sent.score")
                .or(DEFAULT_CORE)
                .set_by(SetBy::Caller),
            Param::new(
                "text",
                Kind::Object,
                "aicontent: the evaluation's request object (refText and the like), at most 2048 bytes of JSON",
            )
            .set_by(SetBy::Caller),
        ],
        modes: &[Mode::Form, Mode::Relay],
        collect: &["record_id"],
        vendor: &[
            Member::text("warrant_id", "aicontent: what the evaluation is paid by").only_in(Place::Grants),
            Member::text("app_id", "aicontent"),
            Member::text("user_id", "aicontent"),
            Member::text("record_id", "aicontent: the evaluation").only_in(Place::Receipts),
            Member::any("result", "aicontent: what the evaluation said").only_in(Place::Receipts),
        ],
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        Self { warrants: Cached::new("warrant", Warrants::from_env(env)) }
    }

    fn keys(&self) -> Option<&KeyRing> {
        Some(&self.warrants.source().keys)
    }

    fn account(&self) -> String {
        let api = self.warrants.source();
        format!("{}:{}", api.keys.get().id, api.app_id)
    }

    fn check(&self, upload: &UploadRequest) -> Result<(), Problem> {
        if !is_core_type(core_type(upload)) {
            return Err(Problem::invalid("/params/core_type", "a core type like en.sent.score is expected"));
        }
        if requested(upload).to_string().len() > MAX_TEXT {
            return Err(Problem::invalid("/params/text", format!("at most {MAX_TEXT} bytes are expected")));
        }
        if upload.param("user_client_ip").is_some_and(|address| address.parse::<IpAddr>().is_err()) {
            return Err(Problem::invalid("/params/user_client_ip", "an IP address is expected"));
        }
        Ok(())
    }

    async fn grant(&self, cx: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        let api = self.warrants.source();
        let holder = Holder::of(upload);
        let warrant = self.warrants.get(cx, &holder, upload.deadline).await?;
        let (connect_id, request_id) = (nonce(), nonce());
        let query = encode::query(&[
            ("appkey", &api.app_id),
            ("connect_id", &connect_id),
            ("request_id", &request_id),
            ("warrant_id", warrant.id.expose()),
        ]);
        let url = format!("{}/{}?{query}", api.ssapi_endpoint(), core_type(upload));
        let expires_at = upload.expires_at(cx, warrant.expires_at);
        // The service checks the warrant and nothing else of what was granted.
        let mut grant = upload.grant::<Self>(url, upload.object_name(), expires_at, upload.limits(&[]));
        let ids = [&*connect_id, &*request_id];
        let [connect, start] = evaluation::messages(upload, &api.app_id, &holder.user_id, &warrant, ids);
        let text = json!({ "connect": connect, "start": start }).to_string();
        // http to ws, https to wss.
        grant.stream = Some(Stream { url: grant.url.replacen("http", "ws", 1), connect, start });
        grant.headers = OrderedMap::new([("Request-Index", "0")]);
        grant.fields = Some(OrderedMap::new([("text", &text)]));
        grant.file_field = Some("audio");
        grant.success_status = &[200];
        grant.vendor = Map::from_iter([
            ("warrant_id".to_owned(), json!(warrant.id.expose())),
            ("app_id".to_owned(), json!(api.app_id)),
            ("user_id".to_owned(), json!(holder.user_id)),
        ]);
        Ok(grant)
    }

    async fn upload(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        body: Body,
    ) -> Result<StoredObject, Problem> {
        let grant = self.grant(cx, upload).await?;
        let hosts = &self.warrants.source().ssapi_endpoints;
        let sent = transfer::exchange_in_turn(cx.vendor.client(), &grant, hosts, upload.deadline, body);
        let (reply, digests) = sent.await?;
        let mut vendor = grant.vendor;
        vendor.extend(evaluated(&reply)?);
        Ok(StoredObject { key: grant.key, vendor, digests, ..StoredObject::default() })
    }

    /// The vendor takes several recordings at once: `record_id`, or a comma list of them, goes as `record_ids`.
    fn handoff(&self, receipt: &Receipt, _: &UploadContext<'_>) -> Option<Handoff> {
        let known = |name: &str| receipt.vendor.get(name).cloned().unwrap_or_default();
        let record_id = receipt.vendor.get("record_id")?.clone();
        let params = [("record_id", record_id), ("app_id", known("app_id")), ("user_id", known("user_id"))];
        Some(Handoff::new(["classTaskSubmit"], params).needing(["warrant_id"]))
    }
}
