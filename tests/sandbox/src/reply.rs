//! A reply before it goes out, and the shapes replies come in.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// Status, headers, body, and the vendor code when this is a failure.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Set on failures, also on those inside an HTTP 200.
    pub(crate) code: Option<String>,
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), code: None }
    }

    pub(crate) fn bytes(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status).header("content-type", content_type);
        reply.body = body.into();
        reply
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, "application/json;charset=utf-8", body.to_string())
    }

    pub(crate) fn xml(status: u16, body: String) -> Self {
        Self::bytes(status, "application/xml", body)
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", body.into())
    }

    #[must_use]
    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    /// Sets a header; a name or value that HTTP does not allow is left out.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// Escapes text for an XML element.
pub(crate) fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Elements of one level.
pub(crate) fn xml_elements<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let lines = pairs.into_iter().map(|(name, value)| format!("  <{name}>{}</{name}>\n", xml_text(&value)));
    lines.collect::<Vec<_>>().concat()
}
