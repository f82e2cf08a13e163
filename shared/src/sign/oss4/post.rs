//! Alibaba Cloud OSS, signature V4: the POST form of PostObject.
//!
//! <https://help.aliyun.com/zh/oss/developer-reference/signature-version-4-recommend>

use hmac::Mac;
use serde_json::json;

use super::{Key, VERSION};
use crate::encode::{base64, digest_hex};
use crate::time::Timestamp;

/// An upload of one object, bound as tightly as a policy can bind it.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The object's key, exactly.
    pub object: &'a str,
    /// The id of the key that signs.
    pub access_key_id: &'a str,
    /// The STS token, raw.
    pub token: Option<&'a str>,
    /// The file's type, exactly.
    pub content_type: &'a str,
    /// Smallest size of the file.
    pub min_bytes: u64,
    /// Largest size of the file.
    pub max_bytes: u64,
    /// When the policy ends.
    pub expiration: Timestamp,
}

impl Post<'_> {
    /// Who signs, and when.
    fn identity(&self, key: &Key, at: Timestamp) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("x-oss-signature-version", VERSION.to_owned()),
            ("x-oss-credential", format!("{}/{}", self.access_key_id, key.scope)),
            ("x-oss-date", at.iso_basic().to_string()),
        ];
        fields.extend(self.token.map(|token| ("x-oss-security-token", token.to_owned())));
        fields
    }

    /// What is uploaded. `x-oss-content-type` would win over `content-type`, so both are bound.
    fn upload(&self) -> [(&'static str, &str); 5] {
        [
            ("key", self.object),
            ("content-type", self.content_type),
            ("x-oss-content-type", self.content_type),
            ("x-oss-forbid-overwrite", "true"),
            ("success_action_status", "200"),
        ]
    }

    /// Step 1: the policy, JSON text. It names every field of the form, and the size.
    pub fn policy(&self, key: &Key, at: Timestamp) -> String {
        let mut conditions = vec![json!({"bucket": self.bucket})];
        conditions.extend(self.identity(key, at).iter().map(|(name, value)| json!({ *name: value })));
        conditions.extend(self.upload().map(|(name, value)| json!(["eq", format!("${name}"), value])));
        conditions.push(json!(["content-length-range", self.min_bytes, self.max_bytes]));
        json!({"expiration": &*self.expiration.iso_millis(), "conditions": conditions}).to_string()
    }
}

/// Steps 2 to 4: the signature of a policy; the string to sign is its base64 text.
pub fn sign(key: &Key, policy_base64: &str) -> String {
    let mac = key.mac.clone().chain_update(policy_base64);
    digest_hex(&mac.finalize().into_bytes()).to_string()
}

/// The fields of the form, in the order to send them; the field `file` follows last.
pub fn form(key: &Key, post: &Post<'_>, at: Timestamp) -> Vec<(String, String)> {
    let policy = base64(post.policy(key, at).as_bytes());
    let signature = sign(key, &policy);
    let upload = post.upload().map(|(name, value)| (name, value.to_owned()));
    let fields = upload.into_iter().chain(post.identity(key, at));
    let signed = [("policy", policy), ("x-oss-signature", signature)];
    fields.chain(signed).map(|(name, value)| (name.to_owned(), value)).collect()
}
