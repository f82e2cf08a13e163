//! A request as it came off the wire; every verifier rebuilds its strings from this and nothing else.

use http::HeaderMap;

use crate::encode::{pairs, unpercent};

/// Method, path, query and headers exactly as sent.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Upper-case method.
    pub method: String,
    /// Path, still percent-encoded.
    pub path: String,
    /// Query without `?`, still encoded; empty when there is none.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
}

impl Arrived {
    /// Takes a request's head apart.
    pub fn new(method: &str, path_and_query: &str, headers: HeaderMap) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        Self { method: method.to_owned(), path: path.to_owned(), query: query.to_owned(), headers }
    }

    /// A header's value, trimmed; several are joined by a comma.
    pub fn header(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all(name).iter();
        let texts: Vec<String> = values.map(|value| text(value.as_bytes())).collect();
        (!texts.is_empty()).then(|| texts.join(","))
    }

    /// A canonical header line, `name:value` and a newline.
    pub(crate) fn header_line(&self, name: &str) -> Option<String> {
        self.header(name).map(|value| format!("{name}:{value}\n"))
    }

    /// Names of the sent headers, lower-case, sorted, each once.
    pub fn header_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        names
    }

    /// Decoded query pairs in the order sent.
    pub fn pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// The first query parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.pairs().into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Path with the percent-encoding undone.
    pub fn decoded_path(&self) -> String {
        unpercent(&self.path)
    }

    /// `Host` as received, port included.
    pub fn host(&self) -> String {
        self.header("host").unwrap_or_default()
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim().to_owned()
}
