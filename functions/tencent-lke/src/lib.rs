#![doc = include_str!("../README.md")]

mod answer;
mod credential;
mod doctor;
mod handoff;
mod limits;
mod vendor_url;

use serde_json::json;
use upload_grant::model::grant::{Credentials, Enforced, Grant, Object};
use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::receipt::{Handoff, Receipt};
use upload_grant::model::request::Mode;
use upload_grant::sign::cos;
use upload_grant_runtime::flow::{Ask, Bound, Context, Flow, Kind, Param, SetBy, Spec};
use upload_grant_runtime::platform::{Env, KeyRing};
use upload_grant_runtime::vendor::store_bucket;

use crate::answer::UsableKeys;
use crate::credential::{LkeApi, Place, bad};

/// As the vendor's SDKs do: a store whose clock is behind ours still accepts.
const BACKDATE: i64 = -60;

/// The flow: a client of LKE.
pub struct Lke {
    api: LkeApi,
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
            .env("LKE_BOT_BIZ_ID")
            .required(),
            Param::new("is_public", Kind::Bool, "LKE: true only for images of a chat").set_by(SetBy::Caller),
            Param::new(
                "type_key",
                Kind::OneOf(&["offline", "realtime"]),
                "LKE: knowledge-base document, or chat file",
            )
            .or("offline")
            .set_by(SetBy::Caller),
        ],
        modes: &[Mode::Put, Mode::Relay, Mode::Credentials],
        quota: Some(100.0), // per account, by the page above
        collect: &["etag", "x-cos-hash-crc64ecma"],
        private: &["file_url"], // the vendor signs it for reading
        ..Spec::DEFAULT
    };

    fn from_env(env: &mut Env) -> Self {
        Self { api: LkeApi::from_env(env) }
    }

    fn keys(&self) -> Option<&KeyRing> {
        Some(&self.api.keys)
    }

    async fn grant(&self, cx: &Context, ask: &Ask) -> Result<Grant, Problem> {
        let answer = self.api.describe(cx, ask).await?;
        let upload_path = answer.upload_path.clone().filter(|path| !path.is_empty()).ok_or_else(|| {
            Problem::new(Code::VendorBadResponse, "the vendor's credential is for downloads only")
        })?;
        let place = self.api.place(cx, &answer, &upload_path, ask)?;
        let mut grant = match (answer.usable_keys(), &answer.upload_url) {
            (Some(keys), _) if ask.mode == Mode::Credentials => credentials(cx, ask, &place, &keys),
            (Some(keys), _) => put(cx, ask, &place, &keys),
            (None, Some(url)) if !url.is_empty() && ask.mode != Mode::Credentials => {
                vendor_url::grant(cx, ask, &place, url, self.api.cos_endpoint.as_deref())?
            }
            (None, _) => return Err(bad("no usable credentials")),
        };
        grant.object = Some(Object {
            bucket: place.bucket.name.clone(),
            region: place.region,
            endpoint: place.bucket.endpoint.clone(),
            location: place.bucket.location(&grant.key),
        });
        grant.vendor.insert("upload_path".into(), upload_path.into());
        for (name, value) in [("file_url", answer.file_url), ("request_id", answer.request_id)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                grant.vendor.insert(name.into(), value.into());
            }
        }
        Ok(grant)
    }

    fn handoff(&self, receipt: &Receipt, bound: &Bound<'_>) -> Option<Handoff> {
        Some(handoff::of(receipt, bound))
    }
}

/// A presigned PUT with the token as a signed query parameter.
fn put(cx: &Context, ask: &Ask, place: &Place, (id, secret, token): &UsableKeys<'_>) -> Grant {
    let end = ask.expires_at(cx, place.expires_at);
    let start = cx.vendor.corrected(ask.now.plus(BACKDATE));
    let terms = ask.put_terms("x-cos-forbid-overwrite");
    let mut signed = terms.signed();
    signed.push(("host", store_bucket::authority(&place.bucket.host)));
    signed.sort_unstable();
    let presign = cos::Presign {
        method: "put",
        base: &place.bucket.host,
        // COS signs the path as it is sent, the bucket of path style included.
        path: &format!("{}/{}", place.bucket.root, place.key),
        params: &[(cos::TOKEN, token.expose())],
        headers: &signed,
        secret_id: id,
    };
    let url = cos::presign(&cos::key(secret, start, cx.vendor.corrected(end)), &presign);
    let mut grant = ask.grant::<Lke>(url, place.key.clone(), end, ask.limits(&terms.enforced));
    grant.headers = terms.headers;
    grant
}

/// The keys themselves, for cos-js-sdk-v5: the vendor bound them to one path.
fn credentials(cx: &Context, ask: &Ask, place: &Place, (id, secret, token): &UsableKeys<'_>) -> Grant {
    let expires_at = ask.expires_at(cx, place.expires_at);
    let url = place.bucket.location(&place.key);
    let mut grant = ask.grant::<Lke>(url, place.key.clone(), expires_at, ask.limits(&[Enforced::Key]));
    grant.credentials = Some(Credentials {
        access_key_id: (*id).to_owned(),
        secret_access_key: secret.expose().to_owned(),
        session_token: token.expose().to_owned(),
        expiration: place.expires_at,
    });
    grant.sdk = Some(json!({ "cos-js-sdk-v5": {
        "TmpSecretId": id,
        "TmpSecretKey": secret.expose(),
        "SecurityToken": token.expose(),
        "StartTime": cx.vendor.corrected(ask.now.plus(BACKDATE)).unix(),
        "ExpiredTime": cx.vendor.corrected(place.expires_at).unix(),
        // Without it the SDK would use these keys for the next file too.
        "ScopeLimit": true,
        "Bucket": place.bucket.name,
        "Region": place.region,
        "Key": place.key,
    }}));
    grant
}
