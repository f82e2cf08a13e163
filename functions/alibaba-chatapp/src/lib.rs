//! Alibaba Cloud chat-app messaging (CAMS): media for WhatsApp and Viber messages.
//!
//! `GetChatappUploadAuthorization` answers STS keys for a directory of the vendor's OSS bucket. They stay here;
//! every grant is signed locally for one object.
//! <https://www.alibabacloud.com/help/en/chatapp/developer-reference/api-cams-2020-06-06-getchatappuploadauthorization>

mod doctor;
mod endpoint;
mod limits;
mod sts;
mod twin;

use std::sync::Arc;

use serde_json::{Map, Value, json};
use upload_grant::cache::Cache;
use upload_grant::config::{Env, KeyRing};
use upload_grant::doctor::{Chart, Report};
use upload_grant::flow::{Ask, Bound, Context, Flow};
use upload_grant::grant::{Credentials, Enforced, Grant, Object, Pairs};
use upload_grant::media::Accepted;
use upload_grant::problem::Problem;
use upload_grant::receipt::{Handoff, Receipt};
use upload_grant::request::Mode;
use upload_grant::sign::oss4;
use upload_grant::storage;
use upload_grant::upload::{self, Body, Stored};
use upload_grant::vendor::alibaba;

use crate::sts::Sts;

/// The longest object key OSS takes, in bytes.
const MAX_KEY: usize = 1023;

/// The flow's settings and cached keys.
pub struct Chatapp {
    keys: KeyRing,
    endpoint: String,
    cust_space_id: Option<String>,
    oss_endpoint: Option<String>,
    oss_region: Option<String>,
    sts: Cache<Sts>,
}

impl Flow for Chatapp {
    const NAME: &'static str = "alibaba-chatapp";
    const TYPES: &'static [Accepted] = limits::TYPES;
    const PARAMS: &'static [&'static str] = &["cust_space_id"];
    const QUOTA: Option<f64> = Some(5.0);
    const BOUNDED: &'static [Mode] = &[Mode::Form];
    const COLLECT: &'static [&'static str] = &["etag", "x-oss-hash-crc64ecma"];

    fn configure(env: &mut Env) -> Self {
        Self {
            keys: alibaba::keys(env),
            endpoint: env.endpoint("CAMS_ENDPOINT", "https://cams.ap-southeast-1.aliyuncs.com"),
            cust_space_id: env.param("CAMS_CUST_SPACE_ID"),
            oss_endpoint: env.optional_endpoint("OSS_ENDPOINT"),
            oss_region: env.get("OSS_REGION"),
            sts: Cache::new("sts"),
        }
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Form, Mode::Put, Mode::Relay, Mode::Credentials]
    }

    fn key_ring(&self) -> Option<&KeyRing> {
        Some(&self.keys)
    }

    fn defaults(&self) -> Map<String, Value> {
        self.cust_space_id.iter().map(|id| ("cust_space_id".into(), id.as_str().into())).collect()
    }

    fn check(&self, ask: &Ask) -> Result<(), Problem> {
        ask.need("cust_space_id", "CAMS_CUST_SPACE_ID").map(drop)
    }

    async fn grant(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask) -> Result<Grant, Problem> {
        let sts = self.sts(cx, ask).await?;
        let key = format!("{}/{}", sts.dir, ask.object_name());
        storage::check_key(&key, MAX_KEY)?;
        let mut grant = match ask.mode {
            Mode::Form => form(cx, ask, &sts, key),
            Mode::Credentials => credentials(cx, ask, &sts, key),
            Mode::Put | Mode::Relay => put(cx, ask, &sts, key),
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

    async fn upload(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask, body: Body) -> Result<Stored, Problem> {
        let grant = self.grant(cx, ask).await?;
        let (reply, digests) = upload::exchange(cx, &grant, ask, body).await?;
        if upload::is_twin(&reply) {
            return self.twin(cx, ask, grant, digests).await;
        }
        upload::stored(&grant, &reply, digests)
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
        Some(Handoff::new(
            ["CreateChatappTemplate", "SendChatappMessage"],
            [("url", json!(receipt.location))],
        ))
    }
}

/// PostObject with a V4 policy that names everything the form may hold.
fn form(cx: &Context, ask: &Ask, sts: &Sts, key: String) -> Grant {
    use Enforced::{Expiry, Key, NoOverwrite, Size, Type};
    let at = cx.vendor.corrected(ask.now);
    let limits = ask.limits(&[Key, Size, Type, Expiry, NoOverwrite]);
    let expires_at = ask.expires_at(cx, sts.expires_at);
    let post = oss4::post::Post {
        bucket: &sts.bucket.name,
        object: &key,
        access_key_id: &sts.id,
        token: Some(sts.token.expose()),
        content_type: &ask.content_type,
        min_bytes: limits.min_bytes,
        max_bytes: limits.max_bytes,
        expiration: cx.vendor.corrected(expires_at),
    };
    let fields = oss4::post::form(&sts.key(at), &post, at);
    let mut grant = ask.grant::<Chatapp>(format!("{}/", sts.bucket.base()), key, expires_at, limits);
    grant.fields = Some(Pairs(fields));
    grant.file_field = Some("file");
    grant
}

/// A presigned PUT; the size is signed when it is known, the MD5 when it is given.
fn put(cx: &Context, ask: &Ask, sts: &Sts, key: String) -> Grant {
    use Enforced::{Expiry, Key, Md5, NoOverwrite, Size, Type};
    let at = cx.vendor.corrected(ask.now);
    let expires_at = ask.expires_at(cx, sts.expires_at);
    let length = ask.size.map(|size| size.to_string());
    let md5 = ask.checksums.md5.as_deref();
    let mut signed = Vec::with_capacity(4);
    signed.extend(length.as_deref().map(|length| ("content-length", length)));
    signed.extend(md5.map(|md5| ("content-md5", md5)));
    signed.push(("content-type", &*ask.content_type));
    signed.push(("x-oss-forbid-overwrite", "true"));
    let presign = oss4::Presign {
        method: "PUT",
        base: &sts.bucket.base(),
        bucket: &sts.bucket.name,
        object: &key,
        access_key_id: &sts.id,
        token: Some(sts.token_encoded.expose()),
        headers: &signed,
        additional: if length.is_some() { &["content-length"] } else { &[] },
        expires: u32::try_from((expires_at.unix() - ask.now.unix()).max(1)).unwrap_or(1),
    };
    let url = oss4::presign(&sts.key(at), &presign, at);
    let mut enforced = vec![Key, Type, Expiry, NoOverwrite];
    enforced.extend(length.as_ref().map(|_| Size));
    enforced.extend(md5.map(|_| Md5));
    let mut headers = Pairs::new([("Content-Type", &*ask.content_type), ("x-oss-forbid-overwrite", "true")]);
    if let Some(md5) = md5 {
        headers.push("Content-MD5", md5);
    }
    let mut grant = ask.grant::<Chatapp>(url, key, expires_at, ask.limits(&enforced));
    grant.headers = headers;
    grant
}

/// The STS keys themselves, for ali-oss: nothing but their directory binds them.
fn credentials(cx: &Context, ask: &Ask, sts: &Sts, key: String) -> Grant {
    let url = sts.bucket.location(&key);
    let mut grant = ask.grant::<Chatapp>(url, key, ask.expires_at(cx, sts.expires_at), ask.limits(&[]));
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
