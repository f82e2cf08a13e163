//! Evaluation over WebSocket, and the review of what was evaluated.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use upload_grant_sandbox::verify::ssecp;
use upload_grant_sandbox::{Sandbox, Service, facts};

use crate::client::{Call, now};

const REQUEST: &str = "0123456789abcdef0123456789abcdef";

/// A warrant of `user`.
async fn warrant(sandbox: &Sandbox, user: &str) -> String {
    let timestamp = now().to_string();
    let app_id = facts::AICONTENT_APP_ID;
    let claim = ssecp::Claim { app_id, timestamp: &timestamp, user_client_ip: "127.0.0.1", user_id: user };
    let sign = ssecp::request_sign(&ssecp::sign_string(facts::AICONTENT_APP_SECRET, claim));
    let body = format!(
        "appid={app_id}&timestamp={timestamp}&user_id={user}&user_client_ip=127.0.0.1&request_sign={sign}"
    );
    let call = Call::new(&sandbox.url(Service::Ssapi), "POST", "/auth/authorize").body(body);
    let answer = call.header("content-type", "application/x-www-form-urlencoded").send().await.json();
    answer["data"]["warrant_id"].as_str().unwrap().to_owned()
}

/// Opens a socket as a browser does.
async fn open(sandbox: &Sandbox, warrant: &str) -> WebSocketStream<TcpStream> {
    let url = sandbox.url(Service::Ssapi);
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let app = facts::AICONTENT_APP_ID;
    let target =
        format!("/en.sent.score?appkey={app}&connect_id={REQUEST}&request_id={REQUEST}&warrant_id={warrant}");
    let head = format!(
        "GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    // The example of RFC 6455.
    assert!(answer.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer}");
    assert!(!answer.contains("content-length"), "{answer}");
    WebSocketStream::from_raw_socket(stream, Role::Client, None).await
}

fn commands(warrant: &str, user: &str) -> [Value; 2] {
    let app = json!({ "applicationId": facts::AICONTENT_APP_ID, "userId": user, "warrantId": warrant });
    let request = json!({ "coreType": "en.sent.score", "refText": "hello" });
    let start =
        json!({ "app": app, "audio": { "audioType": "wav", "sampleRate": 16000 }, "request": request });
    [json!({ "cmd": "connect", "param": { "app": app } }), json!({ "cmd": "start", "param": start })]
}

/// Sends the messages; gives back the first answer with a result or an error.
async fn last(socket: &mut WebSocketStream<TcpStream>, messages: Vec<Message>) -> Value {
    for message in messages {
        if socket.send(message).await.is_err() {
            break;
        }
    }
    while let Some(Ok(message)) = socket.next().await {
        let json: Value = serde_json::from_str(message.to_text().unwrap_or_default()).unwrap_or_default();
        if json.get("result").is_some() || json.get("errId").is_some() {
            return json;
        }
    }
    panic!("no result")
}

fn text(value: &Value) -> Message {
    Message::text(value.to_string())
}

fn audio(bytes: &'static [u8]) -> Message {
    Message::binary(bytes)
}

#[tokio::test]
async fn audio_is_evaluated_as_it_comes() {
    let sandbox = Sandbox::start().await.unwrap();
    let id = warrant(&sandbox, "ann").await;
    let [connect, start] = commands(&id, "ann").map(|command| text(&command));
    let frames = vec![audio(b"one"), audio(b"two"), audio(b"")];
    let mut socket = open(&sandbox, &id).await;
    let answer = last(&mut socket, [vec![connect.clone(), start.clone()], frames].concat()).await;
    assert_eq!((&answer["result"]["overall"], &answer["refText"]), (&json!(88), &json!("hello")));
    let stored = sandbox.object(REQUEST).unwrap();
    assert_eq!((stored.store.as_str(), stored.data.unwrap().as_ref()), ("ssapi", &b"onetwo"[..]));

    // The other dialect: base64 in commands, and a command at the end.
    let feed = text(&json!({ "cmd": "feed", "data": "dGhyZWU=" }));
    let mut socket = open(&sandbox, &id).await;
    let messages = vec![connect, start, feed, text(&json!({ "cmd": "stop" }))];
    assert!(last(&mut socket, messages).await["recordId"].is_string());
    assert_eq!(sandbox.object(REQUEST).unwrap().data.unwrap().as_ref(), b"three");

    let record = answer["recordId"].as_str().unwrap();
    let review = async |path: &str, user: &str, subject: &str| {
        let app = facts::AICONTENT_APP_ID;
        let body = format!("app_id={app}&user_id={user}&warrant_id={id}&{subject}");
        let path = format!("/api/v1/oralEvaluation/{path}");
        let call = Call::new(&sandbox.url(Service::Ssapi), "POST", &path).body(body);
        call.header("content-type", "application/x-www-form-urlencoded").send().await.json()
    };
    let task = review("classTaskSubmit", "ann", &format!("record_ids={record}")).await;
    let task = task["data"]["task_id"].as_str().unwrap().to_owned();
    let done = review("classTaskQuery", "ann", &format!("task_id={task}")).await;
    assert_eq!(done["data"]["record_ids"][0], record);
    assert_eq!(review("classTaskSubmit", "ann", "record_ids=nothing").await["code"], 430_003);
    assert_eq!(review("classTaskSubmit", "bob", &format!("record_ids={record}")).await["code"], 41_030);
    let odd = review("classTaskSubmit", "ann", &format!("record_ids={record}&x=1")).await;
    assert_eq!(odd["code"], 430_001);
}

#[tokio::test]
async fn a_socket_refuses_what_a_form_refuses() {
    let sandbox = Sandbox::start().await.unwrap();
    let id = warrant(&sandbox, "ann").await;
    let [connect, start] = commands(&id, "ann").map(|command| text(&command));
    let [others, _] = commands(&id, "bob").map(|command| text(&command));
    let mut other_kind = commands(&id, "ann")[1].clone();
    other_kind["param"]["request"]["coreType"] = json!("en.word.score");
    for (messages, error) in [
        (vec![start.clone()], 40_008),
        (vec![connect.clone(), audio(b"early")], 40_008),
        (vec![connect.clone(), connect.clone()], 40_008),
        (vec![others], 41_032),
        (vec![connect.clone(), text(&other_kind)], 40_007),
        (vec![connect.clone(), start, audio(b"")], 40_006),
        (vec![Message::text("hello")], 40_005),
    ] {
        let mut socket = open(&sandbox, &id).await;
        assert_eq!(last(&mut socket, messages.clone()).await["errId"], error, "{messages:?}");
    }
    let mut socket = open(&sandbox, "0000").await;
    assert_eq!(last(&mut socket, vec![connect]).await["errId"], 41_030);
    assert!(sandbox.objects().is_empty());
}
