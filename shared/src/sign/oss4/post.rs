//! Alibaba Cloud OSS, signature V4: the POST form of PostObject.
//!
//! <https://help.aliyun.com/zh/oss/developer-reference/signature-version-4-recommend>

use hmac::Mac;
use serde::{Serialize, Serializer};

use super::{Key, VERSION};
use crate::wire::encode::{base64, digest_hex};
use crate::wire::time::Timestamp;

/// An upload of one object, bound as tightly as a policy can bind it.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The object's key, exactly.
    pub object: &'a str,
    /// The id of the key that signs.
    pub access_key_id: &'a str,
    /// The STS token of temporary credentials, raw; an empty one is none.
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
    /// `{key id}/{scope}`
    fn credential(&self, key: &Key) -> String {
        [self.access_key_id, "/", &key.scope].concat()
    }

    /// Who signs, and when.
    fn identity<'a>(
        &'a self,
        credential: &'a str,
        date: &'a str,
    ) -> impl Iterator<Item = (&'static str, &'a str)> {
        let fields =
            [("x-oss-signature-version", VERSION), ("x-oss-credential", credential), ("x-oss-date", date)];
        let token = self.token.filter(|token| !token.is_empty());
        fields.into_iter().chain(token.map(|token| ("x-oss-security-token", token)))
    }

    /// What is uploaded, by names as the policy has them. `x-oss-content-type` would win over `content-type`, so
    /// both are bound.
    fn upload(&self) -> [(&'static str, &str); 5] {
        [
            ("$key", self.object),
            ("$content-type", self.content_type),
            ("$x-oss-content-type", self.content_type),
            ("$x-oss-forbid-overwrite", "true"),
            ("$success_action_status", "200"),
        ]
    }

    /// Step 1: the policy, JSON text. It names every field of the form, and the size.
    pub fn policy(&self, key: &Key, at: Timestamp) -> String {
        let (credential, date) = (self.credential(key), at.iso_basic());
        let mut conditions = Vec::with_capacity(11);
        conditions.push(Condition::Is("bucket", self.bucket));
        conditions.extend(self.identity(&credential, &date).map(|(name, value)| Condition::Is(name, value)));
        conditions.extend(self.upload().map(|(name, value)| Condition::Eq(name, value)));
        conditions.push(Condition::Length(self.min_bytes, self.max_bytes));
        let policy = Policy { expiration: &self.expiration.iso_millis(), conditions };
        // Text and numbers can always be written.
        serde_json::to_string(&policy).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Policy<'a> {
    expiration: &'a str,
    conditions: Vec<Condition<'a>>,
}

/// `{"name": "value"}`, `["eq", "$name", "value"]` or `["content-length-range", 1, 2]`.
enum Condition<'a> {
    Is(&'a str, &'a str),
    Eq(&'a str, &'a str),
    Length(u64, u64),
}

impl Serialize for Condition<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(name, value) => serializer.collect_map([(name, value)]),
            Self::Eq(name, value) => ("eq", name, value).serialize(serializer),
            Self::Length(least, most) => ("content-length-range", least, most).serialize(serializer),
        }
    }
}

/// Steps 2 to 4: the signature of a policy; the string to sign is its base64 text.
pub fn sign(key: &Key, policy_base64: &str) -> String {
    let mac = key.mac.clone().chain_update(policy_base64);
    digest_hex(&mac.finalize().into_bytes()).to_string()
}

/// The fields of the form, in the order to send them; the field `file` follows last.
///
/// ```
/// use upload_grant::sign::oss4;
/// use upload_grant::wire::secret::Secret;
/// use upload_grant::wire::time::Timestamp;
///
/// // A picture of at most a megabyte, under this key, within five minutes.
/// let at = Timestamp::parse_rfc3339("2026-11-21T08:00:00Z").ok_or("no instant")?;
/// let key = oss4::key(&Secret::from("the access key's secret"), "ap-southeast-1", at);
/// let post = oss4::post::Post {
///     bucket: "media",
///     object: "inbox/01K7.png",
///     access_key_id: "LTAI",
///     token: None,
///     content_type: "image/png",
///     min_bytes: 1,
///     max_bytes: 1 << 20,
///     expiration: at.plus(300),
/// };
/// let fields = oss4::post::form(&key, &post, at);
/// assert_eq!(fields[0], ("key".to_owned(), "inbox/01K7.png".to_owned()));
/// assert!(fields.iter().any(|(name, _)| name == "x-oss-signature"));
/// # Ok::<(), &str>(())
/// ```
pub fn form(key: &Key, post: &Post<'_>, at: Timestamp) -> Vec<(String, String)> {
    let policy = base64(post.policy(key, at).as_bytes());
    let signature = sign(key, &policy);
    let upload = post.upload().map(|(name, value)| (&name[1..], value));
    let (credential, date) = (post.credential(key), at.iso_basic());
    let fields = upload.into_iter().chain(post.identity(&credential, &date));
    let mut form = Vec::with_capacity(11);
    form.extend(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    form.extend([("policy".to_owned(), policy), ("x-oss-signature".to_owned(), signature)]);
    form
}
