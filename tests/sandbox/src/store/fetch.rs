//! `GetObject` and `HeadObject`, open to everyone so that tests and people can look at what they uploaded, unless
//! the bucket is private.

use crate::reply::Reply;
use crate::store::write::success;
use crate::store::{Switches, rights};
use crate::verify::{Place, Refused};
use crate::world::Ctx;

pub(crate) fn handle(ctx: &Ctx<'_>, place: &Place) -> Result<Reply, Refused> {
    if ctx.switches::<Switches>().store_private {
        rights::signed_by(ctx, place)?;
    }
    let object = ctx.world.objects.get(ctx.service.name(), &place.bucket, &place.key).ok_or_else(|| {
        Refused::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", place.key.clone())
    })?;
    let content_type = object.content_type.as_deref().unwrap_or("application/octet-stream");
    let mut reply = success(ctx, 200, &object).header("content-type", content_type);
    reply = object.headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value));
    if ctx.arrived.method == "HEAD" {
        return Ok(reply.header("content-length", &object.size.to_string()));
    }
    reply.body = object.data.ok_or_else(|| {
        Refused::new(501, "NotImplemented", "The sandbox keeps only the digests of objects over 8 MiB.")
    })?;
    Ok(reply)
}
