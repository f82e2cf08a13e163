//! An upload that finds its object there: it was sent before, and its answer was lost.

use std::sync::Arc;

use upload_grant::clock;
use upload_grant::flow::{Ask, Context};
use upload_grant::grant::Grant;
use upload_grant::problem::{Code, Problem};
use upload_grant::sign::oss4;
use upload_grant::upload::{self, Digests, Stored};

use crate::Chatapp;

impl Chatapp {
    /// The object under our own key, if it is the one that was to be stored. Nobody else writes under this key,
    /// but the caller of a ticket may have sent other bytes the first time.
    pub(crate) async fn twin(
        self: &Arc<Self>,
        cx: &Arc<Context>,
        ask: &Ask,
        grant: Grant,
        sent: Digests,
    ) -> Result<Stored, Problem> {
        let sts = self.sts(cx, ask).await?;
        let at = cx.vendor.corrected(clock::now());
        let presign = oss4::Presign {
            method: "HEAD",
            base: &sts.bucket.base(),
            bucket: &sts.bucket.name,
            object: &grant.key,
            access_key_id: &sts.id,
            token: Some(sts.token_encoded.expose()),
            headers: &[],
            additional: &[],
            expires: 60,
        };
        let reply = upload::head(cx, &oss4::presign(&sts.key(at), &presign, at), ask.deadline).await?;
        let mut stored = Stored {
            key: grant.key,
            location: grant.object.map(|object| object.location),
            vendor: grant.vendor,
            ..Stored::default()
        };
        match reply.status {
            200 => {}
            404 | 408 | 429 | 500.. => {
                let problem =
                    Problem::new(Code::UploadFailed, "the store has the object and does not show it");
                return Err(problem.retryable(true));
            }
            // Keys that may only write cannot look: the receipt then says nothing of the content.
            _ => return Ok(stored),
        }
        let header = |name| reply.header(name).unwrap_or_default().to_owned();
        let (size, crc64) = (header("content-length").parse().unwrap_or(0), header("x-oss-hash-crc64ecma"));
        let same_size = ask.size.is_none_or(|expected| expected == size);
        // A store that answers before it has read the body leaves nothing measured.
        let promised = ask.checksums.crc64.as_ref().is_none_or(|promised| *promised == crc64);
        let same_bytes = if sent.crc64.is_empty() { promised } else { sent.crc64 == crc64 };
        if !(same_size && same_bytes) {
            return Err(Problem::new(Code::UploadFailed, "another file was stored here before: ask again"));
        }
        stored.etag = reply.header("etag").map(str::to_owned);
        stored.digests =
            if sent.crc64.is_empty() { Digests { size, crc64, ..Digests::default() } } else { sent };
        Ok(stored)
    }
}
