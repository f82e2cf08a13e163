//! Measuring a stream without keeping it: counts and checksums, with the last chunk held back until they agree.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc::{CRC_64_XZ, Crc, Table};
use futures_util::{Stream, StreamExt as _};
use md5::{Digest as _, Md5};
use sha2::Sha256;

use upload_grant::model::problem::{Code, Problem};
use upload_grant::model::request::Checksums;
use upload_grant::wire::encode;

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// Size and checksums of the bytes that went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// Bytes.
    pub size: u64,
    /// Lower-case hex.
    pub md5: String,
    /// Base64, as in `Content-MD5`.
    pub md5_base64: String,
    /// Lower-case hex.
    pub sha256: String,
    /// CRC-64/XZ, decimal.
    pub crc64: String,
}

impl Digests {
    /// The checksums, as a request states them.
    #[cfg(feature = "send")]
    pub(crate) fn checksums(&self) -> Checksums {
        Checksums {
            md5: Some(self.md5_base64.clone()),
            sha256: Some(self.sha256.clone()),
            crc64: Some(self.crc64.clone()),
        }
    }

    /// Whether every checksum that `expected` names is the one measured.
    pub fn agree(&self, expected: &Checksums) -> bool {
        let same =
            |expected: &Option<String>, ours: &str| expected.as_deref().is_none_or(|text| text == ours);
        same(&expected.md5, &self.md5_base64)
            && same(&expected.sha256, &self.sha256)
            && same(&expected.crc64, &self.crc64)
    }
}

/// A metered stream, seen from outside.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    digests: Digests,
    problem: Option<Problem>,
    waiting: bool,
}

impl Meter {
    /// What went through, once the stream has ended.
    pub fn digests(&self) -> Digests {
        self.seen().digests.clone()
    }

    /// Why the stream broke off, if it did.
    pub fn problem(&self) -> Option<Problem> {
        self.seen().problem.clone()
    }

    /// Whether it is the source that the receiver is waiting for.
    pub fn is_waiting(&self) -> bool {
        self.seen().waiting
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `stream`, refused unless it is `length` bytes that agree with `expected`. The last chunk is let through
/// only then, so that a receiver who counts bytes never has the whole of a wrong file.
pub fn metered<S>(
    stream: S,
    length: u64,
    expected: Checksums,
) -> (impl Stream<Item = std::io::Result<Bytes>> + Send + 'static, Meter)
where
    S: Stream<Item = Result<Bytes, Problem>> + Send + Unpin + 'static,
{
    let meter = Meter::default();
    let metered = Metered {
        stream,
        left: length,
        expected,
        held: None,
        ended: false,
        hashes: Some((Md5::new(), Sha256::new(), CRC64.digest())),
        size: 0,
        meter: meter.clone(),
    };
    (metered, meter)
}

struct Metered<S> {
    stream: S,
    left: u64,
    expected: Checksums,
    held: Option<Bytes>,
    ended: bool,
    hashes: Option<(Md5, Sha256, crc::Digest<'static, u64, Table<16>>)>,
    size: u64,
    meter: Meter,
}

impl<S: Unpin> Metered<S> {
    fn update(&mut self, chunk: &Bytes) -> Result<(), Problem> {
        let length = chunk.len() as u64;
        if length > self.left {
            return Err(Problem::new(Code::TooLarge, "the body is longer than its Content-Length"));
        }
        self.left -= length;
        self.size += length;
        if let Some((md5, sha256, crc64)) = &mut self.hashes {
            md5.update(chunk);
            sha256.update(chunk);
            crc64.update(chunk);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Problem> {
        let Some((md5, sha256, crc64)) = self.hashes.take() else { return Ok(()) };
        let md5 = md5.finalize();
        let mut digests = Digests {
            size: self.size,
            md5_base64: STANDARD.encode(md5),
            crc64: crc64.finalize().to_string(),
            ..Digests::default()
        };
        encode::hex(&mut digests.md5, &md5);
        encode::hex(&mut digests.sha256, &sha256.finalize());
        let agree = digests.agree(&self.expected);
        self.meter.seen().digests = digests;
        if agree {
            Ok(())
        } else {
            Err(Problem::new(Code::ChecksumMismatch, "the bytes are not those the checksum promised"))
        }
    }

    fn fail(&mut self, problem: Problem) -> Poll<Option<std::io::Result<Bytes>>> {
        self.ended = true;
        self.meter.seen().problem = Some(problem);
        Poll::Ready(Some(Err(std::io::Error::other("the source failed"))))
    }
}

impl<S> Stream for Metered<S>
where
    S: Stream<Item = Result<Bytes, Problem>> + Unpin,
{
    type Item = std::io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            if this.left == 0 {
                if let Err(problem) = this.finish() {
                    return this.fail(problem);
                }
                this.ended = true;
                return Poll::Ready(this.held.take().map(Ok));
            }
            let next = this.stream.poll_next_unpin(cx);
            this.meter.seen().waiting = next.is_pending();
            match std::task::ready!(next) {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => {
                    if let Err(problem) = this.update(&chunk) {
                        return this.fail(problem);
                    }
                    if let Some(ready) = this.held.replace(chunk) {
                        return Poll::Ready(Some(Ok(ready)));
                    }
                }
                Some(Err(problem)) => return this.fail(problem),
                None => {
                    let short = Problem::new(Code::SourceFailed, "the body ended before its Content-Length");
                    return this.fail(short.retryable(true));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(
        chunks: &[&'static str],
        length: u64,
        expected: Checksums,
    ) -> (String, Option<Code>, Digests) {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
        let (mut stream, meter) = metered(futures_util::stream::iter(chunks), length, expected);
        let mut through = String::new();
        while let Some(Ok(chunk)) = stream.next().await {
            through.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        (through, meter.problem().map(|problem| problem.code), meter.digests())
    }

    #[tokio::test]
    async fn the_published_check_values_come_out() {
        let (through, problem, digests) = run(&["1234", "", "56789"], 9, Checksums::default()).await;
        assert_eq!((through.as_str(), problem), ("123456789", None));
        assert_eq!(digests.crc64, "11051210869376104954");
        assert_eq!(digests.md5, "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(digests.sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
    }

    #[tokio::test]
    async fn the_last_chunk_of_a_wrong_file_never_leaves() {
        let wrong = Checksums { sha256: Some("0".repeat(64)), ..Checksums::default() };
        let (through, problem, _) = run(&["1234", "56789"], 9, wrong).await;
        assert_eq!((through.as_str(), problem), ("1234", Some(Code::ChecksumMismatch)));
        let (through, problem, _) = run(&["1234"], 9, Checksums::default()).await;
        assert_eq!((through.as_str(), problem), ("", Some(Code::SourceFailed)));
        let (_, problem, _) = run(&["1234", "567890"], 9, Checksums::default()).await;
        assert_eq!(problem, Some(Code::TooLarge));
    }
}
