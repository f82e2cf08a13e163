//! `PutObject`: signature and rights from the head, then the body hashed as it comes.

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::body::drain;
use crate::objects::{Content, Intake};
use crate::reply::Reply;
use crate::service::Service;
use crate::store::write::{LARGEST, check_md5, forbid_overwrite, store, success};
use crate::store::{locate, prefix, rights};
use crate::verify::{Place, Refused};
use crate::world::Ctx;

pub(crate) async fn handle(ctx: &Ctx<'_>, place: &Place, mut body: Incoming) -> Result<Reply, Refused> {
    let forbid = match before_body(ctx, place) {
        Ok(forbid) => forbid,
        Err(refused) => {
            drain(ctx.arrived, body).await;
            return Err(refused);
        }
    };
    let content = receive(ctx.service, &mut body).await?;
    check_md5(ctx.service, ctx.arrived.header("content-md5").as_deref(), &content)?;

    let mut object = content.object(ctx.service.name(), &place.bucket, &place.key, ctx.now);
    if ctx.service == Service::Oss {
        object.etag.make_ascii_uppercase();
    }
    object.content_type = ctx.arrived.header("content-type");
    object.headers = stored_headers(ctx);
    let reply = success(ctx, 200, &object);
    store(ctx, object, forbid)?;
    Ok(reply)
}

fn before_body(ctx: &Ctx<'_>, place: &Place) -> Result<bool, Refused> {
    let chunked = ctx.arrived.headers.contains_key("transfer-encoding");
    let length = ctx.arrived.content_length();
    if length.is_none() && !chunked {
        return Err(Refused::new(
            411,
            "MissingContentLength",
            "You must provide the Content-Length HTTP header.",
        ));
    }
    locate::check_key(ctx.service, &place.key)?;
    let unsupported = ["partNumber", "uploadId", "uploads", "append", "acl", "symlink"];
    if ctx.arrived.pairs().iter().any(|(name, _)| unsupported.contains(&name.as_str())) {
        return Err(Refused::new(501, "NotImplemented", "The sandbox stores whole objects only."));
    }
    rights::of_put(ctx, place)?;
    if length.is_some_and(|length| length > LARGEST) {
        let code = if ctx.service == Service::Oss { "InvalidArgument" } else { "EntityTooLarge" };
        return Err(Refused::new(400, code, "Your proposed upload exceeds the maximum allowed object size."));
    }
    let header = format!("{}forbid-overwrite", prefix(ctx.service));
    forbid_overwrite(ctx, place, ctx.arrived.header(&header).as_deref())
}

async fn receive(service: Service, body: &mut Incoming) -> Result<Content, Refused> {
    let mut intake = Intake::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let code = if service == Service::Oss { "RequestTimeout" } else { "IncompleteBody" };
            return Err(Refused::new(400, code, "The body ended before Content-Length was reached."));
        };
        if let Ok(data) = frame.into_data() {
            intake.update(&data);
        }
    }
    Ok(intake.finish())
}

/// Headers a store keeps with the object.
fn stored_headers(ctx: &Ctx<'_>) -> Vec<(String, String)> {
    let prefix = prefix(ctx.service);
    let plain = ["cache-control", "content-disposition", "content-encoding", "expires"];
    let secret = |name: &str| name.ends_with("security-token");
    let kept = |name: &String| (name.starts_with(prefix) && !secret(name)) || plain.contains(&name.as_str());
    let names = ctx.arrived.header_names().into_iter().filter(kept);
    names.filter_map(|name| ctx.arrived.header(&name).map(|value| (name, value))).collect()
}
