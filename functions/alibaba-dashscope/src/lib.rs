#![doc = include_str!("../README.md")]

mod doctor;
mod policy;

use serde_json::json;
use upload_grant::model::grant::{Grant, OrderedMap};
use upload_grant::model::media::{Others, Types};
use upload_grant::model::problem::Problem;
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant_runtime::flow::{Cached, Context, Flow, Kind, Param, Spec, UploadContext, UploadRequest};
use upload_grant_runtime::platform::Env;
use upload_grant_runtime::transfer::{self, Body, StoredObject};
use upload_grant_runtime::vendor::bucket::OSS_MAX_KEY;
use upload_grant_runtime::vendor::post_policy;

use crate::policy::Uploads;

/// `max_file_size_mb` of a live answer, for files whose size nobody says.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// The flow: a client of DashScope, and the forms it has fetched.
pub struct Dashscope {
    forms: Cached<Uploads>,
}

impl Flow for Dashscope {
    const SPEC: Spec = Spec {
        name: "alibaba-dashscope",
        types: Types { listed: &[], others: Others::Taken { max_bytes: MAX_BYTES } },
        params: &[Param::new("model", Kind::Text, "DashScope: the model that will read the file")
            .env("DASHSCOPE_MODEL")
            .required()],
        modes: &[Mode::Form, Mode::Relay],
        // Per account and model: <https://help.aliyun.com/zh/model-studio/get-temporary-file-url>
        quota: Some(100.0),
        collect: &["etag", "x-oss-hash-crc64ecma"],
        companion: true,
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        Self { forms: Cached::new("form", Uploads::from_env(env)) }
    }

    fn account(&self) -> String {
        self.forms.source().account.clone()
    }

    async fn grant(&self, cx: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        let form = self.forms.get(cx, &upload.required("model").to_owned(), upload.deadline).await?;
        let key = upload.key_under(&form.dir, OSS_MAX_KEY)?;
        let mut limits = upload.limits(&form.bound.enforced());
        post_policy::narrow(&mut limits, form.max_bytes)?;
        let url = format!("{}/", form.bucket.base());
        let mut grant = upload.grant::<Self>(url, key, form.bound.expires_at, limits);
        // In the order of the vendor's own client.
        let mut fields = OrderedMap::new([
            ("OSSAccessKeyId", &*form.access_id),
            ("Signature", form.signature.expose()),
            ("policy", form.policy.expose()),
            ("key", &*grant.key),
        ]);
        form.bound_fields.iter().for_each(|(name, value)| fields.push(name, value.as_str()));
        fields.push("success_action_status", "200");
        fields.push("x-oss-content-type", upload.content_type.as_str());
        grant.fields = Some(fields);
        grant.file_field = Some("file");
        grant.object = Some(form.bucket.object(&grant.key));
        grant.vendor.extend(form.request_id.iter().map(|id| ("request_id".to_owned(), json!(id))));
        Ok(grant)
    }

    /// Where the policy forbids a second object under a key, one that is already there is this upload's own, whose
    /// response was lost.
    async fn upload(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        body: Body,
    ) -> Result<StoredObject, Problem> {
        let grant = self.grant(cx, upload).await?;
        // There is no key here to sign a HEAD with: the store refuses it, and the receipt is silent on the content.
        let look = grant.object.as_ref().map(|object| object.location.clone()).unwrap_or_default();
        let (promised, look) = ((upload.size, &upload.checksums), std::future::ready(Ok(look)));
        transfer::send_once(cx.vendor.client(), grant, body, upload.deadline, promised, look).await
    }

    fn handoff(&self, receipt: &Receipt, _: &UploadContext<'_>) -> Option<Handoff> {
        // The calls of the vendor's client that take files; without the header none of them resolves the URL.
        let actions = ["MultiModalConversation", "VideoSynthesis", "Transcription"];
        let headers = json!({ "X-DashScope-OssResourceResolve": "enable" });
        Some(Handoff::new(actions, [("url", json!(format!("oss://{}", receipt.key))), ("headers", headers)]))
    }
}
