//! One checked request.

use serde_json::{Map, Value};
use tokio::time::Instant;
use upload_grant::model::grant::{Enforced, Grant, Limits, OrderedMap};
use upload_grant::model::problem::Problem;
use upload_grant::model::request::{Checksums, Mode};
use upload_grant::wire::time::Timestamp;

use super::{Context, END_MARGIN_SECS, Flow};
use crate::vendor::bucket;

/// One checked request: everything in it is allowed, and nothing is missing.
#[derive(Clone)]
pub struct UploadRequest {
    /// ULID: the grant's id and the object's name.
    pub id: String,
    /// The caller's file name.
    pub filename: String,
    /// Content type of the upload: one of the flow's.
    pub content_type: String,
    /// The caller's own spelling of it, where that is another.
    pub declared_type: Option<String>,
    /// Extension of the key.
    pub extension: String,
    /// Bytes, if known.
    pub size: Option<u64>,
    /// Most bytes.
    pub max_bytes: u64,
    /// Checksums the caller knows.
    pub checksums: Checksums,
    /// How the bytes travel: never [`Mode::Relay`] in a flow that has another mode for its own uploads.
    pub mode: Mode,
    /// The flow's parameters: defaults, the caller's own, the policy's.
    pub params: Map<String, Value>,
    /// When the request came, by our clock.
    pub now: Timestamp,
    /// When its time is up.
    pub deadline: Instant,
    /// Whose share of the memory its bytes take, as far as callers are told apart.
    pub sender: Option<String>,
}

/// What completion knows besides the receipt.
pub struct UploadContext<'a> {
    /// The content type of the upload.
    pub content_type: &'a str,
    /// The parameters of the request.
    pub params: &'a Map<String, Value>,
}

impl UploadContext<'_> {
    /// A parameter, or null.
    pub fn param(&self, name: &str) -> Value {
        self.params.get(name).cloned().unwrap_or(Value::Null)
    }
}

/// What a presigned PUT to an OSS-like store binds.
pub struct PutTerms {
    /// Headers to sign, lower-case names in order; `content-length` among them where the size is known.
    pub signed: Vec<(&'static str, String)>,
    /// Headers that the client must send.
    pub headers: OrderedMap,
    /// What the store therefore refuses by itself.
    pub enforced: Vec<Enforced>,
}

impl PutTerms {
    /// The signed headers, as signers take them.
    pub fn signed_pairs(&self) -> Vec<(&str, &str)> {
        self.signed.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

impl UploadRequest {
    /// A text parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// A text parameter that the flow's SPEC requires; it has been checked that it is there.
    pub fn required(&self, name: &str) -> &str {
        self.param(name).unwrap_or_default()
    }

    /// The grant's end: our lifetime, or [`END_MARGIN_SECS`] before the vendor's end.
    pub fn expires_at(&self, cx: &Context, vendor_end: Timestamp) -> Timestamp {
        self.now.plus(cx.settings.ttl_secs).min(vendor_end.plus(-END_MARGIN_SECS))
    }

    /// Whole seconds until `end`.
    pub fn expires_in(&self, end: Timestamp) -> i64 {
        end.unix() - self.now.unix()
    }

    /// The name of the object: the id and an extension.
    pub fn object_name(&self) -> String {
        format!("{}.{}", self.id, self.extension)
    }

    /// The object's key in the vendor's directory `dir`.
    ///
    /// # Errors
    /// `vendor_bad_response` if the directory makes it unsafe, or longer than `max_bytes`.
    pub fn key_under(&self, dir: &str, max_bytes: usize) -> Result<String, Problem> {
        let key = format!("{dir}/{}", self.object_name());
        bucket::check_key(&key, max_bytes)?;
        Ok(key)
    }

    /// Bounds of the upload with what the receiver enforces of them.
    pub fn limits(&self, enforced: &[Enforced]) -> Limits {
        Limits {
            min_bytes: self.size.unwrap_or(1),
            max_bytes: self.size.unwrap_or(self.max_bytes),
            content_types: vec![self.content_type.clone()],
            enforced: enforced.to_vec(),
        }
    }

    /// The terms of a presigned PUT, with the store's name for the header that forbids a second object. The size
    /// is signed when it is known, the MD5 when it is given.
    pub fn put_terms(&self, forbid_overwrite: &'static str) -> PutTerms {
        use Enforced::{Expiry, Key, Md5, NoOverwrite, Size, Type};
        let mut signed = Vec::with_capacity(5);
        let mut headers =
            OrderedMap::new([("Content-Type", self.content_type.as_str()), (forbid_overwrite, "true")]);
        let mut enforced = vec![Key, Type, Expiry, NoOverwrite];
        if let Some(size) = self.size {
            signed.push(("content-length", size.to_string()));
            enforced.push(Size);
        }
        if let Some(md5) = &self.checksums.md5 {
            signed.push(("content-md5", md5.clone()));
            headers.push("Content-MD5", md5.as_str());
            enforced.push(Md5);
        }
        signed.push(("content-type", self.content_type.clone()));
        signed.push((forbid_overwrite, "true".to_owned()));
        PutTerms { signed, headers, enforced }
    }

    /// A grant of this request: what is the same for every flow, with nothing optional in it.
    pub fn grant<F: Flow>(&self, url: String, key: String, expires_at: Timestamp, limits: Limits) -> Grant {
        Grant {
            version: 1,
            id: self.id.clone(),
            flow: F::SPEC.name,
            mode: self.mode,
            method: if self.mode == Mode::Form { "POST" } else { "PUT" },
            url,
            headers: OrderedMap::default(),
            fields: None,
            file_field: None,
            key,
            issued_at: self.now,
            expires_at,
            expires: self.expires_in(expires_at).max(0),
            limits,
            success_status: &[200, 201, 204],
            object: None,
            vendor: Map::new(),
            credentials: None,
            sdk: None,
            stream: None,
            complete: None,
        }
    }
}
