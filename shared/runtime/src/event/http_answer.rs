//! The answers that gateways expect of functions.

use std::borrow::Cow;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body_util::BodyExt as _;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;

use super::json_text::json_text;

/// How a gateway wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{statusCode, headers, body, isBase64Encoded}`: everywhere but behind a load balancer.
    Plain,
    /// The same with `cookies`, for payload 2.0: `cargo lambda watch` takes no answer without.
    Version2,
    /// The same with `statusDescription`, for a load balancer.
    LoadBalancer,
    /// `multiValueHeaders` instead of `headers`: a load balancer with that switched on takes nothing else.
    LoadBalancerMulti,
}

impl Shape {
    /// Whether a load balancer wants the answer.
    pub fn is_load_balancer(self) -> bool {
        matches!(self, Self::LoadBalancer | Self::LoadBalancerMulti)
    }

    /// `response` as the gateway wants it.
    pub async fn answer(self, response: Response) -> HttpAnswer {
        let (head, body) = response.into_parts();
        let mut headers = head.headers;
        headers.remove(CONTENT_LENGTH);
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let text = std::str::from_utf8(&body);
        let encoded = text.is_err();
        let body = text.map_or_else(|_| json_text(&STANDARD.encode(&body)), json_text);
        HttpAnswer { shape: self, status: head.status, headers, body: body.unwrap_or_default(), encoded }
    }
}

/// An answer in a gateway's shape. It is a gateway's JSON when it is serialized, and not before: the answer to a
/// request is written once.
pub struct HttpAnswer {
    shape: Shape,
    status: StatusCode,
    headers: HeaderMap,
    /// A JSON string.
    body: Box<RawValue>,
    /// Whether it is base64 of what is no text.
    encoded: bool,
}

impl Serialize for HttpAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut answer = serializer.serialize_map(None)?;
        answer.serialize_entry("statusCode", &self.status.as_u16())?;
        answer.serialize_entry("body", &self.body)?;
        answer.serialize_entry("isBase64Encoded", &self.encoded)?;
        if self.shape == Shape::LoadBalancerMulti {
            answer.serialize_entry("multiValueHeaders", &Joined { headers: &self.headers, listed: true })?;
        } else {
            answer.serialize_entry("headers", &Joined { headers: &self.headers, listed: false })?;
        }
        if self.shape == Shape::Version2 {
            answer.serialize_entry("cookies", &[""; 0])?;
        }
        if self.shape.is_load_balancer() {
            let reason = self.status.canonical_reason().unwrap_or("Unknown");
            answer.serialize_entry("statusDescription", &format!("{} {reason}", self.status.as_u16()))?;
        }
        answer.end()
    }
}

/// Headers as a gateway's object: those of one name become one, as gateways would join them.
struct Joined<'a> {
    headers: &'a HeaderMap,
    /// Each value in a list of its own.
    listed: bool,
}

impl Serialize for Joined<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.headers.keys_len()))?;
        for name in self.headers.keys() {
            let mut values =
                self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            let first = values.next().unwrap_or_default();
            let value = values.fold(first, |joined, value| Cow::Owned(format!("{joined}, {value}")));
            if self.listed {
                map.serialize_entry(name.as_str(), &[value])?;
            } else {
                map.serialize_entry(name.as_str(), &value)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn bodies_are_base64_exactly_when_they_are_no_text() {
        for (body, text, encoded) in [(&b"text"[..], "text", false), (b"\x00\xff", "AP8=", true)] {
            let answer = Shape::Plain.answer(Response::new(Body::from(body))).await;
            let answer = serde_json::to_value(answer).unwrap();
            assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!(text), &json!(encoded)));
        }
    }
}
