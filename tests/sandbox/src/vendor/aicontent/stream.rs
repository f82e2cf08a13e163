//! Evaluation over WebSocket, `GET /{coreType}` with an upgrade: connect, start, the audio while the user speaks, an
//! empty frame, and the result.
//!
//! Clients differ in what they send after start (binary frames, or `feed` with base64) and how they end (an empty
//! binary frame, or `stop`); the real service is taken to understand both, so this one does.

use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::evaluation::{Admitted, Failed};
use crate::arrived::Arrived;
use crate::encode::{base64, unbase64};
use crate::reply::Reply;
use crate::service::Service;
use crate::world::{Ctx, World};

/// RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Ten minutes of 16 kHz, 16 bits, mono.
const LONGEST: usize = 20 * 1024 * 1024;

/// Whether a request asks for a WebSocket.
pub(crate) fn is_asked_for(arrived: &Arrived) -> bool {
    let says = |name: &str, word: &str| {
        arrived.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    };
    says("upgrade", "websocket")
        && says("connection", "upgrade")
        && arrived.header("sec-websocket-version").as_deref() == Some("13")
        && arrived.headers.contains_key("sec-websocket-key")
}

/// The handshake's answer. What is wrong with the URL is said in a frame, as a page cannot read anything else.
pub(crate) fn switch(arrived: &Arrived) -> Reply {
    let key = arrived.header("sec-websocket-key").unwrap_or_default();
    let accept = base64(&Sha1::digest(format!("{key}{GUID}")));
    Reply::empty(101)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", &accept)
}

/// Serves one connection to its end.
pub(crate) async fn serve(world: Arc<World>, arrived: Arrived, now: i64, upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let vendors = world.vendors();
    let ctx =
        Ctx { world: &world, vendors: &vendors, service: Service::Ssapi, arrived: &arrived, now, life: None };
    let last = match evaluate(&ctx, &mut socket).await {
        Ok(Some(result)) => result,
        Ok(None) => return,
        Err(failed) => failed.json(),
    };
    let _ = socket.send(Message::text(last.to_string())).await;
    let _ = socket.close(None).await;
    // The caller's own close, so that the last frame is not lost to a reset.
    while let Some(Ok(_)) = socket.next().await {}
}

/// The result; nothing where the caller went away.
async fn evaluate(
    ctx: &Ctx<'_>,
    socket: &mut WebSocketStream<TokioIo<Upgraded>>,
) -> Result<Option<Value>, Failed> {
    let admitted = Admitted::of(ctx)?;
    let mut audio = BytesMut::new();
    let mut start: Option<Value> = None;
    let mut is_connected = false;
    while let Some(Ok(message)) = socket.next().await {
        match frame(message)? {
            Frame::Other => {}
            Frame::Command(text) if text["cmd"] == "connect" && !is_connected => {
                admitted.check(&json!({ "connect": text }), "connect")?;
                is_connected = true;
                // An echo without a result: who takes the first message for the last one is wrong.
                let echo = json!({ "cmd": "connect", "connect_id": ctx.arrived.parameter("connect_id") });
                let _ = socket.send(Message::text(echo.to_string())).await;
            }
            Frame::Command(text) if text["cmd"] == "start" && is_connected && start.is_none() => {
                admitted.check(&json!({ "start": text }), "start")?;
                start = Some(text);
            }
            Frame::Audio(chunk) if start.is_some() && audio.len() + chunk.len() <= LONGEST => {
                audio.extend_from_slice(&chunk);
            }
            Frame::End if start.is_some() => {
                let start = start.unwrap_or_default();
                let kind = start["param"]["audio"]["audioType"].as_str().map(|kind| format!("audio/{kind}"));
                return admitted.result(ctx, &start, &audio, kind).map(Some);
            }
            _ => return Err(Failed(40_008, "not now: connect, start, audio, an empty frame".to_owned())),
        }
    }
    Ok(None)
}

enum Frame {
    Command(Value),
    Audio(Vec<u8>),
    End,
    /// Pings and closes, which the socket answers itself.
    Other,
}

fn frame(message: Message) -> Result<Frame, Failed> {
    let text = match message {
        Message::Binary(bytes) if bytes.is_empty() => return Ok(Frame::End),
        Message::Binary(bytes) => return Ok(Frame::Audio(bytes.into())),
        Message::Text(text) => text,
        _ => return Ok(Frame::Other),
    };
    let wrong = || Failed(40_005, "the frame is not a command".to_owned());
    let command: Value = serde_json::from_str(text.as_str()).map_err(|_| wrong())?;
    match command["cmd"].as_str() {
        Some("stop") => Ok(Frame::End),
        Some("feed") => command["data"].as_str().and_then(unbase64).map(Frame::Audio).ok_or_else(wrong),
        _ => Ok(Frame::Command(command)),
    }
}
