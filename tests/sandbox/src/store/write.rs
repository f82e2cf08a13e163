//! What both ways of writing have in common: overwrite rule, MD5, size, storing, the success headers.

use crate::encode::{base64, unbase64};
use crate::ids;
use crate::objects::{Content, Object};
use crate::reply::Reply;
use crate::service::Service;
use crate::store::{Switches, prefix};
use crate::verify::oss4::argument;
use crate::verify::{Place, Refused};
use crate::world::Ctx;

/// 5 GiB.
pub(crate) const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

/// Reads the forbid-overwrite header or field, and refuses early where the object is already there.
pub(crate) fn forbid_overwrite(ctx: &Ctx<'_>, place: &Place, value: Option<&str>) -> Result<bool, Refused> {
    let forbid = match value {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            let message = "The value of forbid-overwrite must be true or false.";
            return Err(argument("x-oss-forbid-overwrite", message).ec("0017-00000279"));
        }
    };
    if ctx.switches::<Switches>().store_versioned {
        return Ok(false);
    }
    if forbid && ctx.world.objects.get(ctx.service.name(), &place.bucket, &place.key).is_some() {
        return Err(exists());
    }
    Ok(forbid)
}

fn exists() -> Refused {
    let message = "The object you specified already exists and can not be overwritten.";
    Refused::new(409, "FileAlreadyExists", message).ec("0026-00000002")
}

/// `Content-MD5` against what came.
pub(crate) fn check_md5(service: Service, declared: Option<&str>, content: &Content) -> Result<(), Refused> {
    let Some(declared) = declared else { return Ok(()) };
    if unbase64(declared).is_none_or(|bytes| bytes.len() != 16) {
        return Err(Refused::new(400, "InvalidDigest", "The Content-MD5 you specified is invalid."));
    }
    if declared == base64(&content.md5) {
        return Ok(());
    }
    let code = if service == Service::Oss { "InvalidDigest" } else { "BadDigest" };
    Err(Refused::new(400, code, "The Content-MD5 you specified did not match what we received."))
}

/// Puts the object in place; the overwrite rule is checked again under the lock.
pub(crate) fn store(ctx: &Ctx<'_>, object: Object, forbid: bool) -> Result<(), Refused> {
    if ctx.world.objects.put(object, forbid) { Ok(()) } else { Err(exists()) }
}

/// `ETag`, request id, CRC-64 and MD5 of a stored object.
pub(crate) fn success(ctx: &Ctx<'_>, status: u16, object: &Object) -> Reply {
    let prefix = prefix(ctx.service);
    let md5: Vec<u8> =
        (0..16).filter_map(|i| u8::from_str_radix(object.md5.get(2 * i..2 * i + 2)?, 16).ok()).collect();
    let mut reply = Reply::empty(status);
    if ctx.switches::<Switches>().store_versioned {
        reply = reply.header(&format!("{prefix}version-id"), &ids::hex32());
    }
    reply
        .header("etag", &object.etag)
        .header(&format!("{prefix}request-id"), &ids::hex32().to_ascii_uppercase()[..24])
        .header(&format!("{prefix}hash-crc64ecma"), &object.crc64.to_string())
        .header("content-md5", &base64(&md5))
        .header("server", if ctx.service == Service::Oss { "AliyunOSS" } else { "tencent-cos" })
}
