//! Tencent Cloud LKE: documents and images for a large-model knowledge application.
//!
//! `DescribeStorageCredential` answers temporary COS keys for one path. They are never reused: one file, one call.
//! <https://www.tencentcloud.com/document/product/1254/70431>

mod answer;
mod doctor;
mod handoff;
mod limits;

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use upload_grant::config::{Env, KeyNames, KeyRing};
use upload_grant::doctor::{Chart, Report};
use upload_grant::encode;
use upload_grant::flow::{Ask, Bound, Context, Flow};
use upload_grant::grant::{Credentials, Enforced, Grant, Object, Pairs};
use upload_grant::media::Accepted;
use upload_grant::problem::{Code, Problem};
use upload_grant::receipt::{Handoff, Receipt};
use upload_grant::request::Mode;
use upload_grant::secret::Secret;
use upload_grant::sign::{cos, tc3};
use upload_grant::storage::{self, Bucket};
use upload_grant::time::Timestamp;
use upload_grant::vendor::{Attempt, Outgoing};

use crate::answer::{Answer, UsableKeys};

const SERVICE: &str = "lke";
const ACTION: &str = "DescribeStorageCredential";
const VERSION: &str = "2023-11-30";
/// The longest object key COS takes, in bytes.
const MAX_KEY: usize = 850;
/// As the vendor's SDKs do: a store whose clock is behind ours still accepts.
const BACKDATE: i64 = -60;

/// The flow's settings.
pub struct Lke {
    keys: KeyRing,
    endpoint: String,
    region: String,
    bot_biz_id: Option<String>,
    cos_endpoint: Option<String>,
}

/// What of the answer a grant is made of.
struct Place {
    bucket: Bucket,
    region: String,
    key: String,
    expires_at: Timestamp,
}

impl Flow for Lke {
    const NAME: &'static str = "tencent-lke";
    const TYPES: &'static [Accepted] = limits::TYPES;
    const PARAMS: &'static [&'static str] = &["bot_biz_id", "is_public", "type_key"];
    const QUOTA: Option<f64> = Some(100.0);
    const COLLECT: &'static [&'static str] = &["etag", "x-cos-hash-crc64ecma"];

    /// The vendor signs the URL for reading.
    const GRANT_ONLY: &'static [&'static str] = &["file_url"];

    fn configure(env: &mut Env) -> Self {
        Self {
            keys: env.key_ring(
                [
                    KeyNames {
                        id: "TENCENT_SECRET_ID",
                        secret: "TENCENT_SECRET_KEY",
                        token: &["TENCENT_TOKEN", "TENCENT_SECRET_TOKEN"],
                    },
                    // What SCF injects for the function's role.
                    KeyNames {
                        id: "TENCENTCLOUD_SECRETID",
                        secret: "TENCENTCLOUD_SECRETKEY",
                        token: &["TENCENTCLOUD_SESSIONTOKEN"],
                    },
                    KeyNames {
                        id: "TENCENTCLOUD_SECRET_ID",
                        secret: "TENCENTCLOUD_SECRET_KEY",
                        token: &["TENCENTCLOUD_TOKEN"],
                    },
                ],
                "TENCENTCLOUD_RUNENV",
                "TENCENTCLOUD_SECRETID",
            ),
            endpoint: env.endpoint("LKE_ENDPOINT", "https://lke.intl.tencentcloudapi.com"),
            region: env.get("LKE_REGION").unwrap_or_else(|| "ap-jakarta".into()),
            bot_biz_id: env.param("LKE_BOT_BIZ_ID"),
            cos_endpoint: env.optional_endpoint("COS_ENDPOINT"),
        }
    }

    fn modes(&self) -> &'static [Mode] {
        &[Mode::Put, Mode::Relay, Mode::Credentials]
    }

    fn key_ring(&self) -> Option<&KeyRing> {
        Some(&self.keys)
    }

    fn defaults(&self) -> Map<String, Value> {
        let type_key = ("type_key".to_owned(), "offline".into());
        let bot_biz_id = self.bot_biz_id.iter().map(|id| ("bot_biz_id".to_owned(), id.as_str().into()));
        bot_biz_id.chain([type_key]).collect()
    }

    fn check(&self, ask: &Ask) -> Result<(), Problem> {
        ask.need("bot_biz_id", "LKE_BOT_BIZ_ID")?;
        if !matches!(type_key(ask), "offline" | "realtime") {
            return Err(Problem::invalid("/params/type_key", "one of offline, realtime is expected"));
        }
        Ok(())
    }

    async fn grant(self: &Arc<Self>, cx: &Arc<Context>, ask: &Ask) -> Result<Grant, Problem> {
        let answer = self.describe(cx, ask).await?;
        let upload_path = answer.upload_path.clone().filter(|path| !path.is_empty()).ok_or_else(|| {
            Problem::new(Code::VendorBadResponse, "the vendor's credential is for downloads only")
        })?;
        let place = self.place(cx, &answer, &upload_path, ask)?;
        let mut grant = match (answer.usable_keys(), &answer.upload_url) {
            (Some(keys), _) if ask.mode == Mode::Credentials => credentials(cx, ask, &place, &keys),
            (Some(keys), _) => put(cx, ask, &place, &keys),
            (None, Some(url)) if !url.is_empty() && ask.mode != Mode::Credentials => {
                self.vendor_signed(cx, ask, &place, url)?
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
        Some(handoff::of(receipt, bound))
    }
}

impl Lke {
    async fn describe(&self, cx: &Context, ask: &Ask) -> Result<Answer, Problem> {
        let body = json!({
            "BotBizId": ask.need("bot_biz_id", "LKE_BOT_BIZ_ID")?,
            // Without a file type the vendor answers a key for downloads.
            "FileType": ask.extension,
            "IsPublic": ask.params.get("is_public").and_then(Value::as_bool).unwrap_or(false),
            "TypeKey": type_key(ask),
        });
        let body = Bytes::from(body.to_string());
        cx.vendor.call(ask.deadline, |attempt| self.sign(attempt, &body), answer::read).await
    }

    fn sign(&self, attempt: &Attempt, body: &Bytes) -> Outgoing {
        let keys = self.keys.get();
        let call = tc3::Call {
            host: storage::authority(&self.endpoint),
            action: ACTION,
            version: VERSION,
            region: Some(&self.region),
            language: Some("en-US"),
            body,
            secret_id: &keys.id,
            token: keys.token.as_ref().map(Secret::expose),
        };
        let headers = tc3::headers(&tc3::key(&keys.secret, SERVICE, attempt.at), &call, attempt.at);
        Outgoing {
            method: http::Method::POST,
            url: format!("{}/", self.endpoint),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.clone(),
        }
    }

    /// Bucket, key and end of what was answered.
    fn place(&self, cx: &Context, answer: &Answer, upload_path: &str, ask: &Ask) -> Result<Place, Problem> {
        let need = |value: &Option<String>, name: &str| {
            value.clone().filter(|value| !value.is_empty()).ok_or_else(|| bad(&format!("no {name}")))
        };
        let region = need(&answer.region, "Region")?;
        let kind = answer.r#type.as_deref().filter(|kind| !kind.is_empty()).unwrap_or("cos");
        let host = format!("{kind}.{region}.myqcloud.com");
        let bucket = Bucket::new(
            &need(&answer.bucket, "Bucket")?,
            &host,
            "myqcloud.com",
            self.cos_endpoint.as_deref(),
        )?;
        let key = upload_path.strip_prefix('/').unwrap_or(upload_path).to_owned();
        storage::check_key(&key, MAX_KEY)?;
        let end = Timestamp::from_unix(answer.expired_time.ok_or_else(|| bad("no ExpiredTime"))?);
        let expires_at = cx.vendor.by_our_clock(end);
        if ask.expires_in(expires_at) <= 30 {
            return Err(bad("an expired credential"));
        }
        Ok(Place { bucket, region, key, expires_at })
    }

    /// The vendor's own presigned URL: it says itself what it binds.
    fn vendor_signed(&self, cx: &Context, ask: &Ask, place: &Place, signed: &str) -> Result<Grant, Problem> {
        let (address, query) = signed.split_once('?').ok_or_else(|| bad("no signature in its URL"))?;
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(other, _)| *other == name)
                .map(|(_, value)| value.replace("%3B", ";").replace("%3b", ";"))
        };
        let expires_at = parameter("q-sign-time")
            .and_then(|time| time.split_once(';')?.1.parse().ok())
            .map(|end| cx.vendor.by_our_clock(Timestamp::from_unix(end)))
            .filter(|end| *end > ask.now)
            .ok_or_else(|| bad("no expiry in its URL"))?;
        let host = storage::authority(address);
        let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
        let mut named = String::new();
        encode::percent_path(&mut named, &place.key);
        let bucket = &place.bucket;
        let (url, names_key) = if self.cos_endpoint.as_deref().map(storage::authority) == Some(host) {
            (
                signed.to_owned(),
                path.is_some_and(|path| format!("/{path}") == format!("{}/{named}", bucket.root)),
            )
        } else if storage::is_under(host, "myqcloud.com") || storage::is_under(host, "tencentcos.cn") {
            let base = if bucket.root.is_empty() { format!("https://{host}") } else { bucket.base() };
            (format!("{base}/{named}?{query}"), path == Some(&*named))
        } else {
            return Err(bad("a URL that is not the vendor's"));
        };
        if !names_key {
            return Err(bad("a URL for another path"));
        }
        let limits = ask.limits(&[Enforced::Key, Enforced::Expiry]);
        let mut grant = ask.grant::<Self>(url, place.key.clone(), expires_at, limits);
        grant.headers = Pairs::new([("Content-Type", &*ask.content_type)]);
        Ok(grant)
    }
}

fn type_key(ask: &Ask) -> &str {
    ask.param("type_key").unwrap_or("offline")
}

/// A presigned PUT with the token as a signed query parameter.
fn put(cx: &Context, ask: &Ask, place: &Place, (id, secret, token): &UsableKeys<'_>) -> Grant {
    use Enforced::{Expiry, Key, Md5, NoOverwrite, Size, Type};
    let expires_at = ask.expires_at(cx, place.expires_at);
    let start = cx.vendor.corrected(ask.now.plus(BACKDATE));
    let length = ask.size.map(|size| size.to_string());
    let md5 = ask.checksums.md5.as_deref();
    let mut signed = Vec::with_capacity(5);
    signed.extend(length.as_deref().map(|length| ("content-length", length)));
    signed.extend(md5.map(|md5| ("content-md5", md5)));
    signed.push(("content-type", &*ask.content_type));
    signed.push(("host", storage::authority(&place.bucket.host)));
    signed.push(("x-cos-forbid-overwrite", "true"));
    let presign = cos::Presign {
        method: "put",
        base: &place.bucket.host,
        // COS signs the path as it is sent, the bucket of path style included.
        path: &format!("{}/{}", place.bucket.root, place.key),
        params: &[(cos::TOKEN, token.expose())],
        headers: &signed,
        secret_id: id,
    };
    let url = cos::presign(&cos::key(secret, start, cx.vendor.corrected(expires_at)), &presign);
    let mut enforced = vec![Key, Type, Expiry, NoOverwrite];
    enforced.extend(length.as_ref().map(|_| Size));
    enforced.extend(md5.map(|_| Md5));
    let mut grant = ask.grant::<Lke>(url, place.key.clone(), expires_at, ask.limits(&enforced));
    grant.headers = Pairs::new([("Content-Type", &*ask.content_type), ("x-cos-forbid-overwrite", "true")]);
    if let Some(md5) = md5 {
        grant.headers.push("Content-MD5", md5);
    }
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

fn bad(what: &str) -> Problem {
    Problem::new(Code::VendorBadResponse, format!("the vendor's answer has {what}"))
}
