//! The verifiers, written from the receiving side: everything is rebuilt from what arrived, then compared.
//!
//! Every scheme shows its stages (canonical request, string to sign, signature) as functions of their own.

pub mod acs3;
pub mod cos;
pub mod keys;
pub mod nonces;
pub mod oss1;
pub mod oss4;
pub mod policy;
pub mod rpc_v1;
pub mod ssecp;
pub mod tc3;

/// A refusal with the vendor's own code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// HTTP status the vendor answers with.
    pub status: u16,
    /// The vendor's code.
    pub code: String,
    /// The vendor's message.
    pub message: String,
    /// OSS's `EC`, empty elsewhere.
    pub ec: &'static str,
    /// Further elements of the error document.
    pub extras: Vec<(&'static str, String)>,
}

impl Refused {
    /// A refusal by code and message.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), ec: "", extras: Vec::new() }
    }

    /// With OSS's error cause.
    #[must_use]
    pub fn ec(mut self, ec: &'static str) -> Self {
        self.ec = ec;
        self
    }

    /// With one more element in the error document.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.extras.push((name, value.into()));
        self
    }
}

/// What the store was addressed at: the bucket, the raw key, and the region the bucket lives in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bucket name.
    pub bucket: String,
    /// Object key, decoded.
    pub key: String,
    /// Region id without the `oss-` prefix.
    pub region: String,
}
