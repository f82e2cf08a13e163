//! Bodies in and out: draining and collecting what comes, damaging what goes.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame};

use crate::arrived::Arrived;
use crate::fault::Plan;

/// The connection is to be cut here.
#[derive(Debug)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut by a fault")
    }
}

impl std::error::Error for Cut {}

/// Body of a response.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, Cut>;

const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Reads the rest of a refused body, so that the caller gets to see the answer instead of a broken pipe. A caller
/// that waits for `100 Continue` has not started to send and is not asked to.
pub(crate) async fn drain<B>(arrived: &Arrived, mut body: B)
where
    B: Body + Unpin,
{
    if arrived.headers.contains_key("expect") {
        return;
    }
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(DRAIN_LIMIT, all).await;
}

/// Reads a whole body up to `limit`; `None` when it is longer or breaks off.
pub(crate) async fn collect<B>(mut body: B, limit: usize) -> Option<Bytes>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if all.len() + data.len() > limit {
            return None;
        }
        all.extend_from_slice(&data);
    }
    Some(all.freeze())
}

/// The body as the plan wants it, and the length to promise (`None` = chunked).
pub(crate) fn outgoing(body: Bytes, plan: &Plan) -> (Outgoing, Option<usize>) {
    if let Some(size) = plan.huge {
        return (huge(size), None);
    }
    let half = body.slice(..body.len() / 2);
    let pause = Duration::from_millis(plan.slow_body_ms);
    if plan.truncate {
        let promised = body.len().max(64);
        // A moment for the first half to leave before the connection breaks.
        let end = stream::once(async move {
            tokio::time::sleep(pause + Duration::from_millis(20)).await;
            Err(Cut)
        });
        return (streamed(stream::iter([Ok(half)]).chain(end)), Some(promised));
    }
    let length = Some(body.len());
    if plan.slow_body_ms > 0 {
        let rest = body.slice(half.len()..);
        let end = stream::once(async move {
            tokio::time::sleep(pause).await;
            Ok(rest)
        });
        return (streamed(stream::iter([Ok(half)]).chain(end)), length);
    }
    (Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync(), length)
}

fn streamed(chunks: impl futures_util::Stream<Item = Result<Bytes, Cut>> + Send + 'static) -> Outgoing {
    StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}

fn huge(size: u64) -> Outgoing {
    static JUNK: [u8; 65_536] = [b'x'; 65_536];
    let chunks = stream::unfold(size, |left| async move {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(JUNK.len());
        let chunk = Bytes::from_static(&JUNK).slice(..now);
        (left > 0).then(|| (Ok(chunk), left - now as u64))
    });
    streamed(chunks)
}
