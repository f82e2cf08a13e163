//! `PostObject`: fields first, the file last; signature, policy and rights are settled before the file is read.

use bytes::Bytes;
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::body::drain;
use crate::encode::sha256_hex;
use crate::objects::{Content, Intake, Object};
use crate::reply::Reply;
use crate::service::Service;
use crate::store::write::{LARGEST, check_md5, forbid_overwrite, store};
use crate::store::{document, locate, prefix, rights};
use crate::verify::oss4::argument;
use crate::verify::policy::Fields;
use crate::verify::{Place, Refused};
use crate::world::Ctx;

const VALUE_LIMIT: u64 = 2 * 1024 * 1024;

pub(crate) async fn handle(ctx: &Ctx<'_>, place: &Place, body: Incoming) -> Result<Reply, Refused> {
    let content_type = ctx.arrived.header("content-type").unwrap_or_default();
    let boundary = match (multer::parse_boundary(&content_type), ctx.arrived.content_length()) {
        (Ok(boundary), Some(_)) => boundary,
        (boundary, _) => {
            drain(ctx.arrived, body).await;
            return Err(match boundary {
                Err(_) => malformed("The body of your POST request is not well-formed multipart/form-data."),
                Ok(_) => Refused::new(
                    411,
                    "MissingContentLength",
                    "You must provide the Content-Length HTTP header.",
                ),
            });
        }
    };
    let limits = Constraints::new().size_limit(SizeLimit::new().for_field("file", LARGEST + 1));
    let mut multipart = Multipart::with_constraints(BodyDataStream::new(body), boundary, limits);
    let result = receive(ctx, place, &mut multipart).await;
    if result.is_err() {
        drain_rest(&mut multipart).await;
    }
    result
}

async fn receive(ctx: &Ctx<'_>, place: &Place, form: &mut Multipart<'_>) -> Result<Reply, Refused> {
    let mut fields = Fields::default();
    let mut file = loop {
        let Some(field) = form.next_field().await.map_err(broken)? else {
            let code = file_count(ctx.service);
            return Err(Refused::new(400, code, "POST requires exactly one file upload per request."));
        };
        if field.name().is_some_and(|name| name.eq_ignore_ascii_case("file")) {
            break field;
        }
        fields.0.push(read(field).await?);
    };
    let key = fields.get("key").map(str::to_owned).ok_or_else(|| {
        argument("key", "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields.")
    })?;
    let key = key.replace("${filename}", file.file_name().unwrap_or_default());
    let place = Place { key, ..place.clone() };
    locate::check_key(ctx.service, &place.key)?;
    let range = rights::of_form(ctx, &place, &fields)?;
    let forbid_field = format!("{}forbid-overwrite", prefix(ctx.service));
    let forbid = forbid_overwrite(ctx, &place, fields.get(&forbid_field))?;
    let part_type =
        file.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);

    let content = receive_file(&mut file, range).await?;
    drop(file);
    if let Some(extra) = form.next_field().await.map_err(broken)? {
        let is_file = extra.file_name().is_some();
        drop(extra);
        let one_file = || {
            Refused::new(400, file_count(ctx.service), "POST requires exactly one file upload per request.")
        };
        return Err(if is_file {
            one_file()
        } else {
            malformed("The file must be the last field of the form.")
        });
    }
    if ctx.service == Service::Cos {
        check_md5(ctx.service, fields.get("content-md5"), &content)?;
    }
    let object = name(ctx, &place, &fields, part_type, content);
    let reply = document::posted(ctx, &object, &fields);
    store(ctx, object, forbid)?;
    Ok(reply)
}

/// Reads one plain field.
async fn read(mut field: Field<'_>) -> Result<(String, String), Refused> {
    let name = field.name().unwrap_or_default().to_owned();
    if name.is_empty() || name.len() > 8 * 1024 {
        return Err(malformed("A form field has no usable name."));
    }
    let mut value = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        value.extend_from_slice(&chunk);
        if value.len() as u64 > VALUE_LIMIT {
            return Err(argument(&name, "A form field's value is too long."));
        }
    }
    Ok((name, String::from_utf8_lossy(&value).into_owned()))
}

async fn receive_file(file: &mut Field<'_>, range: Option<(u64, u64)>) -> Result<Content, Refused> {
    let (min, max) = range.unwrap_or((0, LARGEST));
    let mut intake = Intake::new();
    while let Some(chunk) = file.chunk().await.map_err(broken)? {
        let chunk: Bytes = chunk;
        intake.update(&chunk);
        if intake.size() > max {
            let message = "Your proposed upload exceeds the maximum allowed size.";
            return Err(Refused::new(400, "EntityTooLarge", message).ec("0006-00000003"));
        }
    }
    if intake.size() < min {
        let message = "Your proposed upload is smaller than the minimum allowed size.";
        return Err(Refused::new(400, "EntityTooSmall", message).ec("0006-00000004"));
    }
    Ok(intake.finish())
}

/// The stored type: OSS takes `x-oss-content-type`, then the file part's, then the form field's; COS only the last.
fn name(
    ctx: &Ctx<'_>,
    place: &Place,
    fields: &Fields,
    part_type: Option<String>,
    content: Content,
) -> Object {
    let mut object = content.object(ctx.service.name(), &place.bucket, &place.key, ctx.now);
    let field = |name: &str| fields.get(name).map(str::to_owned);
    object.content_type = match ctx.service {
        Service::Oss => field("x-oss-content-type").or(part_type).or_else(|| field("content-type")),
        _ => field("content-type"),
    };
    if ctx.service == Service::Oss {
        // OSS does not promise the MD5 here, so this one does not even look like it.
        let tag = sha256_hex(object.md5.as_bytes())[..40].to_ascii_uppercase();
        object.etag = format!("\"{tag}\"");
    }
    let plain = ["cache-control", "content-disposition", "content-encoding", "expires", "acl"];
    let kept = |name: &str| {
        let own = name.starts_with(prefix(ctx.service)) && !name.ends_with("security-token");
        (own && !name.contains("signature") && !name.contains("credential")) || plain.contains(&name)
    };
    let lower = fields.0.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    object.headers = lower.filter(|(name, _)| kept(name)).collect();
    object
}

async fn drain_rest(form: &mut Multipart<'_>) {
    while let Ok(Some(mut field)) = form.next_field().await {
        while let Ok(Some(_)) = field.chunk().await {}
    }
}

fn file_count(service: Service) -> &'static str {
    if service == Service::Oss {
        "IncorrectNumberOfFilesInPOSTRequest"
    } else {
        "IncorrectNumberOfFilesInPostRequest"
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: multer::Error) -> Refused {
    malformed(&format!("The body of your POST request is not well-formed multipart/form-data: {error}."))
}

fn malformed(message: &str) -> Refused {
    Refused::new(400, "MalformedPOSTRequest", message)
}
