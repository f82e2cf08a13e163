#![doc = include_str!("../README.md")]

mod cams;
mod doctor;
mod endpoint;
mod limits;

use std::sync::Arc;

use serde_json::json;
use upload_grant::model::grant::{Credentials, Enforced, Grant, Object, OrderedMap};
use upload_grant::model::problem::Problem;
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant::sign::oss4;
use upload_grant_runtime::flow::{Cached, Context, Flow, Kind, Param, Spec, UploadContext, UploadRequest};
use upload_grant_runtime::platform::{Env, KeyRing, clock};
use upload_grant_runtime::transfer::{self, Body, StoredObject};
use upload_grant_runtime::vendor::bucket::OSS_MAX_KEY;

use crate::cams::{Cams, Sts};

/// The flow: a client of CAMS, and the keys it has fetched.
pub struct Chatapp {
    sts: Cached<Cams>,
}

impl Flow for Chatapp {
    const SPEC: Spec = Spec {
        name: "alibaba-chatapp",
        types: limits::TYPES,
        params: &[Param::new("cust_space_id", Kind::Text, "CAMS customer space")
            .env("CAMS_CUST_SPACE_ID")
            .required()],
        modes: &[Mode::Form, Mode::Put, Mode::Relay, Mode::Credentials],
        // Per account:
        // <https://www.alibabacloud.com/help/en/chatapp/developer-reference/api-cams-2020-06-06-getchatappuploadauthorization>
        quota: Some(5.0),
        collect: &["etag", "x-oss-hash-crc64ecma"],
        companion: true,
        bounded: &[Mode::Form],
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        Self { sts: Cached::new("sts", Cams::from_env(env)) }
    }

    fn keys(&self) -> Option<&KeyRing> {
        Some(&self.sts.source().keys)
    }

    async fn grant(&self, cx: &Context, upload: &UploadRequest) -> Result<Grant, Problem> {
        let sts = self.sts(cx, upload).await?;
        let key = upload.key_under(&sts.dir, OSS_MAX_KEY)?;
        let mut grant = match upload.mode {
            Mode::Form => form(cx, upload, &sts, key),
            Mode::Put | Mode::Relay => put(cx, upload, &sts, key),
            Mode::Credentials => credentials(cx, upload, &sts, key),
        };
        grant.object = Some(Object {
            bucket: sts.bucket.name.clone(),
            region: sts.region.clone(),
            endpoint: sts.bucket.endpoint.clone(),
            location: sts.bucket.location(&grant.key),
        });
        grant.vendor.extend(sts.request_id.iter().map(|id| ("request_id".to_owned(), json!(id))));
        Ok(grant)
    }

    /// OSS refuses a second object under a key: one with the same bytes is this upload, whose response was lost.
    async fn upload(
        &self,
        cx: &Context,
        upload: &UploadRequest,
        body: Body,
    ) -> Result<StoredObject, Problem> {
        let grant = self.grant(cx, upload).await?;
        let key = grant.key.clone();
        let look = async {
            let sts = self.sts(cx, upload).await?;
            Ok(sts.presign_head(&key, cx.vendor.to_vendor_time(clock::now())))
        };
        let promised = (upload.size, &upload.checksums);
        transfer::send_once(cx.vendor.client(), grant, body, upload.deadline, promised, look).await
    }

    /// `url` goes into a header of the template's `Components`, or as `link` into the message's `Content`.
    fn handoff(&self, receipt: &Receipt, context: &UploadContext<'_>) -> Option<Handoff> {
        let actions = ["CreateChatappTemplate", "SendChatappMessage"];
        let params = [("url", json!(receipt.location)), ("CustSpaceId", context.param("cust_space_id"))];
        let template = ["Category", "Components", "Language", "Name", "TemplateType"];
        let message = ["ChannelType", "Content", "From", "MessageType", "To", "Type"];
        Some(Handoff::new(actions, params).needing(template).needing(message))
    }
}

impl Chatapp {
    /// The space's keys: one vendor call serves every grant until shortly before they end.
    async fn sts(&self, cx: &Context, upload: &UploadRequest) -> Result<Arc<Sts>, Problem> {
        self.sts.get(cx, &upload.required("cust_space_id").to_owned(), upload.deadline).await
    }
}

/// PostObject with a V4 policy that names everything the form may hold.
fn form(cx: &Context, upload: &UploadRequest, sts: &Sts, key: String) -> Grant {
    use Enforced::{Expiry, Key, NoOverwrite, Size, Type};
    let (at, end) = (cx.vendor.to_vendor_time(upload.now), upload.expires_at(cx, sts.expires_at));
    let limits = upload.limits(&[Key, Size, Type, Expiry, NoOverwrite]);
    let post = oss4::post::Post {
        bucket: &sts.bucket.name,
        object: &key,
        access_key_id: &sts.id,
        token: Some(sts.token.expose()),
        content_type: &upload.content_type,
        min_bytes: limits.min_bytes,
        max_bytes: limits.max_bytes,
        expiration: cx.vendor.to_vendor_time(end),
    };
    let fields = oss4::post::form(&sts.key(at), &post, at);
    let mut grant = upload.grant::<Chatapp>(format!("{}/", sts.bucket.base()), key, end, limits);
    grant.fields = Some(OrderedMap(fields));
    grant.file_field = Some("file");
    grant
}

/// A presigned PUT; the size is signed when it is known, the MD5 when it is given.
fn put(cx: &Context, upload: &UploadRequest, sts: &Sts, key: String) -> Grant {
    let (at, end) = (cx.vendor.to_vendor_time(upload.now), upload.expires_at(cx, sts.expires_at));
    let terms = upload.put_terms("x-oss-forbid-overwrite");
    let url = sts.presign("PUT", &key, &terms.signed_pairs(), upload.expires_in(end), at);
    let mut grant = upload.grant::<Chatapp>(url, key, end, upload.limits(&terms.enforced));
    grant.headers = terms.headers;
    grant
}

/// The STS keys themselves, for ali-oss: nothing but their directory binds them.
fn credentials(cx: &Context, upload: &UploadRequest, sts: &Sts, key: String) -> Grant {
    let end = upload.expires_at(cx, sts.expires_at);
    let mut grant = upload.grant::<Chatapp>(sts.bucket.location(&key), key, end, upload.limits(&[]));
    grant.credentials = Some(Credentials {
        access_key_id: sts.id.clone(),
        secret_access_key: sts.secret.expose().to_owned(),
        session_token: sts.token.expose().to_owned(),
        expiration: sts.expires_at,
    });
    grant.sdk = Some(json!({ "ali-oss": {
        "accessKeyId": sts.id,
        "accessKeySecret": sts.secret.expose(),
        "stsToken": sts.token.expose(),
        "bucket": sts.bucket.name,
        "endpoint": sts.bucket.endpoint,
        "region": format!("oss-{}", sts.region),
        "secure": sts.bucket.endpoint.starts_with("https://"),
        "authorizationV4": true,
        // Path style, which only a store on loopback has.
        "sldEnable": !sts.bucket.root.is_empty(),
    }}));
    grant
}
