//! Bodies that a gateway altered on the way, nearly always by decoding a binary file as text.

use upload_grant::model::problem::{Code, Problem};

/// What to do about a gateway that changes bytes.
pub(crate) const BINARY_MEDIA_TYPES: &str = "where a gateway on the way changed the body, its binary media types \
    (binaryMediaTypes of API Gateway) must include */*";

/// That a gateway changed a request's body on the way; put into its extensions by the runtime that sees it.
#[derive(Clone, Debug)]
pub struct Mangled(pub Problem);

/// The problem of `arrived` bytes where `declared` were said.
pub(crate) fn length_differs(code: Code, declared: u64, arrived: u64) -> Problem {
    let detail = format!("{arrived} bytes arrived where {declared} were declared: {BINARY_MEDIA_TYPES}");
    Problem::new(code, detail)
}
