//! What a caller gets: one flat, normalized upload grant.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::request::Mode;
use crate::wire::time::Timestamp;

/// An ordered list of names and values: form fields go out in this order, the file last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedMap(pub Vec<(String, String)>);

impl OrderedMap {
    /// From names and values.
    pub fn new<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The value of `name`, matched exactly.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Adds a pair at the end.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }
}

impl Serialize for OrderedMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for OrderedMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)?.into_iter();
        let pairs = members.map(|(name, value)| match value {
            Value::String(value) => Ok((name, value)),
            _ => Err(D::Error::custom("text is expected")),
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

/// A ready-to-send permission to upload one file. `Debug` is not implemented: a grant is a capability.
#[derive(Clone, Serialize)]
pub struct Grant {
    /// Version of this shape: 1.
    pub version: u8,
    /// ULID of the grant; in logs, receipts and tokens.
    pub id: String,
    /// The function.
    pub flow: &'static str,
    /// How the bytes travel.
    pub mode: Mode,
    /// `POST` for forms, `PUT` otherwise.
    pub method: &'static str,
    /// Where the bytes go.
    pub url: String,
    /// Exactly the headers to send; never Host, Content-Length or Date.
    pub headers: OrderedMap,
    /// Form fields in sending order; only in form mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<OrderedMap>,
    /// Name of the file part; only in form mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_field: Option<&'static str>,
    /// Object key, without leading slash.
    pub key: String,
    /// When the grant was made, by the function's clock.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whole seconds left at issue.
    pub expires: i64,
    /// What may be sent.
    pub limits: Limits,
    /// Statuses of a successful upload.
    pub success_status: &'static [u16],
    /// Where the object will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// What the vendor's next call wants back.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub vendor: Map<String, Value>,
    /// Temporary credentials; only in credentials mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Constructor arguments of the vendor's SDK; only in credentials mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdk: Option<Value>,
    /// The same upload over a WebSocket, where the vendor has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// How to turn the upload into a receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<Complete>,
}

/// What the receiver refuses by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforced {
    /// Exactly this key.
    Key,
    /// Nothing outside `min_bytes..=max_bytes`.
    Size,
    /// Exactly this content type.
    Type,
    /// Nothing later than `expires_at` plus 60 seconds.
    Expiry,
    /// No second object under the key.
    NoOverwrite,
    /// Exactly the bytes with this MD5.
    Md5,
}

/// Bounds of the upload.
#[derive(Clone, Debug, Serialize)]
pub struct Limits {
    /// Fewest bytes.
    pub min_bytes: u64,
    /// Most bytes.
    pub max_bytes: u64,
    /// Accepted content types.
    pub content_types: Vec<String>,
    /// Which of these the receiver enforces.
    pub enforced: Vec<Enforced>,
}

/// The object as the store will know it.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// Bucket name.
    pub bucket: String,
    /// Region id as in signatures (`ap-southeast-1`, `ap-guangzhou`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Store address without bucket.
    pub endpoint: String,
    /// Final URL of the object, without signature.
    pub location: String,
}

/// Temporary keys, named as AWS SDKs and Uppy name them.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Key id.
    pub access_key_id: String,
    /// Secret.
    pub secret_access_key: String,
    /// Token.
    pub session_token: String,
    /// When the vendor ends them.
    pub expiration: Timestamp,
}

/// How to send while it is being recorded: both messages as text frames, then the bytes in binary frames, then an
/// empty one; the last frame that comes back is the result.
#[derive(Clone, Serialize)]
pub struct Stream {
    /// `wss://…`
    pub url: String,
    /// The first message.
    pub connect: Value,
    /// The second one.
    pub start: Value,
}

/// How to complete: send the token with the collected values to `/complete`.
#[derive(Clone, Serialize)]
pub struct Complete {
    /// Sealed; valid until 24 hours after `expires_at`.
    pub token: String,
    /// Response headers (or reply members) worth sending along.
    pub collect: &'static [&'static str],
}
