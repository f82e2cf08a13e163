//! Stored objects: small ones with their bytes, large ones as digests only.

use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use crc::{CRC_64_XZ, Crc, Digest as CrcDigest, Table};
use md5::Md5;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::encode::{hex, unpercent};
use crate::lock;

/// Up to this size an object keeps its bytes.
const KEEP: usize = 8 * 1024 * 1024;

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// One stored object.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// `oss`, `cos`, `ssapi` or `aicc`.
    pub store: String,
    /// Bucket; the app key of ssapi, the channel of aicc.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Bytes received.
    pub size: u64,
    /// Stored content type.
    pub content_type: Option<String>,
    /// Lower-case hex MD5.
    pub md5: String,
    /// Lower-case hex SHA-256.
    pub sha256: String,
    /// CRC-64/XZ; a decimal string in JSON.
    #[serde(serialize_with = "as_text")]
    pub crc64: u64,
    /// `ETag` as answered, with its quotes.
    pub etag: String,
    /// Other stored headers (cache-control, x-oss-meta-*, x-cos-acl, ...).
    pub headers: Vec<(String, String)>,
    /// Unix seconds.
    pub stored_at: i64,
    /// The bytes, up to 8 MiB.
    #[serde(skip)]
    pub data: Option<Bytes>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_text<S: serde::Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Hashes a body as it comes in.
pub(crate) struct Intake {
    size: u64,
    md5: Md5,
    sha256: Sha256,
    crc64: CrcDigest<'static, u64, Table<16>>,
    kept: Option<BytesMut>,
}

/// What is known of a body once it is complete.
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) sha256: String,
    pub(crate) crc64: u64,
    pub(crate) data: Option<Bytes>,
}

impl Intake {
    pub(crate) fn new() -> Self {
        let (md5, sha256) = (Md5::new(), Sha256::new());
        Self { size: 0, md5, sha256, crc64: CRC64.digest(), kept: Some(BytesMut::new()) }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn update(&mut self, chunk: &[u8]) {
        self.size += chunk.len() as u64;
        self.md5.update(chunk);
        self.sha256.update(chunk);
        self.crc64.update(chunk);
        self.kept = self.kept.take().filter(|kept| kept.len() + chunk.len() <= KEEP).map(|mut kept| {
            kept.extend_from_slice(chunk);
            kept
        });
    }

    pub(crate) fn finish(self) -> Content {
        Content {
            size: self.size,
            md5: self.md5.finalize().into(),
            sha256: hex(&self.sha256.finalize()),
            crc64: self.crc64.finalize(),
            data: self.kept.map(BytesMut::freeze),
        }
    }
}

impl Content {
    /// Hashes bytes that are already here.
    pub(crate) fn of(data: &[u8]) -> Self {
        let mut intake = Intake::new();
        intake.update(data);
        intake.finish()
    }

    /// Names the content.
    pub(crate) fn object(self, store: &str, bucket: &str, key: &str, stored_at: i64) -> Object {
        let md5 = hex(&self.md5);
        Object {
            store: store.to_owned(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            size: self.size,
            content_type: None,
            etag: format!("\"{md5}\""),
            md5,
            sha256: self.sha256,
            crc64: self.crc64,
            headers: Vec::new(),
            stored_at,
            data: self.data,
        }
    }
}

/// All objects of all stores, in the order they were stored.
#[derive(Default)]
pub(crate) struct Objects(Mutex<Vec<Object>>);

impl Objects {
    /// Stores an object; false when it exists and must not be overwritten.
    pub(crate) fn put(&self, object: Object, forbid_overwrite: bool) -> bool {
        let mut all = lock(&self.0);
        let same = |o: &Object| o.store == object.store && o.bucket == object.bucket && o.key == object.key;
        if let Some(at) = all.iter().position(same) {
            if forbid_overwrite {
                return false;
            }
            all.remove(at);
        }
        all.push(object);
        true
    }

    pub(crate) fn get(&self, store: &str, bucket: &str, key: &str) -> Option<Object> {
        lock(&self.0).iter().find(|o| o.store == store && o.bucket == bucket && o.key == key).cloned()
    }

    pub(crate) fn by_key(&self, key: &str) -> Option<Object> {
        lock(&self.0).iter().rev().find(|o| o.key == key).cloned()
    }

    /// What a URL addresses, by host name or in path style: the services that download what was uploaded.
    pub(crate) fn by_url(&self, url: &str) -> Option<Object> {
        let (_, rest) = url.split_once("://")?;
        let (host, path) = rest.split('?').next()?.split_once('/')?;
        let path = unpercent(path);
        let named = |object: &&Object| {
            (host.starts_with(&format!("{}.", object.bucket)) && path == object.key)
                || path == format!("{}/{}", object.bucket, object.key)
        };
        lock(&self.0).iter().find(named).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Object> {
        lock(&self.0).clone()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}
