//! What a way in knows of a request besides its headers.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde_json::{Map, Value};
use tokio::time::Instant;

/// What the runtime knows about a request that is not in its headers; put into its extensions.
#[derive(Clone, Debug)]
pub struct RequestOrigin {
    /// The address the request came from.
    pub source: Option<IpAddr>,
    /// Scheme and host the request came to, where the runtime knows better than the Host header.
    pub base: Option<String>,
    /// The scheme it came by, where the runtime knows.
    pub scheme: Option<&'static str>,
    /// What the gateway cut off the path, like the stage of a REST API: empty, or it starts with a slash and ends
    /// with none.
    pub mount: String,
    /// The most bytes a request body can have on this runtime.
    pub max_body: u64,
    /// The platform's id of the request.
    pub request_id: Option<String>,
    /// Claims of the platform's authorizer.
    pub identity: Option<Map<String, Value>>,
    /// Whether a page in a browser asks: the request has an `Origin`.
    pub is_page: bool,
    /// When the platform ends the request.
    pub deadline: Option<Instant>,
}

impl Default for RequestOrigin {
    fn default() -> Self {
        Self {
            source: None,
            base: None,
            scheme: None,
            mount: String::new(),
            max_body: u64::MAX,
            request_id: None,
            identity: None,
            is_page: false,
            deadline: None,
        }
    }
}

/// Taken out of the request, not copied: claims can be many.
impl<S: Sync> FromRequestParts<S> for RequestOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.remove().unwrap_or_default())
    }
}
