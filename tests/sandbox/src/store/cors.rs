//! The bucket's CORS rule, which in these flows is the vendor's and not ours: on, off, or on with the ETag hidden.

use crate::arrived::Arrived;
use crate::reply::Reply;
use crate::store::StoreCors;

const EXPOSED: &str = "x-oss-request-id, x-oss-hash-crc64ecma, x-cos-request-id, x-cos-hash-crc64ecma";
const METHODS: [&str; 4] = ["PUT", "POST", "GET", "HEAD"];

/// Answers `OPTIONS`.
pub(crate) fn preflight(setting: StoreCors, arrived: &Arrived) -> Reply {
    let method = arrived.header("access-control-request-method").unwrap_or_default();
    let origin = arrived.header("origin");
    if setting == StoreCors::Off || origin.is_none() || !METHODS.contains(&method.as_str()) {
        let message = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, \
                       request method / Access-Control-Request-Method or Access-Control-Request-Headers are not \
                       whitelisted by the resource's CORS spec.";
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>AccessForbidden</Code>\n  \
             <Message>{message}</Message>\n  <HostId>{}</HostId>\n</Error>\n",
            arrived.host()
        );
        return Reply::xml(403, xml).code("AccessForbidden");
    }
    let headers = arrived.header("access-control-request-headers").unwrap_or_else(|| "*".to_owned());
    Reply::empty(200)
        .header("access-control-allow-methods", &METHODS.join(", "))
        .header("access-control-allow-headers", &headers)
        .header("access-control-max-age", "60")
}

/// Adds the response headers of an actual cross-origin request.
pub(crate) fn answer(reply: Reply, setting: StoreCors, arrived: &Arrived) -> Reply {
    if setting == StoreCors::Off || !arrived.headers.contains_key("origin") {
        return reply;
    }
    let exposed = if setting == StoreCors::On { format!("ETag, {EXPOSED}") } else { EXPOSED.to_owned() };
    reply
        .header("access-control-allow-origin", "*")
        .header("access-control-expose-headers", &exposed)
        .header("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
}
