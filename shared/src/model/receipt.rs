//! What an upload leaves behind: a receipt with the vendor's next call filled in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wire::time::Timestamp;

/// Who vouches for the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// The caller's word.
    Client,
    /// Our code moved the bytes and checked the store's answer.
    Function,
}

/// Proof of an upload, for the caller's records and the vendor's next call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Version of this shape: 1.
    pub version: u8,
    /// ULID of the grant.
    pub id: String,
    /// The queue job, if it was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job_id: Option<String>,
    /// Whose job it was, where a caller sent it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caller: Option<String>,
    /// The function.
    pub flow: String,
    /// The caller's file name.
    pub filename: String,
    /// Object key, or the vendor's own handle.
    pub key: String,
    /// URL of the object, where it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<u64>,
    /// Quoted, as stores write it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// CRC-64/XZ, decimal.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crc64: Option<String>,
    /// Lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// Who vouches for it.
    pub verified: Verified,
    /// When it was done or completed.
    pub uploaded_at: Timestamp,
    /// Vendor-native values.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub vendor: Map<String, Value>,
    /// The vendor's next call.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handoff: Option<Handoff>,
    /// What the vendor made of the upload, where the job went on to that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<Document>,
}

/// A vendor's document made of an upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The vendor's id for it.
    pub id: String,
    /// Its status, in the vendor's own terms.
    pub status: Value,
}

/// The vendor call that makes use of the upload, with its parameters filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handoff {
    /// Names of the vendor's actions that take these parameters.
    pub actions: Vec<String>,
    /// Their parameters.
    pub params: Map<String, Value>,
    /// Names of what they want besides, which only the application knows.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub needs: Vec<String>,
}

impl Handoff {
    /// For these actions; members whose value is null are left out.
    pub fn new<const A: usize, const P: usize>(actions: [&str; A], params: [(&str, Value); P]) -> Self {
        let filled = params.into_iter().filter(|(_, value)| !value.is_null());
        Self {
            actions: actions.map(str::to_owned).to_vec(),
            params: filled.map(|(name, value)| (name.to_owned(), value)).collect(),
            needs: Vec::new(),
        }
    }

    /// With what the calls cannot do without; what is filled in already is not needed.
    #[must_use]
    pub fn needing<const N: usize>(mut self, names: [&str; N]) -> Self {
        let missing = names.into_iter().filter(|name| !self.params.contains_key(*name));
        self.needs.extend(missing.map(str::to_owned));
        self
    }
}
