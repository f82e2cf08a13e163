//! What goes to the evaluation service with a recording, and what it answers.

use serde_json::{Map, Value, json};
use upload_grant::model::problem::Problem;
use upload_grant_runtime::flow::UploadRequest;
use upload_grant_runtime::transfer;
use upload_grant_runtime::vendor::{Reply, alibaba, request_id};

use crate::warrant::Warrant;

pub(crate) const DEFAULT_CORE: &str = "en.sent.score";
/// The longest evaluation request, as JSON: it is sealed into tickets, which are part of a URL.
pub(crate) const MAX_TEXT: usize = 2048;

/// The evaluation's request object, with the caller's members.
pub(crate) fn requested(upload: &UploadRequest) -> Value {
    let mut request = json!({ "refText": "", "rank": 100, "precision": 1 });
    for (name, value) in upload.params.get("text").and_then(Value::as_object).into_iter().flatten() {
        request[name] = value.clone();
    }
    request
}

pub(crate) fn core_type(upload: &UploadRequest) -> &str {
    upload.param("core_type").unwrap_or(DEFAULT_CORE)
}

/// Connect and start messages of the evaluation protocol: one document in the form's `text`, two frames over
/// WebSocket.
pub(crate) fn messages(
    upload: &UploadRequest,
    app_id: &str,
    user_id: &str,
    warrant: &Warrant,
    [connect_id, request_id]: [&str; 2],
) -> [Value; 2] {
    let mut request = requested(upload);
    let app = json!({
        "applicationId": app_id,
        "timestamp": upload.now.unix().to_string(),
        "userId": user_id,
        "warrantId": warrant.id.expose(),
        "connect_id": connect_id,
        "sig": "default",
        "signature": "default",
    });
    request["coreType"] = core_type(upload).into();
    request["tokenId"] = request_id.into();
    request["request_id"] = request_id.into();
    let audio_type = if upload.extension == "opus" { "ogg_opus" } else { &upload.extension };
    let audio = json!({ "audioType": audio_type, "sampleRate": 16000, "channel": 1, "sampleBytes": 2 });
    [
        json!({ "cmd": "connect", "param": {
            "app": app, "sdk": { "source": 7, "version": 1, "protocol": 2 },
        }}),
        json!({ "cmd": "start", "param": { "app": app, "audio": audio, "request": request } }),
    ]
}

/// `recordId` and the result of an evaluation; its failures come with any status.
pub(crate) fn evaluated(reply: &Reply) -> Result<Map<String, Value>, Problem> {
    let document = reply.json().unwrap_or_default();
    let error = ["errId", "errorId", "error"].iter().find_map(|name| alibaba::text(&document, name));
    let record_id = alibaba::text(&document, "recordId");
    match (error, record_id) {
        (None, Some(record_id)) if reply.is_success() && is_record_id(&record_id) => {
            let result = document.get("result").cloned().unwrap_or(Value::Null);
            Ok(Map::from_iter([("record_id".into(), record_id.into()), ("result".into(), result)]))
        }
        (error, _) => {
            let mut problem = transfer::refused(reply, error.as_deref());
            problem.detail = "the evaluation service refused the recording".into();
            Err(problem)
        }
    }
}

/// It goes into a comma list.
fn is_record_id(id: &str) -> bool {
    request_id(Some(id)).is_some()
}

/// `^[a-z]{2}\.[a-z_]+(\.[a-z_]+)*$`, as in `en.sent.score`.
pub(crate) fn is_core_type(text: &str) -> bool {
    let mut parts = text.split('.');
    let language = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    language.len() == 2 && word(&language) && !rest.is_empty() && rest.iter().all(word) && text.len() <= 64
}

#[cfg(test)]
mod tests {
    use super::is_core_type;

    #[test]
    fn core_types_are_part_of_a_path_and_must_look_like_one() {
        for good in ["en.word.score", "cn.pred.score", "en.sent_pro.score"] {
            assert!(is_core_type(good), "{good}");
        }
        for bad in ["", "en", "en.", "../x", "en.word/score", "en.word?x", "EN.word.score", "eng.word"] {
            assert!(!is_core_type(bad), "{bad}");
        }
    }
}
