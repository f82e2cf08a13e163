//! Ask for a grant, then send the file as the grant says: all that a client of these functions does.

use serde_json::Value;
use upload_grant_sandbox::Flow;

use crate::Failure;
use crate::http::{self, Answer};

const BOUNDARY: &str = "----------------a-boundary-that-no-demo-file-has";

/// Sends the flow's file through the function on `port`; returns the grant's mode.
pub(crate) async fn through(flow: &Flow, port: u16) -> Result<String, Failure> {
    let address = format!("http://127.0.0.1:{port}/grants");
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    let answer = http::send("POST", &address, &json, flow.request().into_bytes()).await?;
    let grant = answer.json();
    let mode =
        grant["mode"].as_str().filter(|_| answer.status == 200).ok_or_else(|| refused("grant", &answer))?;
    let answer = send(&grant, flow.bytes).await?;
    let good = grant["success_status"].as_array().is_some_and(|good| good.contains(&answer.status.into()));
    if good { Ok(mode.to_owned()) } else { Err(refused("upload", &answer)) }
}

async fn send(grant: &Value, bytes: &[u8]) -> Result<Answer, Failure> {
    let text = |name: &str| grant[name].as_str().unwrap_or_default();
    let mut headers = pairs(&grant["headers"]);
    let body = match grant.get("fields") {
        None => bytes.to_vec(),
        Some(fields) => {
            headers.push(("content-type".into(), format!("multipart/form-data; boundary={BOUNDARY}")));
            let content_type = grant["limits"]["content_types"][0].as_str().unwrap_or_default();
            form(&pairs(fields), text("file_field"), content_type, bytes)
        }
    };
    http::send(text("method"), text("url"), &headers, body).await
}

fn pairs(object: &Value) -> Vec<(String, String)> {
    let members = object.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// `multipart/form-data`: the fields in their order, the file last.
fn form(fields: &[(String, String)], file_field: &str, content_type: &str, bytes: &[u8]) -> Vec<u8> {
    let part = |name: &str| format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"");
    let fields = fields.iter().map(|(name, value)| format!("{}\r\n\r\n{value}\r\n", part(name)));
    let mut body = fields.collect::<String>().into_bytes();
    let head = format!("{}; filename=\"file\"\r\ncontent-type: {content_type}\r\n\r\n", part(file_field));
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// The demo's keys are made up, so an answer may be shown whole.
fn refused(what: &str, answer: &Answer) -> Failure {
    format!("the {what} was answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body))
}
