//! The envelope of both APIs.

use serde_json::Value;
use upload_grant_runtime::vendor::alibaba::{self, member, text};
use upload_grant_runtime::vendor::{Refusal, RefusalKind, Reply};

/// The payload of a success: `Success` true and `Code` as documented, in whatever case and type they come.
pub(crate) fn data(reply: &Reply, good_code: &str) -> Result<Value, Refusal> {
    let document = alibaba::document(reply)?;
    let request_id = text(&document, "RequestId");
    let code = text(&document, "Code");
    let success = text(&document, "Success");
    let failed = success.as_deref().is_some_and(|success| !success.eq_ignore_ascii_case("true"));
    let good = code
        .as_deref()
        .is_none_or(|code| code == good_code || code == "200" || code.eq_ignore_ascii_case("ok"));
    if failed || !good {
        let code = code.as_deref().unwrap_or_default();
        return Err(alibaba::refusal(reply, code, request_id.as_deref()));
    }
    let data = member(&document, "Data").filter(|data| data.is_object()).cloned();
    data.ok_or_else(|| Refusal::new(RefusalKind::BadResponse, reply, None, request_id.as_deref()))
}
