//! A problem on its way into a response.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use upload_grant::model::problem::{Code, Problem};

/// What a handler returns instead of an answer.
pub(super) struct Rejection(pub(super) Problem);

impl Rejection {
    pub(super) fn new(code: Code, detail: &str) -> Self {
        Self(Problem::new(code, detail))
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Rejection {
    /// A bare response that carries the problem; the middleware writes it once it knows request and flow.
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}
