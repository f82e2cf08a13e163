//! The stores' XML documents, and the answer to a form.

use crate::encode::percent_path;
use crate::ids;
use crate::objects::Object;
use crate::reply::{Reply, xml_elements};
use crate::service::Service;
use crate::store::write::success;
use crate::verify::Refused;
use crate::verify::policy::Fields;
use crate::world::Ctx;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The error document; on `HEAD` only its headers.
pub(crate) fn error(ctx: &Ctx<'_>, refused: &Refused) -> Reply {
    let id = ids::hex32().to_ascii_uppercase()[..24].to_owned();
    let mut elements = vec![("Code", refused.code.clone()), ("Message", refused.message.clone())];
    if ctx.service == Service::Oss {
        elements.extend([("RequestId", id.clone()), ("HostId", ctx.arrived.host())]);
        elements.extend(refused.extras.iter().cloned());
        if !refused.ec.is_empty() {
            let link = format!("https://api.aliyun.com/troubleshoot?q={}", refused.ec);
            elements.extend([("EC", refused.ec.to_owned()), ("RecommendDoc", link)]);
        }
    } else {
        let resource = format!("{}{}", ctx.arrived.host(), ctx.arrived.decoded_path());
        elements.extend(refused.extras.iter().cloned());
        elements.extend([("Resource", resource), ("RequestId", id.clone()), ("TraceId", ids::hex32())]);
    }
    let xml = format!("{HEAD}<Error>\n{}</Error>\n", xml_elements(elements));
    let mut reply = Reply::xml(refused.status, xml).code(&refused.code);
    if ctx.arrived.method == "HEAD" {
        reply.body = bytes::Bytes::new();
    }
    let reply = reply.header(&format!("{}request-id", super::prefix(ctx.service)), &id);
    if refused.ec.is_empty() || ctx.service != Service::Oss {
        reply
    } else {
        reply.header("x-oss-ec", refused.ec)
    }
}

/// `success_action_redirect`, else `success_action_status` (200, 201 with a document, 204 by default).
pub(crate) fn posted(ctx: &Ctx<'_>, object: &Object, fields: &Fields) -> Reply {
    let location = format!("http://{}/{}/{}", ctx.arrived.host(), object.bucket, percent_path(&object.key));
    if let Some(url) = fields.get("success_action_redirect").filter(|url| !url.is_empty()) {
        let separator = if url.contains('?') { '&' } else { '?' };
        let (bucket, key, etag) =
            (&object.bucket, percent_path(&object.key), crate::encode::percent(&object.etag));
        let target = format!("{url}{separator}bucket={bucket}&key={key}&etag={etag}");
        return success(ctx, 303, object).header("location", &target);
    }
    let status = match fields.get("success_action_status") {
        Some("200") => 200,
        Some("201") => 201,
        _ => 204,
    };
    let mut reply = success(ctx, status, object).header("location", &location);
    if status == 201 {
        let elements = xml_elements([
            ("Bucket", object.bucket.clone()),
            ("Location", location),
            ("Key", object.key.clone()),
            ("ETag", object.etag.clone()),
        ]);
        reply = reply.header("content-type", "application/xml");
        reply.body = format!("{HEAD}<PostResponse>\n{elements}</PostResponse>\n").into();
    }
    reply
}
