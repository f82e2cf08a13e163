//! The same signatures by us, by others, and as nothing but their hashing.
//!
//! One PUT of one object with an 800-character token, as temporary credentials have it. Ours are measured as the
//! functions sign: key derived and token encoded once per credential. The others take raw credentials at every
//! call, so they derive and encode each time; that is part of what is compared.

pub mod floor;
pub mod ours;
pub mod peers;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

pub const KEY_ID: &str = "STS.NUexampleTempKeyId01";
pub const SECRET: &str = "ExampleSecretKey/abc+DEF=0123456789";
pub const REGION: &str = "ap-southeast-1";
pub const BUCKET: &str = "examplebucket";
pub const HOST: &str = "examplebucket.oss-ap-southeast-1.aliyuncs.com";
pub const OBJECT: &str = "100010xabcdef/chatapp/01K5Z3N8Q9W7YB2C4D6E8F0G1H2.png";
pub const CONTENT_TYPE: &str = "image/png";
pub const EXPIRES: u32 = 300;

/// Something that signs once per call, and what it made: its length keeps the work from being optimized away.
pub struct Operation {
    pub name: &'static str,
    pub run: Box<dyn FnMut() -> usize>,
}

impl Operation {
    fn new(name: &'static str, run: impl FnMut() -> usize + 'static) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// 800 characters of base64 without a pattern.
pub fn token() -> String {
    let mut bytes = Vec::new();
    while bytes.len() < 600 {
        bytes.extend_from_slice(&Sha256::digest(&bytes));
    }
    base64::engine::general_purpose::STANDARD.encode(&bytes[..600])
}
